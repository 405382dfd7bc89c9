// The raw facts as they arrive, newest last; each opens to its fields.
import { el } from "./dom.js";

const MAX_ROWS = 400;
const AROUND = 16; // characters shown before what the filter found
const HIDDEN_FIELDS = new Set(["schema_version", "event_id", "session_id", "basis", "appended_by"]);

export function clock(timeNs) {
  const time = new Date(timeNs / 1e6);
  const two = (n) => String(n).padStart(2, "0");
  const ms = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

// Which part of the conversation a fact is about; it determines the colour.
function subjectOf(name) {
  if (/^(Speech|Transcript|Utterance|Turn|Interruption)/.test(name)) return "user";
  if (/^(Reply|Tool)/.test(name)) return "mind";
  if (/^(Clause|Playback)/.test(name)) return "voice";
  return name === "EngineFailed" ? "failure" : "session";
}

export class FactsPanel {
  constructor({ list, count, filter, empty }) {
    Object.assign(this, { list, count, filter, empty });
    this.introduction = empty.textContent;
    filter.addEventListener("input", () => {
      [...list.children].forEach((row) => this.sift(row));
      this.tellEmpty();
    });
    this.clear();
  }

  clear() {
    this.rows = new WeakMap(); // of each: the element of its gist, the gist, and what the filter looks in
    this.total = 0;
    this.last = 0;
    this.list.replaceChildren();
    this.count.textContent = "0";
    this.tellEmpty();
  }

  tellEmpty() {
    this.empty.hidden = [...this.list.children].some((row) => !row.hidden);
    this.empty.textContent = this.total ? `No fact contains “${this.filter.value.trim()}”.` : this.introduction;
  }

  add({ name, sequence, data }) {
    if (sequence <= this.last) return;
    this.last = sequence;
    this.count.textContent = String(++this.total);
    const atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    const row = this.row(name, sequence, data);
    this.list.append(row);
    if (this.list.childElementCount > MAX_ROWS) this.list.firstElementChild.remove();
    this.tellEmpty();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  row(name, sequence, data) {
    const gist = data.text || data.heard_text || data.error || "";
    const gistShown = el("span", { className: "fact-gist" }, gist);
    const summary = el(
      "summary",
      {},
      el("span", { className: "fact-sequence" }, String(sequence)),
      el("time", {}, data.time_ns ? clock(data.time_ns) : ""),
      el("span", { className: `fact-name of-${subjectOf(name)}` }, name),
      gistShown,
    );
    const details = el("details", {}, summary);
    // The fields are written out when the item is opened.
    details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(fields(data)), { once: true });
    const row = el("li", {}, details);
    this.rows.set(row, { gistShown, gist, name: name.toLowerCase(), fields: leaves(shownFields(data)) });
    this.sift(row);
    return row;
  }

  // Shows a fact if its name or anything in its fields has each of the words; of the fields that its line does not
  // show, the first that has one of them is displayed.
  sift(row) {
    const { gistShown, gist, name, fields } = this.rows.get(row);
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const finds = words.map((word) => (name.includes(word) ? true : fields.find((field) => field.toLowerCase().includes(word))));
    row.hidden = finds.includes(undefined);
    const at = finds.findIndex((found, n) => found !== true && !gist.toLowerCase().includes(words[n]));
    if (row.hidden || at < 0) gistShown.replaceChildren(gist);
    else gistShown.replaceChildren(...snippet(finds[at], words[at]));
  }
}

function fields(data) {
  return el("pre", {}, JSON.stringify(shownFields(data), null, 2));
}

function shownFields(data) {
  return Object.fromEntries(Object.entries(data).filter(([key, value]) => value !== null && !HIDDEN_FIELDS.has(key)));
}

// Every value as a line with its path: `context.2.text: …`.
function leaves(value, place = "") {
  if (typeof value !== "object" || value === null) return [`${place}: ${value}`];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, place ? `${place}.${key}` : key));
}

// The part of a line around the word, with the word marked; its path stays.
function snippet(line, word) {
  const at = line.toLowerCase().indexOf(word);
  const begins = line.indexOf(": ") + 2;
  const from = at - AROUND > begins ? at - AROUND : 0;
  const before = from ? `${line.slice(0, begins)}…${line.slice(from, at)}` : line.slice(0, at);
  const end = at + word.length;
  return [before, el("mark", {}, line.slice(at, end)), line.slice(end, end + 4 * AROUND)];
}
