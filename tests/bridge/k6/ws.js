// k6's `connect` returns when the call is over; here `seen.open` is waited for instead.
import { seen } from "./k6.js";

function connect(url, _params, use) {
  const line = new WebSocket(url);
  line.binaryType = "arraybuffer";
  const told = {};
  use({
    on: (name, take) => (told[name] = take),
    send: (text) => line.send(text),
    close: () => line.close(),
    setTimeout: (act, ms) => setTimeout(act, ms).unref(),
  });
  line.onopen = () => told.open();
  line.onmessage = ({ data }) => (typeof data === "string" ? told.message(data) : told.binaryMessage(data));
  seen.open = new Promise((resolve) => (line.onclose = resolve));
  return { status: 101 };
}

export default { connect };
