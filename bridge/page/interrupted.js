// Where a reply was cut off.
import { el, icon } from "./dom.js";

// `isHeard`: some words of it were heard. `written` is its whole text.
export function interruptedMark(isHeard, written) {
  const mark = el("span", { className: "mark" }, icon("i-close"), el("span", {}, isHeard ? "interrupted" : "interrupted before it was heard"));
  mark.title = `You heard it up to here. The whole text was: ${written}`;
  return mark;
}
