// The room's page: connects form and buttons to the room, and shows the room's people, words and state.
import { el, icon } from "./dom.js";
import { Follower } from "./follow.js";
import { offers } from "./offers.js";
import { orb } from "./orb.js";
import { roomProblem } from "./problems.js";
import { NoToken, RoomCall } from "./room-call.js";
import { TextLimit } from "./text-limit.js";

const SAYS = {
  idle: ["Join a room", "Everybody in the room hears each other and the agent."],
  connecting: ["Connecting…", ""],
  reconnecting: ["Reconnecting…", "The conversation so far is safe."],
  waiting: ["In the room", "The agent is not here yet."],
  listening: ["Listening", "Say something."],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "Interrupt at any time."],
  muted: ["Muted", "Nobody hears you."],
  ended: ["You have left", "What was said is kept in the log."],
};
const MAX_READ_OUT = 40;
const REQUEST_BYTES = 15000; // LiveKit carries 15 KiB in a request: this much text, and its id

const ui = Object.fromEntries(
  [...document.querySelectorAll("[id]")].map((element) => [element.id.replace(/-(.)/g, (_, c) => c.toUpperCase()), element]),
);
const views = new Map(); // by caption
const names = new Map(); // by identity; those who have left said things, too
const call = new RoomCall({ change: render, caption: showCaption, problem: showProblem });
const end = new Follower(ui.scroll);
const limit = new TextLimit(ui.text, ui.tooLong);

function render() {
  const { state, live, muted } = call;
  document.body.dataset.state = state;
  document.body.dataset.begun = String(live || views.size > 0);
  const [title, hint] = SAYS[state];
  if (ui.state.textContent !== title) ui.state.textContent = title;
  ui.hint.textContent = hint;
  const joining = state === "connecting" && !live;
  ui.join.hidden = live;
  ui.enter.setAttribute("aria-disabled", String(joining));
  ui.controls.hidden = !live;
  ui.mute.setAttribute("aria-pressed", String(muted));
  ui.mute.querySelector("use").setAttribute("href", muted ? "#i-mic-off" : "#i-mic");
  ui.mute.querySelector("span").textContent = muted ? "Unmute" : "Mute";
  ui.conversation.hidden = !live && views.size === 0;
  ui.typing.hidden = !live;
  ui.session.hidden = !call.sessionId;
  ui.sessionId.textContent = call.sessionId ?? "";
  renderPeople();
  animate();
}

function renderPeople() {
  const people = call.people;
  ui.people.hidden = people.length === 0;
  ui.people.replaceChildren(
    ...people.map((person) => {
      names.set(person.identity, person);
      const name = el("span", { className: "person-name" }, person.you ? `${person.name} (you)` : person.name);
      const item = el("li", { className: "person" }, ...(person.muted ? [icon("i-mic-off")] : []), name);
      item.dataset.speaking = String(person.speaking);
      item.dataset.agent = String(person.agent);
      if (person.muted) item.append(el("span", { className: "hidden" }, "muted"));
      if (person.speaking) item.append(el("span", { className: "hidden" }, "talking"));
      return item;
    }),
  );
}

function showCaption({ id, identity, text, final }) {
  const who = names.get(identity) ?? { name: identity };
  let view = views.get(id);
  if (!view) {
    view = { name: el("b"), words: el("p"), read: false };
    view.element = el("li", { className: "said" }, view.name, view.words);
    views.set(id, view);
    ui.captions.append(view.element);
    ui.empty.hidden = true;
  }
  Object.assign(view.element.dataset, { final, agent: Boolean(who.agent), you: Boolean(who.you) });
  view.name.textContent = who.you ? "You" : who.name;
  view.words.textContent = text;
  if (final && !view.read) {
    view.read = true;
    ui.readOut.append(el("p", {}, `${view.name.textContent}: ${text}`));
    if (ui.readOut.childElementCount > MAX_READ_OUT) ui.readOut.firstElementChild.remove();
  }
  end.follow();
}

function showProblem(what) {
  ui.problem.hidden = !what;
  ui.problemTitle.textContent = what?.title ?? "";
  ui.problemAdvice.textContent = what?.advice ?? "";
}

function notJoined(error) {
  if (!(error instanceof NoToken)) return roomProblem(error);
  if (["unauthorized", "no-token-key"].includes(error.code)) {
    ui.keyField.hidden = false;
    ui.key.focus();
  }
  return { title: "You were not let in", advice: error.message };
}

const animate = orb(ui.orb, call);

// What this browser remembers: the name, and rooms that were joined.
function remembered(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a browser without storage
  }
}

const rooms = remembered("daredevil.rooms", ["lobby"]);
ui.rooms.append(...rooms.map((value) => el("option", { value })));
ui.room.value = new URLSearchParams(location.search).get("room") ?? rooms[0] ?? "lobby";
ui.name.value = remembered("daredevil.name", "");

ui.join.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (call.state === "connecting") return;
  showProblem(null);
  views.clear();
  ui.captions.replaceChildren();
  const [room, name] = [ui.room.value.trim(), ui.name.value.trim()];
  try {
    await call.join(room, name, ui.key.value.trim());
  } catch (error) {
    return showProblem(notJoined(error));
  }
  remember("daredevil.rooms", [...new Set([room, ...rooms])].slice(0, 8));
  remember("daredevil.name", name);
  ui.mute.focus();
  return undefined;
});
ui.leave.addEventListener("click", () => call.leave());
ui.mute.addEventListener("click", () => call.mute(!call.muted));
ui.typing.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = ui.text.value.trim();
  if (!text || !limit.allows()) return;
  ui.text.value = "";
  end.toEnd();
  call.type(text);
});
for (const name of ["pointerdown", "keydown"]) {
  document.addEventListener(name, () => call.live && !call.room.canPlaybackAudio && call.room.startAudio());
}
window.addEventListener("beforeunload", (event) => call.live && call.texts.unsaid.length && event.preventDefault());
window.addEventListener("pagehide", () => call.room?.disconnect());

// The current state, read only, for tests and debugging.
Object.defineProperty(window, "daredevil", {
  value: Object.freeze({
    get state() {
      return call.state;
    },
    get sessionId() {
      return call.sessionId;
    },
    get people() {
      return structuredClone(call.people);
    },
    get captions() {
      return structuredClone([...call.captions.captions.values()]);
    },
    get soundLevel() {
      return call.level();
    },
  }),
});

offers().then(({ mostTextBytes }) => (limit.mostBytes = Math.min(mostTextBytes, REQUEST_BYTES)));
ui.joinFields.disabled = false; // until now nobody would have listened to the form
render();
