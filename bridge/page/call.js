// One call: microphone, door and player together, and the state that follows from them. No page here.
import { emptyConversation, fold, heard, thinking } from "./conversation.js";
import { Door } from "./door.js";
import { HeldReplies } from "./held-replies.js";
import { keepSession } from "./kept-session.js";
import { Microphone } from "./microphone.js";
import { Player } from "./player.js";
import { QuietFrames } from "./quiet-frames.js";
import {
  LOG_AWAY,
  LOST_MICROPHONE,
  SOUND_BLOCKED,
  closedProblem,
  microphoneProblem,
  reconnecting,
  serverProblem,
  soundLost,
  unheard,
} from "./problems.js";

const ENDS = new Set(["PlaybackFinished", "PlaybackInterrupted", "OpenerPlayed"]);
const SPEECH_PEAK = 0.05; // of full scale: louder is taken for speech
const FRAME_MS = 20;
const UNHEARD_MS = 300; // less than that was no word
const MICROPHONE_MS = 1500; // what the microphone may take to open again before the call goes on without it

export class Call {
  // `who()` returns the fields of a hello that identify the person. `on` has: change() when the state may have changed,
  // entries([...]) of the conversation, fact(message), problem(or null), and begun() for a new session.
  constructor(url, who, on) {
    Object.assign(this, { url, who, on });
    this.player = new Player((message) => this.played(message));
    this.reset();
  }

  reset() {
    this.conversation = emptyConversation();
    this.door = null;
    this.microphone = null;
    this.muted = false;
    this.line = "idle"; // idle, connecting, open, waiting or closed
    this.voice = null; // the reply that sounds: {id, paused}
    this.unsent = new Map(); // played reports that no connection has taken yet
    this.held = new HeldReplies();
    this.frames = new QuietFrames();
    this.unheardMs = 0; // speech while there was no connection
    this.notices = 0;
    this.micLevel = 0;
    this.rates = new Map(); // of each reply's sound, Hz
  }

  // ---- what the person does

  async talk() {
    this.starting = true;
    const joining = this.live; // a typed conversation gets a voice
    this.player.unlock();
    this.on.problem(null);
    this.on.change();
    try {
      await this.openMicrophone();
    } finally {
      this.starting = false;
      this.on.change();
    }
    if (joining && !this.live) this.closeMicrophone(); // hung up meanwhile
    else if (this.microphone && joining) this.door.renew();
    else if (this.microphone) this.connect();
  }

  type(text) {
    this.player.unlock();
    this.on.problem(null);
    if (!this.live) this.connect();
    this.door.say(text);
    this.unsaidChanged();
  }

  mute(muted) {
    this.muted = muted;
    this.microphone?.mute(muted);
    this.on.change();
  }

  // Resumes the session that this tab had before it was reloaded.
  async resume(kept) {
    this.starting = true;
    this.muted = kept.muted ?? false;
    this.player.unlock();
    this.on.change();
    if (kept.voice) {
      const opening = this.openMicrophone();
      await Promise.race([opening, new Promise((done) => setTimeout(done, MICROPHONE_MS))]);
      if (!this.microphone) opening.then(() => this.microphone && this.live && this.door.renew());
    }
    this.starting = false;
    this.connect(kept);
  }

  // The reply being played is stopped first, and gets a moment to report how much of it was heard.
  async hangUp() {
    this.closeMicrophone();
    if (this.voice) {
      this.player.tell("stop", this.voice.id);
      await new Promise((done) => setTimeout(done, 50));
    }
    this.player.close();
    this.voice = null;
    this.door?.hangUp();
    this.unsaidChanged();
    this.on.change();
  }

  retryNow() {
    if (this.live) this.door.retryNow();
    else if (this.wasTyped) this.typeAgain();
    else if (this.mayTalk) this.talk();
  }

  // Texts that no session has stored start a new one.
  typeAgain() {
    const texts = this.unsaid;
    this.connect();
    for (const text of texts) this.door.say(text);
    this.unsaidChanged();
  }

  // ---- its state

  get wasTyped() {
    return this.unsaid.length > 0;
  }

  // Texts that are not stored yet, in order.
  get unsaid() {
    return [...(this.door?.unsaid.values() ?? [])].map(({ text }) => text);
  }

  get live() {
    return ["connecting", "open", "waiting"].includes(this.line);
  }

  get mayTalk() {
    return !this.starting && (!this.live || this.line === "open");
  }

  get sessionId() {
    return this.door?.sessionId ?? null;
  }

  get state() {
    if (this.starting) return "asking";
    if (this.line === "idle") return "idle";
    if (this.line === "closed") return "ended";
    if (this.line !== "open") return this.sessionId ? "reconnecting" : "connecting";
    if (this.voice && !this.voice.paused) return "speaking";
    if (this.voice?.paused || this.conversation.userSpeaking) return "hearing";
    if (thinking(this.conversation)) return "thinking";
    if (!this.microphone) return "waiting";
    return this.muted ? "muted" : "listening";
  }

  level() {
    if (this.state === "speaking") return this.player.level();
    return this.muted || this.line !== "open" ? 0 : this.micLevel;
  }

  // ---- the microphone

  async openMicrophone() {
    if (this.microphone) return;
    try {
      this.microphone = await Microphone.open(
        (pcm, peak) => this.hears(pcm, peak),
        () => this.lostMicrophone(),
      );
      this.microphone.mute(this.muted);
    } catch (error) {
      this.on.problem(microphoneProblem(error));
    }
  }

  hears(pcm, peak) {
    this.micLevel = Math.max(peak, this.micLevel * 0.85);
    if (this.sessionId && this.live && this.line !== "open" && !this.muted && peak > SPEECH_PEAK) this.unheardMs += FRAME_MS;
    const sound = this.frames.take(new Int16Array(pcm), peak);
    if (sound) this.door?.sendSound(sound);
  }

  lostMicrophone() {
    this.closeMicrophone();
    this.on.problem(LOST_MICROPHONE);
    this.on.change();
  }

  closeMicrophone() {
    this.microphone?.close();
    this.microphone = null;
    this.micLevel = 0;
  }

  // ---- the door

  connect(kept = null) {
    const { microphone, muted } = this;
    this.reset();
    Object.assign(this, { microphone, muted, held: new HeldReplies(kept?.replies) });
    const mine = (act) => (...values) => door === this.door && act(...values); // not of a call that is being left
    const door = new Door(
      this.url,
      () => this.hello(),
      {
        state: mine((name, details) => this.lineChanged(name, details)),
        message: mine((message) => this.takes[message.type]?.(message)),
        sound: mine((pcm) => this.player.pcm(this.held.receive(pcm))),
        left: mine(() => this.on.left()),
      },
      kept,
    );
    this.door = door;
    this.on.begun();
    door.open();
  }

  hello() {
    const mic = this.microphone !== null;
    const rate = mic ? this.microphone.rate : 16000;
    const clock = { counts_played: true, clock_ms: performance.now() };
    const who = { ...this.who(), time_zone: timeZone() };
    return { ...who, sample_rate_hz: rate, mic, replies: this.held.toTell(), ...clock };
  }

  // What a reload needs to resume; nothing once the call is over.
  keep() {
    const { sessionId, token, unsaid } = this.door ?? {};
    if (!sessionId || !this.live) return;
    const voice = this.microphone !== null;
    keepSession({ sessionId, token, voice, muted: this.muted, replies: this.held.toSave(), unsaid: [...unsaid.values()] });
  }

  lineChanged(name, details) {
    this.line = name;
    if (name === "open") this.opened(details);
    if (name === "waiting") this.on.problem(reconnecting(details.retryMs));
    if (name === "closed") this.closed(details);
    this.on.change();
  }

  async opened(welcome) {
    this.agentRate = welcome.sample_rate_hz;
    this.on.problem(null);
    this.on.opened(this.door);
    this.keep();
    for (const [id, message] of this.unsent) if (this.door.send(message)) this.unsent.delete(id);
    this.tellUnheard();
    await this.player.open(welcome.sample_rate_hz);
    if (!this.player.allowed && this.live) this.on.problem(SOUND_BLOCKED);
  }

  tellUnheard() {
    if (this.unheardMs >= UNHEARD_MS) this.note(unheard(this.unheardMs));
    this.unheardMs = 0;
  }

  note(text) {
    this.on.entries([{ kind: "notice", key: `notice-of-the-line-${++this.notices}`, text }]);
  }

  closed({ reason, error }) {
    this.closeMicrophone();
    this.player.close();
    this.voice = null;
    keepSession(null);
    this.unsaidChanged();
    this.on.problem(closedProblem(reason, error));
  }

  takes = {
    reply: ({ reply_id: id, sample_rate_hz: rate = this.rates.get(id) ?? this.agentRate, first_sample: first = 0 }) => {
      this.rates.set(id, rate);
      this.held.begin(id, first);
      this.player.begin(id, rate);
    },
    taken: () => this.unsaidChanged(),
    reply_end: ({ reply_id: id }) => this.player.tell("complete", id),
    pause: ({ reply_id: id }) => this.hush("pause", id, { id, paused: true }),
    resume: ({ reply_id: id }) => this.hush("resume", id, { id, paused: false }),
    stop: ({ reply_id: id }) => this.hush("stop", id, null),
    fact: (message) => this.factCame(message),
    error: (message) => {
      if (this.door.welcomed) this.on.problem(serverProblem(message));
      if (message.id) this.unsaidChanged();
    },
    notice: ({ code, ms }) => this.noticeOf[code]?.(ms),
  };

  noticeOf = {
    "log-away": () => this.on.problem(LOG_AWAY),
    "log-back": () => this.on.problem(null),
    "sound-lost": (ms) => this.note(soundLost(ms)),
  };

  unsaidChanged() {
    this.keep();
    this.on.unsaid(this.unsaid, this.live);
  }

  hush(what, id, voice) {
    this.player.tell(what, id);
    if (this.voice?.id === id) this.voice = voice;
    this.on.change();
  }

  factCame(message) {
    this.frames.fact(message);
    const changed = fold(this.conversation, message);
    if (ENDS.has(message.name)) this.held.over(message.data.reply_id);
    this.on.fact(message);
    this.on.entries(changed);
    this.on.change();
  }

  played(report) {
    const message = this.held.played(report);
    const { reply_id: id, samples, started, ended } = message;
    const { stalled, resumed, ...earlier } = this.unsent.get(id) ?? {}; // of a break, the count that followed tells
    const merged = { ...earlier, ...message };
    if (this.door?.send(merged)) this.unsent.delete(id);
    else this.unsent.set(id, merged);
    this.keep();
    if (started) this.voice = { id, paused: false };
    if (ended && this.voice?.id === id) this.voice = null;
    const changed = heard(this.conversation, id, samples);
    if (changed) this.on.entries([changed]);
    if (started || ended) this.on.change();
  }
}

// The browser's time zone as an IANA name; empty if it has none.
function timeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  return zone === "Etc/Unknown" ? "" : zone;
}
