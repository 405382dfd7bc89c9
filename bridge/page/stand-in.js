// Notes, once per browser, that the model which answers is only a stand-in.

const KEY = "daredevil.stand-in-told";

export class StandIn {
  constructor(note, close) {
    this.note = note;
    close.addEventListener("click", () => {
      note.hidden = true;
    });
  }

  // `llm` is the model of the session's profile.
  tell(llm) {
    if (llm !== "local" || this.wasTold()) return;
    this.note.hidden = false;
  }

  // Remembers that the note is shown now; a browser without storage shows it on each visit.
  wasTold() {
    if (!this.note.hidden) return true;
    try {
      const told = localStorage.getItem(KEY) !== null;
      localStorage.setItem(KEY, "yes");
      return told;
    } catch {
      return false;
    }
  }
}
