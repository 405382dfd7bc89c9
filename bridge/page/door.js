// One conversation's WebSocket: sends the hello, reconnects with the same session id, and passes on what arrives.

const WELCOME_MS = 6000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;
const SUMMARY_MS = 60000; // how long the summary is waited for after a call
const GIVE_UP_MS = 120000;
const GOODBYE_MS = 5000; // what a hang-up may take to be stored; then it is said again
const MAX_UNSENT_BYTES = 256000; // some seconds of sound: more means that the line is dead
const NORMAL = 1000;
const FINAL = new Set([4400, 4401, 4403, 4409, 4410]); // refused, no token, not ours, taken over, session closed: no use in coming back

// Always this page's own host; `?ws=/path` may name another path on it.
export function doorUrl(location) {
  const path = new URLSearchParams(location.search).get("ws") ?? "/ws";
  const url = new URL(path, location.href);
  const secure = location.protocol === "https:";
  return `${secure ? "wss" : "ws"}://${location.host}${url.pathname}${url.search}`;
}

// The person's token, for a server that requires one (DAREDEVIL_AUTH): the JWT in this page's address (`?token=`
// or `#token=`), or what your own login provides as `window.daredevilToken = async () => token`.
export async function userToken() {
  for (const part of [location.search, location.hash]) {
    const given = new URLSearchParams(part.slice(1)).get("token");
    if (given) return given;
  }
  return (await globalThis.daredevilToken?.()) ?? "";
}

// Which agent this page's address asks for (`?agent=booking`), and its variables (`?var.restaurant=Da+Mario`).
export function wantedAgent() {
  const given = new URLSearchParams(location.search);
  const variables = {};
  for (const [name, value] of given) if (name.startsWith("var.")) variables[name.slice(4)] = value;
  return { ...(given.get("agent") && { agent: given.get("agent") }), ...(Object.keys(variables).length && { variables }) };
}

export class Door {
  // `hello()` returns the fields of the hello; `on` has: message(object), sound(ArrayBuffer), and
  // state(name, details) with connecting, open, waiting {retryMs}, refused {error} or closed {reason}. `kept` is the
  // session to resume, {sessionId, token, unsaid}, if there is one.
  constructor(url, hello, on, kept = null) {
    this.url = url;
    this.hello = hello;
    this.on = on;
    this.sessionId = kept?.sessionId ?? null;
    this.token = kept?.token ?? null;
    this.unsaid = new Map((kept?.unsaid ?? []).map((text) => [text.id, text])); // texts that are not stored yet
    this.leaving = false; // hung up
    this.isClosed = false; // and that is stored: only the summary is waited for
    this.socket = null;
    this.over = false;
    this.attempt = 0;
    this.lostAt = null;
  }

  open() {
    clearTimeout(this.timer);
    this.welcomed = false;
    this.refusal = null;
    if (!this.leaving) this.on.state("connecting", { again: this.sessionId !== null });
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.timer = setTimeout(() => this.lost(socket, 0), WELCOME_MS);
    socket.onopen = () => this.greet(socket);
    socket.onmessage = ({ data }) => socket === this.socket && this.take(data);
    socket.onclose = ({ code }) => this.lost(socket, code);
  }

  async greet(socket) {
    const token = await userToken();
    if (socket !== this.socket) return;
    const hello = { type: "hello", summary: true, ...wantedAgent(), ...this.hello(), ...(token && { token }) };
    if (this.sessionId) Object.assign(hello, { session_id: this.sessionId, resume_token: this.token ?? "" });
    else delete hello.replies;
    if (this.leaving) hello.mic = false;
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
      this.token = message.resume_token ?? this.token;
      this.attempt = 0;
      this.lostAt = null;
      if (!this.leaving) this.on.state("open", message);
      for (const text of this.unsaid.values()) this.send(text);
      if (this.leaving) this.sayGoodbye();
    } else if (message.type === "fact" && message.name === "SessionClosed") {
      this.isClosed = true;
      if (this.leaving) this.waitForSummary();
    } else if (message.type === "taken") {
      this.unsaid.delete(message.id);
    } else if (message.type === "error") {
      this.refusal = message; // if the connection closes next, this is why
      this.unsaid.delete(message.id); // it is told; sending it again would not help
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
    if (this.leaving) this.leftOr(code, () => this.retryLater());
    else if (this.over) this.end("hangup");
    else if (this.refusal && !this.sessionId) this.end("refused", this.refusal);
    else if (FINAL.has(code)) this.end("refused", this.refusal);
    else if (code === NORMAL && this.welcomed) this.end("ended", this.refusal);
    else if (Date.now() - this.lostAt > GIVE_UP_MS) this.end("gave-up", this.refusal);
    else this.retryLater();
  }

  retryLater() {
    const steady = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.attempt++);
    const retryMs = Math.round(steady * (0.8 + 0.4 * Math.random()));
    if (!this.leaving) this.on.state("waiting", { retryMs, error: this.refusal, attempt: this.attempt });
    this.timer = setTimeout(() => this.open(), retryMs);
  }

  // Does not wait for the next attempt.
  retryNow() {
    if ((!this.over || this.leaving) && this.socket === null) this.open();
  }

  // A new connection to the same session, with another hello (the microphone was added).
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

  // A text counts as said once the server has stored it: until then it is kept, and sent on each new connection.
  say(text) {
    const message = { type: "text", id: crypto.randomUUID?.() ?? randomId(), text };
    this.unsaid.set(message.id, message);
    this.send(message);
  }

  // For the page the call is over at once; the hangup is sent until the server has stored it, on new connections if needed.
  hangUp() {
    if (this.over) return;
    this.end("hangup");
    if (!this.sessionId) {
      const socket = this.socket;
      this.socket = null;
      socket?.close();
      return;
    }
    this.leaving = true;
    this.lostAt = null;
    if (this.isOpen) this.sayGoodbye();
    else if (!this.socket) this.open();
  }

  sayGoodbye() {
    const socket = this.socket;
    this.send({ type: "hangup" });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(socket, 0), GOODBYE_MS);
  }

  waitForSummary() {
    const socket = this.socket;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(socket, NORMAL), SUMMARY_MS);
  }

  leftOr(code, again) {
    const isStored = this.isClosed || FINAL.has(code) || (code === NORMAL && this.welcomed);
    if (isStored || Date.now() - this.lostAt > GIVE_UP_MS) this.on.left?.();
    else again();
  }

  end(reason, error = null) {
    clearTimeout(this.timer);
    this.over = true;
    this.on.state("closed", { reason, error });
  }
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
