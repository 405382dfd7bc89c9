// One conversation's WebSocket: says hello, comes back by itself with the same session id, hands on what arrives.

const WELCOME_MS = 6000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;
const GIVE_UP_MS = 120000;
const GOODBYE_MS = 2500;
const MAX_UNSENT_BYTES = 256000; // some seconds of sound: more means that the line is dead
const NORMAL = 1000;
const FINAL = new Set([4400, 4409, 4410]); // refused, taken over by another page, session closed: no use in coming back

// Always this page's own host; `?ws=/path` may name another path on it.
export function doorUrl(location) {
  const path = new URLSearchParams(location.search).get("ws") ?? "/ws";
  const url = new URL(path, location.href);
  const secure = location.protocol === "https:";
  return `${secure ? "wss" : "ws"}://${location.host}${url.pathname}${url.search}`;
}

export class Door {
  // `hello()` gives the fields of the hello; `on` has: message(object), sound(ArrayBuffer), and
  // state(name, details) with connecting, open, waiting {retryMs}, refused {error} or closed {reason}.
  constructor(url, hello, on) {
    this.url = url;
    this.hello = hello;
    this.on = on;
    this.sessionId = null;
    this.socket = null;
    this.over = false;
    this.attempt = 0;
    this.lostAt = null;
  }

  open() {
    clearTimeout(this.timer);
    this.welcomed = false;
    this.refusal = null;
    this.on.state("connecting", { again: this.sessionId !== null });
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.timer = setTimeout(() => this.lost(socket, 0), WELCOME_MS);
    socket.onopen = () => this.greet(socket);
    socket.onmessage = ({ data }) => socket === this.socket && this.take(data);
    socket.onclose = ({ code }) => this.lost(socket, code);
  }

  greet(socket) {
    const hello = { type: "hello", ...this.hello() };
    if (this.sessionId) hello.session_id = this.sessionId;
    socket.send(JSON.stringify(hello));
  }

  take(data) {
    if (typeof data !== "string") {
      this.on.sound(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "welcome") {
      clearTimeout(this.timer);
      this.welcomed = true;
      this.sessionId = message.session_id;
      this.attempt = 0;
      this.lostAt = null;
      this.on.state("open", message);
    } else if (message.type === "error") {
      this.refusal = message; // if the connection closes next, this is why
    }
    this.on.message(message);
  }

  lost(socket, code) {
    if (socket !== this.socket) return;
    clearTimeout(this.timer);
    this.socket = null;
    socket.onclose = null;
    socket.close();
    this.lostAt ??= Date.now();
    if (this.over) this.end("hangup");
    else if (this.refusal && !this.sessionId) this.end("refused", this.refusal);
    else if (FINAL.has(code)) this.end("refused", this.refusal);
    else if (code === NORMAL && this.welcomed) this.end("ended", this.refusal);
    else if (Date.now() - this.lostAt > GIVE_UP_MS) this.end("gave-up", this.refusal);
    else this.retryLater();
  }

  retryLater() {
    const steady = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempt++);
    const retryMs = Math.round(steady * (0.8 + 0.4 * Math.random()));
    this.on.state("waiting", { retryMs, error: this.refusal, attempt: this.attempt });
    this.timer = setTimeout(() => this.open(), retryMs);
  }

  // Does not wait for the next attempt.
  retryNow() {
    if (!this.over && this.socket === null) this.open();
  }

  // A new connection to the same session, with another hello (the microphone came).
  renew() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
    this.open();
  }

  get isOpen() {
    return this.welcomed && this.socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
    return this.isOpen;
  }

  // Sound that cannot be sent now is not worth sending later.
  sendSound(pcm) {
    if (!this.isOpen) return;
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) this.lost(this.socket, 0);
    else this.socket.send(pcm);
  }

  // Says goodbye, and waits a moment for the last facts.
  hangUp() {
    if (this.over) return;
    this.over = true;
    const socket = this.socket;
    if (this.send({ type: "hangup" })) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.lost(socket, 0), GOODBYE_MS);
    } else if (socket) {
      this.lost(socket, 0);
    } else {
      this.end("hangup");
    }
  }

  end(reason, error = null) {
    clearTimeout(this.timer);
    this.over = true;
    this.on.state("closed", { reason, error });
  }
}
