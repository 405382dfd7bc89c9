// The raw facts as they come, newest last; each opens to its fields.
import { el } from "./dom.js";

const MAX_ROWS = 400;
const HIDDEN_FIELDS = new Set(["schema_version", "event_id", "session_id"]);

export function clock(timeNs) {
  const time = new Date(timeNs / 1e6);
  const two = (n) => String(n).padStart(2, "0");
  const ms = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

// Which part of the conversation a fact is about: it gets that part's colour.
function subjectOf(name) {
  if (/^(Speech|Transcript|Utterance|Turn|Interruption)/.test(name)) return "user";
  if (/^(Reply|Tool)/.test(name)) return "mind";
  if (/^(Clause|Playback)/.test(name)) return "voice";
  return name === "EngineFailed" ? "failure" : "session";
}

export class FactsPanel {
  constructor({ list, count, filter, empty }) {
    Object.assign(this, { list, count, filter, empty });
    filter.addEventListener("input", () => [...list.children].forEach((row) => this.sift(row)));
    this.clear();
  }

  clear() {
    this.texts = new WeakMap(); // what the filter looks in, by row
    this.total = 0;
    this.last = 0;
    this.list.replaceChildren();
    this.count.textContent = "0";
    this.empty.hidden = false;
  }

  add({ name, sequence, data }) {
    if (sequence <= this.last) return;
    this.last = sequence;
    this.count.textContent = String(++this.total);
    this.empty.hidden = true;
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    const row = this.row(name, sequence, data);
    this.list.append(row);
    if (this.list.childElementCount > MAX_ROWS) this.list.firstElementChild.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  row(name, sequence, data) {
    const summary = el(
      "summary",
      {},
      el("span", { className: "fact-sequence" }, String(sequence)),
      el("time", {}, data.time_ns ? clock(data.time_ns) : ""),
      el("span", { className: `fact-name of-${subjectOf(name)}` }, name),
      el("span", { className: "fact-gist" }, data.text || data.heard_text || data.error || ""),
    );
    const details = el("details", {}, summary);
    // The fields are written out when somebody looks.
    details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(fields(data)), { once: true });
    const row = el("li", {}, details);
    this.texts.set(row, `${name} ${JSON.stringify(data)}`.toLowerCase());
    this.sift(row);
    return row;
  }

  // Shows a fact if its name or anything in its fields has each of the words.
  sift(row) {
    const text = this.texts.get(row);
    row.hidden = !this.filter.value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }
}

function fields(data) {
  const shown = Object.entries(data).filter(([key, value]) => value !== null && !HIDDEN_FIELDS.has(key));
  return el("pre", {}, JSON.stringify(Object.fromEntries(shown), null, 2));
}
