// Keeps the end of a conversation in view while its reader is there; scrolling back stops that.

const NEAR = 80; // pixels from the end that still count as there

export class Follower {
  // `words` is the region that scrolls; in a low window it has its full height, and the page scrolls instead.
  constructor(words) {
    this.words = words;
    this.atEnd = true;
    this.seen = "";
    for (const scrolled of [words, document]) scrolled.addEventListener("scroll", () => this.scrolled());
    const sizes = new ResizeObserver(() => this.follow());
    for (const sized of [words, document.body]) sizes.observe(sized);
    window.addEventListener("resize", () => this.follow());
  }

  // Scrolls to the end, wherever the reader was.
  toEnd() {
    this.atEnd = true;
    this.follow();
  }

  follow() {
    if (!this.words.clientHeight) return; // not shown
    const { scroller } = this;
    if (this.atEnd) scroller.scrollTop = scroller.scrollHeight;
    this.seen = this.layout();
  }

  // Scrolling by the browser, because elements have changed their sizes, is not the reader's choice.
  scrolled() {
    if (!this.words.clientHeight) return;
    if (this.seen !== this.layout()) return this.follow();
    const { scroller } = this;
    this.atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    return undefined;
  }

  get scroller() {
    return getComputedStyle(this.words).overflowY === "visible" ? document.scrollingElement : this.words;
  }

  layout() {
    const { scroller } = this;
    return `${scroller === this.words} ${scroller.scrollHeight} ${scroller.clientHeight} ${scroller.clientWidth}`;
  }
}
