// How long a text may be is the server's setting: what is too long is told and stays in the box, nothing is cut off.

const encoder = new TextEncoder();
const number = new Intl.NumberFormat("en");

export class TextLimit {
  // `note` tells of a text in the `box` that is too long.
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
    const told = `Too long to send: ${number.format(bytes)} bytes, ${number.format(this.mostBytes)} are taken at most.`;
    this.note.textContent = isTooLong ? told : "";
    return !isTooLong;
  }
}
