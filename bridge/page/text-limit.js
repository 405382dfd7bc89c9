// The server sets the longest text: a longer one stays in the box, with a message; nothing is cut off.

const encoder = new TextEncoder();
const number = new Intl.NumberFormat("en");

export class TextLimit {
  // `note` is shown while the text in the `box` is too long.
  constructor(box, note) {
    Object.assign(this, { box, note });
    this.mostBytes = Infinity;
    box.addEventListener("input", () => this.allows());
  }

  // Returns whether the text in the box can be sent.
  allows() {
    const bytes = encoder.encode(this.box.value.trim()).length;
    const isTooLong = bytes > this.mostBytes;
    this.box.setAttribute("aria-invalid", String(isTooLong));
    this.note.hidden = !isTooLong;
    const told = `Too long to send: ${number.format(bytes)} bytes; at most ${number.format(this.mostBytes)} are allowed.`;
    this.note.textContent = isTooLong ? told : "";
    return !isTooLong;
  }
}
