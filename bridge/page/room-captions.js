// What everybody says: a fold of caption streams (`lk.transcription`). No page, no room here.

export const TOPIC = "lk.transcription";
const SEGMENT = "lk.segment_id";
const FINAL = "lk.transcription_final";

export class Captions {
  // `changed(caption)` is called with { id, identity, text, final } whenever there is more.
  constructor(changed) {
    this.changed = changed;
    this.captions = new Map();
  }

  clear() {
    this.captions.clear();
  }

  // Each stream is a caption, or a new version of one: a person's is whole each time, the agent's grows.
  async take(reader, identity) {
    const segment = reader.info.attributes?.[SEGMENT] ?? reader.info.id;
    const version = (this.captions.get(segment)?.version ?? 0) + 1;
    let text = "";
    for await (const piece of reader) {
      text += piece;
      this.set(segment, identity, text, false, version);
    }
    // Attributes may arrive with the end.
    this.set(segment, identity, text, reader.info.attributes?.[FINAL] === "true", version);
  }

  set(id, identity, text, final, version) {
    const before = this.captions.get(id);
    if (before?.final || before?.version > version) return; // an older version came late
    const caption = { id, identity, text, final, version };
    this.captions.set(id, caption);
    this.changed(caption);
  }
}
