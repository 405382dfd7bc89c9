// The page: connects the buttons to the call, and shows the call's state.
import { Call } from "./call.js";
import { copyButton } from "./dom.js";
import { doorUrl } from "./door.js";
import { FactsPanel } from "./facts-panel.js";
import { keptSession } from "./kept-session.js";
import { offers } from "./offers.js";
import { orb } from "./orb.js";
import { PastConversations } from "./past.js";
import { StandIn } from "./stand-in.js";
import { TextLimit } from "./text-limit.js";
import { Transcript } from "./transcript.js";
import { Who } from "./who.js";

const SAYS = {
  idle: ["Ready when you are", "Press Talk, allow the microphone, and speak. Interrupt whenever you like."],
  asking: ["Your microphone…", "Allow it when the browser asks."],
  connecting: ["Connecting…", ""],
  reconnecting: ["Reconnecting…", "The conversation so far is safe."],
  listening: ["Listening", "Say something."],
  hearing: ["Listening", "Go on, you have the floor."],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "Interrupt at any time."],
  muted: ["Muted", "The agent does not hear you."],
  waiting: ["Ready", "Type something, or press Talk to speak."],
  refused: ["No conversation", "The agent did not take the call."],
  ended: ["Conversation ended", "It is kept in the log. Press Talk for a new one."],
};

const ui = Object.fromEntries(
  [...document.querySelectorAll("[id]")].map((element) => [element.id.replace(/-(.)/g, (_, c) => c.toUpperCase()), element]),
);
const transcript = new Transcript({
  list: ui.turns,
  scroll: ui.scroll,
  empty: ui.empty,
  legend: ui.legend,
  captions: ui.captions,
});
const facts = new FactsPanel({ list: ui.factsList, count: ui.factsCount, filter: ui.factsFilter, empty: ui.factsEmpty });
const past = new PastConversations({
  section: ui.past,
  list: ui.pastList,
  dialog: ui.pastDialog,
  title: ui.pastTitle,
  body: ui.pastBody,
  close: ui.pastClose,
});
const limit = new TextLimit(ui.text, ui.tooLong);
const who = new Who(ui.name, ui.nameLabel);
const standIn = new StandIn(ui.standIn, ui.standInClose);
const call = new Call(doorUrl(location), () => who.fields(), {
  change: render,
  entries: (changed) => transcript.show(changed),
  fact: (message) => factCame(message),
  left: () => transcript.showSummaryPending(false),
  problem: showProblem,
  unsaid: (texts, live) => transcript.showUnsaid(texts, live),
  opened: ({ sessionId, token }) => {
    past.remember(sessionId, token);
    past.show(sessionId);
  },
  begun: () => {
    transcript.clear();
    facts.clear();
  },
});

function factCame(message) {
  facts.add(message);
  const { name, data } = message;
  if (name === "SessionOpened") standIn.tell(data.profile?.llm);
  if (name === "TurnEnded") past.name(data.session_id, data.text);
  if (name === "SessionClosed") {
    transcript.showSummaryPending(call.conversation.hasTurns);
    past.show();
  }
  if (name === "SummaryWritten") transcript.showSummaryPending(false);
}

// What the server runs decides what the page offers.
async function showOffers() {
  const { rooms, mostTextBytes, names } = await offers();
  ui.rooms.hidden = !rooms;
  limit.mostBytes = mostTextBytes;
  who.areBelieved = names;
  render();
}

let typing = false; // the text box was asked for
let problem = null;

function render() {
  const { state } = call;
  const talking = call.microphone !== null && call.live;
  const begun = call.line !== "idle" || typing;
  document.body.dataset.state = state;
  document.body.dataset.begun = String(begun);
  const [title, hint] = SAYS[state === "ended" && !call.sessionId ? "refused" : state];
  if (ui.state.textContent !== title) ui.state.textContent = title;
  ui.hint.textContent = hint;
  keepFocus(() => {
    ui.talk.hidden = talking;
    ui.mute.hidden = !talking;
    ui.hangup.hidden = !call.live;
    ui.typeInstead.hidden = begun;
  });
  ui.tagline.hidden = begun;
  who.show(call.live);
  // Not `disabled`, which would drop the keyboard's focus.
  ui.talk.setAttribute("aria-disabled", String(!call.mayTalk));
  ui.mute.setAttribute("aria-pressed", String(call.muted));
  ui.mute.querySelector("use").setAttribute("href", call.muted ? "#i-mic-off" : "#i-mic");
  ui.mute.querySelector("span").textContent = call.muted ? "Unmute" : "Mute";
  ui.conversation.hidden = !begun;
  renderSession();
  animate();
}

function renderSession() {
  const id = call.sessionId;
  ui.session.hidden = !id;
  ui.cli.hidden = !id;
  ui.sessionId.textContent = id ?? "";
  ui.cliCommand.textContent = `daredevil events ${id}`;
}

// A focused button that disappears passes its focus to the one that replaces it.
function keepFocus(change) {
  const before = document.activeElement;
  change();
  if (before instanceof HTMLButtonElement && before.hidden) {
    [ui.mute, ui.talk, ui.hangup].find((button) => !button.hidden)?.focus();
  }
}

function showProblem(what) {
  problem = what;
  ui.problem.hidden = !what;
  ui.problemTitle.textContent = what?.title ?? "";
  ui.problemAdvice.textContent = what?.advice ?? "";
  ui.problemAction.hidden = !what?.action;
  ui.problemAction.textContent = what?.action ?? "";
}

const animate = orb(ui.orb, call);

ui.talk.addEventListener("click", () => call.mayTalk && call.talk());
ui.hangup.addEventListener("click", () => call.hangUp());
ui.mute.addEventListener("click", () => call.mute(!call.muted));
ui.problemAction.addEventListener("click", () => call.retryNow());
ui.typeInstead.addEventListener("click", () => {
  typing = true;
  render();
  ui.text.focus();
});
ui.typing.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = ui.text.value.trim();
  if (!text || !limit.allows()) return;
  ui.text.value = "";
  transcript.end.toEnd();
  call.type(text);
});

function showFacts(open) {
  ui.facts.hidden = !open;
  ui.factsToggle.setAttribute("aria-expanded", String(open));
  document.body.dataset.facts = String(open);
  if (open) ui.factsList.scrollTop = ui.factsList.scrollHeight;
  else ui.factsToggle.focus();
}
ui.factsToggle.addEventListener("click", () => showFacts(ui.facts.hidden));
ui.factsClose.addEventListener("click", () => showFacts(false));
ui.facts.addEventListener("keydown", (event) => event.key === "Escape" && showFacts(false));

copyButton(ui.copySession, () => call.sessionId);
copyButton(ui.copyCommand, () => ui.cliCommand.textContent);

// The browser may have stopped the sound while the page was away, or until the first click.
for (const name of ["pointerdown", "keydown", "visibilitychange"]) {
  document.addEventListener(name, async () => {
    if (!call.player.context || call.player.allowed) return;
    await call.player.context.resume();
    if (problem?.title === "The browser is blocking the sound") showProblem(null);
  });
}
window.addEventListener("pagehide", () => call.keep());
window.addEventListener("online", () => call.door?.retryNow());

// The current state, read only, for tests and debugging.
Object.defineProperty(window, "daredevil", {
  value: Object.freeze({
    get state() {
      return call.state;
    },
    get sessionId() {
      return call.sessionId;
    },
    get turns() {
      return structuredClone([...call.conversation.entries.values()].filter((entry) => entry.kind === "exchange"));
    },
    get unheardMs() {
      return call.unheardMs;
    },
    get soundLevel() {
      return call.player.level();
    },
  }),
});

render();
showOffers();
const kept = keptSession();
if (kept) call.resume(kept);
