// The audio thread's end of the microphone: 20 ms frames of 16-bit PCM at `sampleRate / factor`, each with its peak.

const FRAME_S = 0.02;

class MicrophoneProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.factor = options.processorOptions.factor; // samples averaged into one: rates above 48 kHz are not taken
    this.frame = new Int16Array(Math.round((sampleRate / this.factor) * FRAME_S));
    this.filled = 0;
    this.sum = 0;
    this.summed = 0;
    this.peak = 0;
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return true; // nothing is connected yet
    for (const sample of channel) {
      this.sum += sample;
      if (++this.summed === this.factor) {
        this.take(this.sum / this.factor);
        this.sum = 0;
        this.summed = 0;
      }
    }
    return true;
  }

  take(sample) {
    const clipped = Math.max(-1, Math.min(1, sample));
    this.peak = Math.max(this.peak, Math.abs(clipped));
    this.frame[this.filled++] = Math.round(clipped * 32767);
    if (this.filled < this.frame.length) return;
    const pcm = this.frame.buffer;
    this.port.postMessage({ pcm, peak: this.peak }, [pcm]);
    this.frame = new Int16Array(Math.round((sampleRate / this.factor) * FRAME_S));
    this.filled = 0;
    this.peak = 0;
  }
}

registerProcessor("microphone", MicrophoneProcessor);
