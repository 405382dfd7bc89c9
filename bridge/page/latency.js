// The response gap of an exchange: a figure, a stacked bar of its parts (what was waited for), and the figures behind
// it, with what was done beside them.
import { el } from "./dom.js";
import { whySilent } from "./silence.js";

export const PARTS = [
  ["endpointing_ms", "endpointing", "silence until it was clear that you had ended"],
  ["vad_ms", "silence noticed", "until it was noticed that you had stopped"],
  ["stt_ms", "speech to text", "waiting for your words"],
  ["first_token_ms", "first token", "waiting for the language model"],
  ["clause_ms", "first clause", "waiting for its first words"],
  ["first_audio_ms", "first audio", "waiting for the voice"],
  ["bus_ms", "bus", "on the way through the log"],
  ["playback_ms", "playback", "until the first sound came out here"],
];
const SCALE_MS = 1000; // a full bar, unless a turn took longer

const shown = (ms) => (ms > 0 && ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

export function fillLegend(legend) {
  if (legend.childElementCount) return;
  legend.append(el("span", { className: "legend-title" }, "Response gap"));
  for (const [field, label, meaning] of PARTS) {
    legend.append(el("span", { className: "key", title: meaning }, el("i", { className: `swatch ${field}` }), label));
  }
}

export class LatencyLine {
  constructor() {
    this.figure = el("b", {});
    this.bar = el("span", { className: "latency-bar" });
    this.toggle = el("button", { className: "latency", type: "button" }, this.figure, this.bar);
    this.table = el("ul", { className: "latency-parts", hidden: true });
    this.toggle.setAttribute("aria-expanded", "false");
    this.toggle.addEventListener("click", () => this.expand(this.table.hidden));
    this.element = el("div", { className: "latency-line", hidden: true }, this.toggle, this.table);
  }

  expand(open) {
    this.table.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
  }

  // `longestMs` is the longest gap so far: all bars of a conversation have one scale. `evidence` is that of the turn's
  // end, null for one that was typed, and `scores` what a language model said of its words.
  show({ gapMs, parts, beside, readyBeforeMs, waitedFor }, longestMs, evidence, scores) {
    this.element.hidden = gapMs === null;
    if (gapMs === null) return;
    this.figure.textContent = `${Math.round(gapMs)} ms`;
    const there = PARTS.map(([field, label, meaning]) => ({ field, label, meaning, ms: parts?.[field] ?? 0 })).filter(
      (part) => part.ms > 0,
    );
    this.bar.style.setProperty("--filled", String(Math.min(1, gapMs / Math.max(SCALE_MS, longestMs))));
    this.bar.replaceChildren(...there.map((part) => this.segment(part)));
    this.table.replaceChildren(
      ...there.map((part) => this.row(part)),
      ...this.silence(parts, beside, evidence, scores),
      ...this.asides(beside, readyBeforeMs, waitedFor),
    );
    const words = there.map((part) => `${part.label} ${shown(part.ms)}`).join(", ");
    this.toggle.setAttribute("aria-label", `Answered after ${Math.round(gapMs)} milliseconds: ${words}`);
  }

  segment({ field, label, meaning, ms }) {
    const segment = el("i", { className: `segment ${field}`, title: `${label}: ${shown(ms)} ms, ${meaning}` });
    segment.style.flexGrow = String(ms);
    segment.dataset.ms = String(ms);
    return segment;
  }

  silence(parts, beside, evidence, scores) {
    const ms = parts?.endpointing_ms || beside?.endpointing_ms;
    if (!ms || !evidence) return [];
    return [el("li", { className: "latency-silence" }, `Endpointing: ${whySilent(evidence, scores, ms)}`)];
  }

  // What cost nothing, because something else took longer.
  asides(beside, readyBeforeMs, waitedFor) {
    const done = PARTS.filter(([field]) => beside?.[field] > 0).map(([field, label]) => `${label} ${shown(beside[field])}`);
    if (!done.length) return [];
    const first = waitedFor === "turn" ? "the answer was ready" : "your turn had ended";
    const earlier = readyBeforeMs == null ? "" : `; ${first} ${shown(readyBeforeMs)} ms earlier`;
    return [el("li", { className: "latency-beside" }, `Beside that, at no cost: ${done.join(", ")} ms${earlier}`)];
  }

  row({ field, label, meaning, ms }) {
    return el(
      "li",
      {},
      el("i", { className: `swatch ${field}` }),
      el("span", { className: "part-name" }, label),
      el("span", { className: "part-meaning" }, meaning),
      el("span", { className: "part-ms" }, `${shown(ms)} ms`),
    );
  }
}
