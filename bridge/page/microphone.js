// The microphone: asks for it with echo cancellation, and passes on frames and their level.

const SPEECH_RATE = 16000; // what the agent hears: resampling here saves two thirds of the upload
const MAX_RATE = 48000;

export class Microphone {
  // `onFrame(ArrayBuffer, peak)` every 20 ms; `onLost()` when the device is disconnected.
  static async open(onFrame, onLost) {
    if (!window.isSecureContext) throw new DOMException("insecure", "InsecureContext");
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new DOMException("old", "OldBrowser");
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    const microphone = new Microphone(stream);
    try {
      await microphone.listen(onFrame);
    } catch (error) {
      microphone.close();
      throw error;
    }
    stream.getAudioTracks()[0].addEventListener("ended", () => microphone.open && onLost());
    return microphone;
  }

  constructor(stream) {
    this.stream = stream;
    this.open = true;
  }

  async listen(onFrame) {
    const source = this.source();
    this.factor = Math.ceil(this.context.sampleRate / MAX_RATE);
    await this.context.audioWorklet.addModule(new URL("./microphone-worklet.js", import.meta.url));
    const node = new AudioWorkletNode(this.context, "microphone", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { factor: this.factor },
    });
    node.port.onmessage = ({ data }) => this.open && onFrame(data.pcm, data.peak);
    source.connect(node);
    await this.context.resume();
  }

  // Some browsers refuse a context whose rate is not the device's: then the device's rate is used.
  source() {
    try {
      this.context = new AudioContext({ sampleRate: SPEECH_RATE, latencyHint: "interactive" });
      return this.context.createMediaStreamSource(this.stream);
    } catch {
      this.context?.close();
      this.context = new AudioContext({ latencyHint: "interactive" });
      return this.context.createMediaStreamSource(this.stream);
    }
  }

  // Rate of the frames, Hz: the context's real one.
  get rate() {
    return Math.round(this.context.sampleRate / this.factor);
  }

  mute(muted) {
    for (const track of this.stream.getAudioTracks()) track.enabled = !muted;
  }

  close() {
    this.open = false;
    for (const track of this.stream.getTracks()) track.stop();
    this.context?.close();
    this.context = null;
  }
}
