// Where a reply was cut off.
import { el, icon } from "./dom.js";

// `isHeard` says that words of it were heard, `written` is what there would have been.
export function interruptedMark(isHeard, written) {
  const mark = el("span", { className: "mark" }, icon("i-close"), el("span", {}, isHeard ? "interrupted" : "interrupted before it was heard"));
  mark.title = `You heard up to here. Written was: ${written}`;
  return mark;
}
