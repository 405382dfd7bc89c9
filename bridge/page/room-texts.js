// Texts that are on their way to a room's agent: each is kept until the agent reports it stored, and sent again under
// the same id to whichever agent is there.

const METHOD = "daredevil.text";
const REFUSED = new Set([400, 1402]); // the agent, or LiveKit (too long), will never take it; after other errors it is asked again
const ANSWER_MS = 8000; // how long an answer may take
const FIRST_REST_MS = 250;
const LAST_REST_MS = 4000;

export class RoomTexts {
  // `ask(method, payload, timeoutMs)` asks the agent, and fails where there is none; `on` has saying({id, text}),
  // stored({id, text}) and refused({id, text}, why).
  constructor(ask, on) {
    this.ask = ask;
    this.on = on;
    this.unsaid = []; // the first is being said
    this.saying = null;
    this.wake = () => {};
  }

  say(text) {
    const message = { id: crypto.randomUUID?.() ?? randomId(), text };
    this.unsaid.push(message);
    this.on.saying(message);
    this.saying ??= this.sayAll().finally(() => (this.saying = null));
  }

  // An agent has arrived, or the connection is back: no need to wait.
  retryNow() {
    this.wake();
  }

  // Waits until all is stored, `withinMs` at most.
  async stored(withinMs) {
    await Promise.race([this.saying, new Promise((resolve) => setTimeout(resolve, withinMs))]);
  }

  // Returns what was not stored.
  forget() {
    const lost = this.unsaid;
    this.unsaid = [];
    this.wake();
    return lost;
  }

  async sayAll() {
    let restMs = FIRST_REST_MS;
    while (this.unsaid.length) {
      const message = this.unsaid[0];
      try {
        await this.ask(METHOD, JSON.stringify(message), ANSWER_MS);
        this.on.stored(message);
      } catch (error) {
        if (!REFUSED.has(error.code)) {
          await this.rest(restMs);
          restMs = Math.min(2 * restMs, LAST_REST_MS);
          continue;
        }
        this.on.refused(message, error.message);
      }
      restMs = FIRST_REST_MS;
      if (this.unsaid[0] === message) this.unsaid.shift(); // unless the room was left meanwhile
    }
  }

  rest(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// For pages that are not served securely.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
