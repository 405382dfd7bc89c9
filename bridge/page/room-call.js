// A person's connection to a LiveKit room: joins, talks, listens, and follows who else is there. No page here.
import { wantedAgent } from "./door.js";
import { Captions, TOPIC } from "./room-captions.js";
import { RoomTexts } from "./room-texts.js";
import { SOUND_BLOCKED, agentRefused, microphoneProblem, notStored, notTaken } from "./problems.js";

const AGENT_STATE = "lk.agent.state";
const SESSION = "daredevil.session";
const REFUSAL = "daredevil.error"; // `code: why the agent does not talk`, before it ends the room
const LEAVING_MS = 3000; // how long texts that are not stored yet keep who leaves
const STATES = { initializing: "connecting", listening: "listening", thinking: "thinking", speaking: "speaking" };

// Why a token was refused: `code` is the server's.
export class NoToken extends Error {
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

// Ask this page's server for a token. Raises NoToken, TypeError when it cannot be reached.
export async function tokenFor(roomName, name, key) {
  const answer = await fetch(new URL("./livekit/token", location), {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ room_name: roomName, participant_name: name, ...wantedAgent() }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await answer.json();
  if (!answer.ok) throw new NoToken({ code: body.code, message: body.detail });
  return body;
}

export class RoomCall {
  // `on.change()` when anything about the room has changed, `on.caption(caption)`, `on.problem(what or null)`.
  constructor(on) {
    this.on = on;
    this.line = "idle"; // idle, connecting, open, reconnecting, ended
    this.room = null;
    this.refusal = "";
    this.captions = new Captions((caption) => on.caption(caption));
    this.texts = new RoomTexts((...request) => this.ask(...request), {
      saying: (message) => this.showTyped(message, false),
      stored: (message) => this.showTyped(message, true),
      refused: (message, why) => on.problem(notTaken(message.text, why)),
    });
  }

  get live() {
    return this.line === "open" || this.line === "reconnecting";
  }

  get muted() {
    return this.room?.localParticipant.isMicrophoneEnabled !== true;
  }

  get agent() {
    return this.live ? [...this.room.remoteParticipants.values()].find(isAgent) : undefined;
  }

  get sessionId() {
    return this.agent?.attributes[SESSION] ?? null;
  }

  // What the page shows: the agent's state, if there is an agent.
  get state() {
    if (this.line !== "open") return this.line;
    const state = this.agent?.attributes[AGENT_STATE];
    if (!this.agent) return "waiting";
    return this.muted && state === "listening" ? "muted" : (STATES[state] ?? "listening");
  }

  get people() {
    if (!this.live) return [];
    return [this.room.localParticipant, ...this.room.remoteParticipants.values()].map((each) => ({
      identity: each.identity,
      name: isAgent(each) ? "Agent" : each.name || each.identity,
      you: each === this.room.localParticipant,
      agent: isAgent(each),
      speaking: each.isSpeaking,
      muted: !each.isMicrophoneEnabled,
    }));
  }

  // Level of the loudest voice, 0 to 1.
  level() {
    return this.live ? Math.max(0, ...[...this.room.remoteParticipants.values()].map((each) => each.audioLevel)) : 0;
  }

  // Raises NoToken, or what LiveKit's client does.
  async join(roomName, name, key) {
    this.become("connecting");
    this.captions.clear();
    this.refusal = "";
    try {
      const token = await tokenFor(roomName, name, key);
      this.room = this.follow(new LivekitClient.Room({ audioCaptureDefaults: { channelCount: 1 } }));
      await this.room.connect(token.server_url, token.participant_token);
    } catch (error) {
      this.become("idle");
      throw error;
    }
    this.become("open");
    await this.mute(false);
    if (this.room.canPlaybackAudio === false) this.on.problem(SOUND_BLOCKED);
  }

  // Waits for texts that are on their way.
  async leave() {
    if (this.live && this.texts.unsaid.length) {
      await this.mute(true);
      await this.texts.stored(LEAVING_MS);
    }
    await this.room?.disconnect();
  }

  async mute(muted) {
    try {
      await this.room.localParticipant.setMicrophoneEnabled(!muted);
    } catch (error) {
      this.on.problem(microphoneProblem(error));
    }
    this.on.change();
  }

  type(text) {
    this.texts.say(text);
  }

  // Ask the agent; fails, as LiveKit's client does, with a `code`.
  async ask(method, payload, responseTimeout) {
    if (this.line !== "open" || !this.agent) throw new Error("there is no agent in the room");
    return this.room.localParticipant.performRpc({ destinationIdentity: this.agent.identity, method, payload, responseTimeout });
  }

  showTyped({ id, text }, final) {
    this.on.caption({ id, identity: this.room.localParticipant.identity, text, final });
  }

  become(line) {
    this.line = line;
    if (line === "open") this.texts.retryNow();
    this.on.change();
  }

  follow(room) {
    const { RoomEvent } = LivekitClient;
    LivekitClient.setLogLevel("error"); // what matters is told on the page
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => this.captions.take(reader, identity).catch(() => {}));
    room.on(RoomEvent.TrackSubscribed, (track) => track.kind === "audio" && document.body.append(track.attach()));
    room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
    room.on(RoomEvent.Reconnecting, () => this.become("reconnecting"));
    room.on(RoomEvent.Reconnected, () => this.become("open"));
    room.on(RoomEvent.Disconnected, (reason) => this.gone(room, reason));
    room.on(RoomEvent.AudioPlaybackStatusChanged, () => this.on.problem(room.canPlaybackAudio ? null : SOUND_BLOCKED));
    for (const name of [
      "ParticipantConnected",
      "ParticipantDisconnected",
      "ParticipantAttributesChanged",
      "ParticipantNameChanged",
      "ActiveSpeakersChanged",
      "TrackMuted",
      "TrackUnmuted",
      "TrackPublished",
      "TrackUnpublished",
      "LocalTrackPublished",
    ]) {
      room.on(RoomEvent[name], () => this.on.change());
    }
    // An agent announces itself by its attributes.
    room.on(RoomEvent.ParticipantAttributesChanged, () => {
      this.refusal = this.agent?.attributes[REFUSAL] ?? this.refusal;
      this.texts.retryNow();
    });
    return room;
  }

  gone(room, reason) {
    if (room !== this.room || !this.live) return;
    const lost = this.texts.forget();
    this.become("ended");
    const told = GONE[LivekitClient.DisconnectReason[reason]];
    if (this.refusal) this.on.problem(agentRefused(this.refusal));
    else if (lost.length) this.on.problem(notStored(lost));
    else if (told) this.on.problem({ title: told, advice: "Press Join to come back." });
  }
}

const isAgent = (participant) => participant.isAgent || AGENT_STATE in participant.attributes;

const GONE = {
  DUPLICATE_IDENTITY: "You joined from another window",
  PARTICIPANT_REMOVED: "You were removed from the room",
  ROOM_DELETED: "The room was closed",
  SERVER_SHUTDOWN: "The room's server is shutting down",
  STATE_MISMATCH: "The connection was lost",
  SIGNAL_CLOSE: "The connection was lost",
};
