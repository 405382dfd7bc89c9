// The agent's voice: an audio context at the agent's rate, and the worklet that plays replies and counts samples.

const USUAL_RATE = 24000;

export class Player {
  // `onPlayed` receives the `played` messages, ready to be sent.
  constructor(onPlayed) {
    this.onPlayed = onPlayed;
    this.context = null;
    this.node = null;
    this.waiting = [];
    this.current = null;
    this.opening = Promise.resolve();
  }

  // Browsers start sound only in response to a click: so the context is created there, at the usual rate.
  unlock() {
    if (!this.context) this.makeContext(USUAL_RATE);
    return this.context.resume();
  }

  // Prepares to play, best at `rate` Hz (others are resampled); what arrives before the worklet is loaded waits.
  open(rate) {
    this.opening = this.opening.then(() => this.load(rate));
    return this.opening;
  }

  async load(rate) {
    if (this.node) return; // a connection that came back: what plays goes on, at any rate
    if (this.context?.sampleRate !== rate) this.replaceContext(rate);
    const context = this.context;
    await context.audioWorklet.addModule(new URL("./player-worklet.js", import.meta.url));
    if (this.context !== context) return; // closed meanwhile
    this.node = new AudioWorkletNode(context, "player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.node.port.onmessage = ({ data: { at_s: at, ...played } }) =>
      this.onPlayed({ ...played, at_ms: heardAt(context, at), clock_ms: performance.now() });
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.node.connect(this.analyser).connect(context.destination);
    await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 300))]);
    for (const [message, transfer] of this.waiting.splice(0)) this.node.port.postMessage(message, transfer);
  }

  makeContext(rate) {
    try {
      this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    } catch {
      this.context = new AudioContext({ latencyHint: "interactive" }); // the worklet resamples
    }
  }

  replaceContext(rate) {
    const old = this.context;
    this.makeContext(rate);
    old?.close();
  }

  begin(id, rate) {
    this.current = id;
    this.post({ type: "begin", id, rate });
  }

  pcm(buffer) {
    if (this.current) this.post({ type: "pcm", id: this.current, pcm: buffer }, [buffer]);
  }

  // `what` is complete, pause, resume or stop.
  tell(what, id) {
    this.post({ type: what, id });
  }

  post(message, transfer = []) {
    if (this.node) this.node.port.postMessage(message, transfer);
    else this.waiting.push([message, transfer]);
  }

  // False while the browser blocks the sound.
  get allowed() {
    return !this.context || this.context.state === "running";
  }

  // How loud it is right now, 0 to 1.
  level() {
    if (!this.node) return 0;
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }

  close() {
    const { context } = this;
    this.node?.disconnect();
    this.opening.finally(() => context?.close()); // not while it loads: browsers complain
    this.context = null;
    this.node = null;
    this.current = null;
    this.waiting.length = 0;
    this.opening = Promise.resolve();
  }
}

// When a sample that the context plays at `at` (s, on its clock) is heard, in ms of performance.now(). The context's
// clock stands still while it is suspended, and runs ahead of the loudspeaker by what the device holds.
function heardAt(context, at) {
  const { contextTime, performanceTime } = context.getOutputTimestamp?.() ?? {};
  if (contextTime > 0 && performanceTime > 0) return performanceTime + (at - contextTime) * 1000;
  return performance.now() + (at - context.currentTime + (context.outputLatency || 0)) * 1000;
}
