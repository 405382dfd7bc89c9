// What the server that runs offers: `page.json`. Without an answer nothing is offered, and texts of any length are for the
// door to judge.
export async function offers() {
  try {
    const { rooms = false, names = false, max_text_bytes: mostTextBytes = Infinity } = await (await fetch("./page.json")).json();
    return { rooms, names, mostTextBytes };
  } catch {
    return { rooms: false, names: false, mostTextBytes: Infinity };
  }
}
