// Past conversations of this browser: it keeps their ids and secrets, the server has the rest. Read and heard in a dialog.
import { el } from "./dom.js";
import { userToken } from "./door.js";
import { interruptedMark } from "./interrupted.js";

const KEY = "daredevil.conversations";
const MAX_KEPT = 30;
const SUMMARY_MS = 60000; // how long after its end a summary may still come
const ASK_AGAIN_MS = 2000;
const WORDS = 60; // characters of the first words that are shown

function kept() {
  try {
    const all = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(all) ? all.filter((each) => each?.id && each?.token) : [];
  } catch {
    return [];
  }
}

function keep(all) {
  try {
    localStorage.setItem(KEY, JSON.stringify(all.slice(0, MAX_KEPT)));
  } catch {
    // a browser without storage has no past conversations
  }
}

export class PastConversations {
  // `list` gets an item each, `section` is shown when there are any, `dialog` shows the one that is chosen.
  constructor({ section, list, dialog, title, body, close }) {
    Object.assign(this, { section, list, dialog, title, body });
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      this.opened = null;
      body.replaceChildren(); // ends its sound, too
    });
    this.show();
  }

  // Remembers a conversation that was opened; the person's first words become its name.
  remember(id, token) {
    if (!id || !token || kept().some((each) => each.id === id)) return;
    keep([{ id, token, at: Date.now(), words: "" }, ...kept()]);
  }

  name(id, words) {
    const all = kept();
    const mine = all.find((each) => each.id === id);
    if (!mine || mine.words || !words) return;
    mine.words = words.length > WORDS ? `${words.slice(0, WORDS - 1)}…` : words;
    keep(all);
  }

  // The conversation in progress, `current`, is not listed.
  show(current = null) {
    this.current = current;
    const all = kept().filter((each) => each.id !== current && each.words);
    this.section.hidden = all.length === 0;
    this.list.replaceChildren(...all.map((each) => this.item(each)));
  }

  item(past) {
    const button = el("button", { type: "button", className: "past-item" }, el("time", {}, when(past.at)), el("span", {}, past.words));
    button.addEventListener("click", () => this.open(past));
    return el("li", {}, button);
  }

  // Where users are known by tokens, theirs opens their conversations; else each has its secret.
  async open(kept) {
    const past = { ...kept, token: (await userToken()) || kept.token };
    this.opened = past;
    this.title.textContent = when(past.at);
    this.body.replaceChildren(el("p", { className: "empty" }, "Reading it…"));
    this.dialog.showModal();
    try {
      const [playback, session] = await Promise.all([this.read(past, "/playback"), this.read(past)]);
      if (this.opened !== past) return;
      const summary = el("p", { className: "summary", role: "status", hidden: true });
      this.body.replaceChildren(summary, ...this.contents(past, playback));
      this.showSummary(past, session, summary).catch(() => (summary.hidden = true));
    } catch (error) {
      if (this.opened !== past) return;
      const forget = el("button", { type: "button", className: "quiet-button" }, "Remove it from this list");
      forget.addEventListener("click", () => this.forget(past.id));
      this.body.replaceChildren(el("p", { role: "alert" }, `The conversation cannot be read: ${error.message}`), forget);
    }
  }

  // Fetched once there is one; until then a note says that it is being written, if it may still come.
  async showSummary(past, session, place) {
    const until = Date.now() + SUMMARY_MS;
    while (this.opened === past) {
      if (session.has_summary) {
        const { final } = await this.read(past, "/summary");
        place.replaceChildren(el("b", {}, "Summary "), final.summary);
        place.hidden = false;
        return;
      }
      const isNew = session.closed_at && Math.abs(Date.now() - Date.parse(session.closed_at)) < SUMMARY_MS;
      const mayCome = isNew && session.turns > 0 && Date.now() < until;
      place.replaceChildren(mayCome ? "Writing a summary…" : "");
      place.hidden = !mayCome;
      if (!mayCome) return;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      session = await this.read(past);
    }
  }

  forget(id) {
    keep(kept().filter((each) => each.id !== id));
    this.dialog.close();
    this.show(this.current);
  }

  async read({ id, token }, what = "") {
    const answer = await fetch(`./sessions/${encodeURIComponent(id)}${what}`, { headers: { Authorization: `Bearer ${token}` } });
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || problem.message || problem.title || `the server answered ${answer.status}`);
  }

  contents(past, { turns, recording }) {
    const parts = [];
    const audio = recording && el("audio", { controls: true, preload: "none", src: `.${recording.url}?token=${encodeURIComponent(past.token)}` });
    if (audio) parts.push(audio);
    parts.push(el("ol", { className: "turns" }, ...turns.map((turn) => exchange(turn, audio))));
    if (turns.length === 0) parts.push(el("p", { className: "empty" }, "Nothing was said."));
    return parts;
  }
}

function exchange({ text, start_ms: startMs, replies }, audio) {
  const item = el("li", { className: "exchange" });
  if (text) item.append(el("p", { className: "user" }, text));
  for (const reply of replies) {
    const isCut = reply.interrupted;
    const words = el("p", { className: "agent" }, el("span", { className: "heard" }, reply.text || (isCut ? "" : "(not heard)")));
    if (isCut) words.append(" ", interruptedMark(Boolean(reply.text), reply.written));
    item.append(words);
  }
  if (audio && startMs !== null) {
    const hear = el("button", { type: "button", className: "quiet-button hear" }, `Hear from ${clock(startMs)}`);
    hear.addEventListener("click", () => {
      audio.currentTime = startMs / 1000;
      audio.play();
    });
    item.append(hear);
  }
  return item;
}

function when(at) {
  return new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
