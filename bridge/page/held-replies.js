// What this page has of each reply that is not over in the log. It is sent when the page reconnects after the
// connection, the server or the page itself broke off: the reply continues from there, nothing is heard twice.

const MAX_HELD = 64;

export class HeldReplies {
  // `saved` is what `toSave()` returned before the page was reloaded: the counts are known, the sound is gone.
  constructor(saved = []) {
    this.held = new Map();
    for (const { reply_id: id, samples = 0, started_at: startedAt = null, ended = false } of saved) {
      this.held.set(id, { samples, received: samples, base: samples, skip: 0, startedAt, ended, isHere: false });
    }
    this.current = null;
  }

  // Notes that sound of a reply follows, from its sample `first` on. Returns true if the player has it already.
  begin(id, first) {
    const held = this.held.get(id) ?? { samples: first, received: first, base: first, skip: 0, startedAt: null, ended: false, isHere: false };
    const isHere = held.isHere;
    if (!isHere) Object.assign(held, { base: first, received: first, samples: first, isHere: true });
    held.skip = Math.max(0, held.received - first);
    this.held.set(id, held);
    this.current = held;
    if (this.held.size > MAX_HELD) this.held.delete(this.held.keys().next().value);
    return isHere;
  }

  // Adds sound of the reply that was begun last (PCM16). Returns the part that is new.
  receive(buffer) {
    if (!this.current) return buffer;
    const samples = buffer.byteLength >> 1;
    const known = Math.min(samples, this.current.skip);
    this.current.skip -= known;
    this.current.received += samples - known;
    return known ? buffer.slice(known * 2) : buffer;
  }

  // Processes the player's count. Returns it as the server counts: from the reply's start.
  played(report, now = Date.now()) {
    const held = this.held.get(report.reply_id);
    if (!held) return report;
    const samples = held.base + report.samples;
    held.samples = Math.max(held.samples, samples);
    if (report.started) held.startedAt ??= now;
    if (report.ended) held.ended = true;
    return { ...report, samples };
  }

  // Notes that the log has the reply's end.
  over(id) {
    this.held.delete(id);
  }

  // For the hello of a connection that resumes the session.
  toTell(now = Date.now()) {
    return [...this.held].map(([id, { received, samples, startedAt, ended }]) => ({
      reply_id: id,
      received,
      samples,
      ...(startedAt === null ? {} : { started_ago_ms: Math.max(0, now - startedAt) }),
      ended,
    }));
  }

  toSave() {
    return [...this.held].map(([id, { samples, startedAt, ended }]) => ({ reply_id: id, samples, started_at: startedAt, ended }));
  }
}
