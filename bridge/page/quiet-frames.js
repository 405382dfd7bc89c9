// What is sent of the microphone, and when: each frame at once, except that quiet goes in longer pieces where nobody
// waits for it. A piece costs the server the same whatever is in it. The rule is that of infra/session/quiet.py.

const QUIET_PEAK = 32 / 32767; // 60 dB below full scale
const SURELY_QUIET_FRAMES = 150; // of 20 ms: no turn is about to end any more
const QUIET_AFTER_TURN_FRAMES = 15; // the same where the turn is known to be over
const MOST_JOINED = 5;

export class QuietFrames {
  constructor() {
    this.mayEndTurn = true; // silence is awaited then
    this.quiet = 0;
    this.held = [];
  }

  // Returns the sound to send now, an Int16Array, or null. `frame` is an Int16Array of 20 ms, `peak` its loudest sample.
  take(frame, peak) {
    this.quiet = peak <= QUIET_PEAK ? this.quiet + 1 : 0;
    this.held.push(frame);
    const enough = this.mayEndTurn ? SURELY_QUIET_FRAMES : QUIET_AFTER_TURN_FRAMES;
    if (this.quiet > enough && this.held.length < MOST_JOINED) return null;
    const joined = this.held.length === 1 ? frame : joinedFrames(this.held);
    this.held = [];
    return joined;
  }

  fact({ name, data }) {
    if (name === "SpeechStarted") this.mayEndTurn = true;
    else if (name === "TurnEnded" && (data.source ?? "speech") === "speech") this.mayEndTurn = false;
  }
}

function joinedFrames(frames) {
  const all = new Int16Array(frames.reduce((samples, frame) => samples + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return all;
}
