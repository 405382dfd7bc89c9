// What is heard, sample by sample: the agent's replies in order, with pause, resume and stop at once.
// Pure apart from `report`; the audio thread drives it by render(), tests drive it the same way.
// Reports say when (`at_s`, on the clock of render()) so many samples had been played, and where sound ran out.

const FADE_S = 0.004; // long enough to hide the click, short enough to end within one render quantum at 24 kHz
const START_S = 0.04; // sound that must have come before a reply (or the rest after a gap) begins
const REPORT_S = 0.1;
const AUDIBLE = 0.003; // samples above this are sound, not silence
const REMEMBERED = 64; // counts kept of replies that are over, to answer a late stop

class Reply {
  constructor(id, rate) {
    this.id = id;
    this.rate = rate; // Hz
    this.data = new Int16Array(1 << 16);
    this.received = 0;
    this.position = 0; // in samples of the reply; has a fraction only when resampling
    this.complete = false; // all of it has come
    this.held = false; // paused
    this.leaving = null; // "pause" or "stop" while fading out
    this.flowing = false; // begun, and not run dry
    this.waited = 0; // output samples since there was something to play
    this.audible = false;
    this.reported = 0;
  }

  get played() {
    return Math.min(this.received, Math.floor(this.position));
  }

  append(pcm) {
    if (this.received + pcm.length > this.data.length) {
      const larger = new Int16Array(Math.max(2 * this.data.length, this.received + pcm.length));
      larger.set(this.data.subarray(0, this.received));
      this.data = larger;
    }
    this.data.set(pcm, this.received);
    this.received += pcm.length;
  }

  // The sample at `position`, between neighbours where that has a fraction.
  sample() {
    const whole = Math.floor(this.position);
    const here = this.data[whole];
    const fraction = this.position - whole;
    if (fraction === 0) return here / 32768;
    const next = whole + 1 < this.received ? this.data[whole + 1] : here;
    return (here + (next - here) * fraction) / 32768;
  }
}

export class Playback {
  // `outputRate` is the device's side (Hz); `report` receives the protocol's `played` messages.
  constructor(outputRate, report) {
    this.outputRate = outputRate;
    this.fadeStep = 1 / Math.max(1, Math.round(FADE_S * outputRate));
    this.report = report;
    this.queue = [];
    this.over = new Map();
    this.gain = 0;
    this.last = 0; // last output sample: it decays when sound runs out, instead of clicking
    this.now = 0; // when the sample that is rendered next is played, in s
  }

  // ---- messages from the server

  // `rate` is that of the reply's sound, Hz, in which its samples are counted.
  begin(id, rate) {
    if (this.find(id) || this.over.has(id)) return;
    // The server never starts a reply over one that it has paused: the paused one is over for it.
    for (const reply of this.queue.filter((each) => each.held)) this.stop(reply.id);
    this.queue.push(new Reply(id, rate));
  }

  append(id, pcm) {
    this.find(id)?.append(pcm);
  }

  complete(id) {
    const reply = this.find(id);
    if (reply) reply.complete = true;
  }

  pause(id) {
    const reply = this.find(id);
    if (!reply) return this.answer(id);
    if (reply.leaving === "stop" || reply.held) return undefined;
    if (this.sounding(reply)) {
      reply.leaving = "pause";
    } else {
      reply.held = true;
      this.tell(reply);
    }
    return undefined;
  }

  resume(id) {
    const reply = this.find(id);
    if (!reply || reply.leaving === "stop") return;
    reply.held = false;
    reply.leaving = null;
  }

  stop(id) {
    const reply = this.find(id);
    if (!reply) this.answer(id);
    else if (this.sounding(reply)) reply.leaving = "stop";
    else this.finish(reply, {});
  }

  // The device stood still on its own until now: only this page knows where.
  stoodStill(now_s) {
    const reply = this.queue[0];
    this.now = now_s;
    if (reply?.flowing && reply.audible && !reply.held && !reply.leaving) this.tell(reply, { resumed: true });
  }

  // ---- calls from the audio thread

  // `begins_s`: when the first sample of `out` is played.
  render(out, begins_s = this.now) {
    this.now = begins_s;
    let at = 0;
    while (at < out.length) {
      const reply = this.next(out.length - at);
      if (!reply) {
        this.decay(out, at);
        break;
      }
      at = this.play(reply, out, at, begins_s);
    }
    this.now = begins_s + out.length / this.outputRate;
  }

  // ---- inside

  find(id) {
    return this.queue.find((reply) => reply.id === id);
  }

  sounding(reply) {
    return reply === this.queue[0] && reply.flowing && !reply.held && reply.position < reply.received;
  }

  // The reply to take samples from now, or nothing; ends those that are finished.
  next(room) {
    while (this.queue.length > 0) {
      const reply = this.queue[0];
      if (reply.position >= reply.received && (reply.complete || reply.leaving === "stop")) {
        this.finish(reply, reply.complete ? { ended: true } : {});
        continue;
      }
      if (reply.position >= reply.received) this.ranDry(reply);
      if (reply.held || !this.ready(reply, room)) return null;
      return reply;
    }
    return null;
  }

  ranDry(reply) {
    const stalled = reply.flowing;
    reply.flowing = false;
    reply.waited = 0;
    if (reply.leaving === "pause") this.hold(reply);
    else if (stalled) this.tell(reply, { stalled: true });
  }

  ready(reply, room) {
    if (reply.flowing) return true;
    if (reply.position >= reply.received) return false;
    const buffered = reply.received - reply.position;
    reply.flowing =
      reply.complete || buffered >= START_S * reply.rate || reply.waited >= START_S * this.outputRate;
    if (reply.flowing) this.gain = reply.position === 0 ? 1 : 0;
    else reply.waited += room;
    if (reply.flowing && reply.audible) this.tell(reply, { resumed: true });
    return reply.flowing;
  }

  play(reply, out, from, begins_s) {
    let at = from;
    const step = reply.rate / this.outputRate;
    while (at < out.length && reply.position < reply.received) {
      const target = reply.leaving ? 0 : 1;
      if (this.gain < target) this.gain = Math.min(1, this.gain + this.fadeStep);
      else if (this.gain > target) this.gain = Math.max(0, this.gain - this.fadeStep);
      const sample = reply.sample();
      this.last = sample * this.gain;
      out[at++] = this.last;
      reply.position += step;
      this.now = begins_s + at / this.outputRate;
      if (!reply.audible && Math.abs(sample) > AUDIBLE) {
        reply.audible = true;
        this.tell(reply, { started: true });
      }
      if (reply.leaving && this.gain < 1e-6) {
        if (reply.leaving === "stop") this.finish(reply, {});
        else this.hold(reply);
        return at;
      }
    }
    if (reply.played - reply.reported >= REPORT_S * reply.rate) this.tell(reply);
    return at;
  }

  hold(reply) {
    reply.held = true;
    reply.leaving = null;
    this.gain = 0;
    this.tell(reply);
  }

  finish(reply, extra) {
    this.queue = this.queue.filter((each) => each !== reply);
    this.over.set(reply.id, reply.played);
    if (this.over.size > REMEMBERED) this.over.delete(this.over.keys().next().value);
    this.tell(reply, extra);
  }

  decay(out, from) {
    for (let at = from; at < out.length; at++) {
      this.last = Math.abs(this.last) < 1e-4 ? 0 : this.last * 0.95;
      out[at] = this.last;
    }
  }

  answer(id) {
    this.report({ type: "played", reply_id: id, samples: this.over.get(id) ?? 0, at_s: this.now });
  }

  tell(reply, extra = {}) {
    reply.reported = reply.played;
    this.report({ type: "played", reply_id: reply.id, samples: reply.played, at_s: this.now, ...extra });
  }
}
