// What the running server offers: `page.json`. Without an answer nothing is offered, and the door judges the length of
// texts.
export async function offers() {
  try {
    const { rooms = false, names = false, max_text_bytes: mostTextBytes = Infinity } = await (await fetch("./page.json")).json();
    return { rooms, names, mostTextBytes };
  } catch {
    return { rooms: false, names: false, mostTextBytes: Infinity };
  }
}
