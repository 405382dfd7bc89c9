// The conversation on the page: one list item per exchange, changed in place, and captions for screen readers.
import { heardClauses, replyToShow, wordsOf } from "./conversation.js";
import { el } from "./dom.js";
import { Follower } from "./follow.js";
import { interruptedMark } from "./interrupted.js";
import { LatencyLine, fillLegend } from "./latency.js";

const DISMISSED = { "no-words": "no words", backchannel: "heard as agreement", echo: "an echo of the agent", unaddressed: "said to somebody else", repetition: "no speech, only the same again and again", "too-fast": "no speech", unlikely: "no speech that could be understood", language: "speech in another language" };
const MAX_CAPTIONS = 40;

class ExchangeView {
  constructor() {
    this.user = el("p", { className: "user" });
    this.aside = el("p", { className: "dismissed", hidden: true });
    this.opener = el("p", { className: "opener", hidden: true });
    this.preparing = el("p", { className: "preparing", hidden: true }, el("i"), el("i"), el("i"), "preparing");
    this.tools = el("p", { className: "tools", hidden: true });
    this.agent = el("p", { className: "agent", hidden: true });
    this.mark = el("span", { hidden: true });
    this.latency = new LatencyLine();
    this.element = el("li", { className: "exchange" }, this.user, this.aside, this.opener, this.preparing, this.tools, this.agent, this.latency.element);
    this.beforeMark = document.createTextNode(" ");
    this.agent.append(this.beforeMark, this.mark);
    this.spans = [];
  }

  show(exchange, longestMs) {
    this.showUser(exchange);
    this.opener.hidden = exchange.openers.length === 0;
    this.opener.textContent = exchange.openers.map(openerWords).join(" · ");
    this.preparing.hidden = !exchange.preparing;
    this.tools.hidden = exchange.tools.length === 0;
    this.tools.textContent = exchange.tools.map(toolWords).join(" · ");
    const reply = replyToShow(exchange);
    this.agent.hidden = !reply || reply.clauses.length === 0;
    this.mark.hidden = !reply?.interrupted;
    if (!reply) return;
    this.showWords(reply);
    this.latency.show(reply, longestMs, exchange.evidence, exchange.scores);
  }

  showUser({ userText, ended, settled, dismissed, source }) {
    this.user.hidden = !userText || Boolean(dismissed);
    this.user.textContent = userText;
    this.user.className = `user${ended ? "" : settled ? " settled" : " interim"}${source === "text" ? " typed" : ""}`;
    this.aside.hidden = !dismissed;
    if (dismissed) {
      const words = dismissed.text ? `“${dismissed.text}”` : "A sound";
      this.aside.textContent = `${words}: ${DISMISSED[dismissed.reason] ?? dismissed.reason}, so the agent goes on`;
    }
  }

  showWords(reply) {
    const words = wordsOf(reply);
    const same = this.spans.length <= words.length && this.spans.every((span, at) => span.textContent === words[at].text);
    if (!same) this.spans.splice(0).forEach((span) => span.remove());
    if (!same) this.agent.replaceChildren(this.beforeMark, this.mark);
    for (const { text, space } of words.slice(this.spans.length)) {
      const span = el("span", {}, text);
      this.beforeMark.before(this.spans.length ? space : "", span); // line breaks of the written text stay
      this.spans.push(span);
    }
    words.forEach(({ heard }, at) => this.spans[at].classList.toggle("heard", heard));
    this.agent.classList.toggle("cut", reply.interrupted);
    const written = reply.clauses.map((clause) => clause?.text ?? "").join("");
    this.mark.replaceChildren(...(reply.interrupted ? [interruptedMark(words.length > 0, written)] : []));
  }
}

const openerWords = ({ text, retracted }) => (retracted ? `began “${text}” and took it back` : `began with “${text}”`);

const toolWords = ({ name, done, error }) => (error ? `${name}: ${error}` : done ? `used ${name}` : `using ${name}…`);

export class Transcript {
  constructor({ list, scroll, empty, legend, captions }) {
    Object.assign(this, { list, empty, legend, captions });
    this.end = new Follower(scroll);
    this.summaryPending = el("li", { className: "summary pending", hidden: true }, "Writing a summary…");
    this.unsaid = el("li", { className: "exchange unsaid", hidden: true });
    this.clear();
  }

  showSummaryPending(isPending) {
    this.summaryPending.hidden = !isPending;
    if (isPending) this.list.append(this.summaryPending);
    this.end.follow();
  }

  // Texts that the server has not stored yet, after all others; it no longer will if the call is over.
  showUnsaid(texts, live) {
    const state = live ? "sending…" : "not sent";
    this.unsaid.hidden = texts.length === 0;
    this.unsaid.replaceChildren(...texts.map((text) => el("p", { className: "user typed" }, text, el("small", {}, state))));
    if (texts.length) this.list.append(this.unsaid);
    this.empty.hidden = this.views.size > 0 || texts.length > 0;
    this.end.follow();
  }

  clear() {
    this.views = new Map();
    this.captioned = new Set();
    this.longestMs = 0;
    this.list.replaceChildren();
    this.unsaid.hidden = true;
    this.summaryPending.hidden = true;
    this.captions.replaceChildren();
    this.empty.hidden = false;
    this.legend.hidden = true;
    this.end.toEnd();
  }

  show(entries) {
    for (const entry of entries) {
      if (entry.kind === "exchange") this.showExchange(entry);
      else this.showOnce(entry);
    }
    this.empty.hidden = this.views.size > 0;
    if (entries.length) this.end.follow();
  }

  showExchange(entry) {
    const view = this.viewOf(entry.key, () => new ExchangeView());
    view.entry = entry;
    const gapMs = replyToShow(entry)?.gapMs ?? 0;
    if (gapMs > 0) {
      fillLegend(this.legend);
      this.legend.hidden = false;
    }
    if (gapMs > this.longestMs) {
      this.longestMs = gapMs;
      for (const other of this.views.values()) if (other.entry) other.show(other.entry, gapMs);
    }
    view.show(entry, this.longestMs);
    this.caption(entry);
  }

  showOnce(entry) {
    const parts =
      entry.kind === "summary"
        ? [el("b", {}, "Summary "), entry.text, entry.topics.length ? el("small", {}, entry.topics.join(" · ")) : ""]
        : [el("b", {}, "! "), entry.text];
    this.viewOf(entry.key, () => ({ element: el("li", { className: entry.kind }, ...parts) }));
    this.say(entry.key, entry.text);
  }

  viewOf(key, make) {
    if (!this.views.has(key)) {
      const view = make();
      this.views.set(key, view);
      this.list.append(view.element);
      if (!this.unsaid.hidden) this.list.append(this.unsaid);
    }
    return this.views.get(key);
  }

  // Finished turns, and the heard parts of replies, clause by clause: interim words would be read out over and over, and
  // what is written ahead may never be said.
  caption(entry) {
    if (entry.ended) this.say(`${entry.key}:user`, `You: ${entry.userText}`);
    const reply = replyToShow(entry);
    if (!reply) return;
    for (const { key, text } of heardClauses(reply)) this.say(`${reply.id}:${key}`, `Agent: ${text}`);
    if (reply.interrupted) this.sayRest(reply);
  }

  // The heard words of the clause that was cut off: the text after the clauses that were said here, which have as many
  // letters, whatever the space between them.
  sayRest(reply) {
    const clauses = reply.clauses.filter((clause) => clause && this.captioned.has(`${reply.id}:${clause.index}`));
    let letters = clauses.map((clause) => clause.text).join("").replace(/\s/g, "").length;
    const rest = [...(reply.heardText ?? "")].filter((letter) => (/\s/.test(letter) ? letters <= 0 : (letters -= letter.length) < 0));
    const words = rest.join("").trim();
    if (words) this.say(`${reply.id}:rest`, `Agent: ${words}`);
    this.say(`${reply.id}:cut`, "Agent interrupted");
  }

  say(key, text) {
    if (this.captioned.has(key)) return;
    this.captioned.add(key);
    this.captions.append(el("p", {}, text));
    if (this.captions.childElementCount > MAX_CAPTIONS) this.captions.firstElementChild.remove();
  }
}
