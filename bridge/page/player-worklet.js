// The audio thread's end of the player: messages in, sound out, played counts back.
import { Playback } from "./playback.js";

const STOOD_STILL_S = 0.1; // the audio thread may be called late by less: the device has that much

class PlayerProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    const playback = new Playback(sampleRate, (played) => this.port.postMessage(played));
    this.playback = playback;
    this.ahead = Infinity; // of the context's clock, which stands still with the device: the wall clock, s
    const takes = {
      begin: (m) => playback.begin(m.id, m.rate),
      pcm: (m) => playback.append(m.id, new Int16Array(m.pcm, 0, m.pcm.byteLength >> 1)),
      complete: (m) => playback.complete(m.id),
      pause: (m) => playback.pause(m.id),
      resume: (m) => playback.resume(m.id),
      stop: (m) => playback.stop(m.id),
    };
    this.port.onmessage = ({ data }) => takes[data.type]?.(data);
  }

  process(_inputs, outputs) {
    const ahead = Date.now() / 1000 - currentTime;
    if (ahead - this.ahead > STOOD_STILL_S) this.playback.stoodStill(currentTime);
    this.ahead = ahead;
    const [first, ...others] = outputs[0];
    if (first) {
      this.playback.render(first, currentTime);
      for (const channel of others) channel.set(first);
    }
    return true;
  }
}

registerProcessor("player", PlayerProcessor);
