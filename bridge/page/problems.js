// What can go wrong, and what the person can do about it.

const MICROPHONE = {
  NotAllowedError: [
    "The microphone is blocked",
    "Allow it with the icon beside the address of this page, then press Talk again. Or type instead.",
  ],
  NotFoundError: ["No microphone was found", "Plug one in and press Talk again. Or type instead."],
  NotReadableError: [
    "The microphone is busy",
    "Another program is using it. Close that program and press Talk again. Or type instead.",
  ],
  InsecureContext: [
    "This address may not use the microphone",
    "Browsers allow it on https:// and on localhost only. Open the page at such an address, or type instead.",
  ],
  OldBrowser: [
    "This browser cannot record sound",
    "Use a current Chrome, Edge, Firefox or Safari. Or type instead.",
  ],
};
MICROPHONE.SecurityError = MICROPHONE.NotAllowedError;
MICROPHONE.OverconstrainedError = MICROPHONE.NotFoundError;
MICROPHONE.AbortError = MICROPHONE.NotReadableError;

export function microphoneProblem(error) {
  const [title, advice] = MICROPHONE[error.name] ?? [
    "The microphone did not start",
    `The browser says: ${error.message || error.name}. Press Talk to try again, or type instead.`,
  ];
  return { title, advice };
}

export const LOST_MICROPHONE = {
  title: "The microphone was disconnected",
  advice: "It was unplugged or taken by another program. Press Talk to continue with another one, or type instead.",
};

export const SOUND_BLOCKED = {
  title: "The browser is blocking the sound",
  advice: "Click or tap anywhere on the page to hear the agent.",
};

// Why the LiveKit server refused this page; its message repeats the token, which is a secret.
const REFUSED = [
  ["token is expired", "The token has expired. Press Join for a new one."],
  ["not valid yet", "The token is not valid yet: the clocks of the two servers differ."],
  ["signature is invalid", "The token is not signed with the secret of that server: check DAREDEVIL_LIVEKIT_API_SECRET."],
  ["invalid API key", "That server does not know the key of the token: check DAREDEVIL_LIVEKIT_API_KEY."],
];

export function roomProblem(error) {
  const said = error.message || error.name;
  const [, refused] = REFUSED.find(([sign]) => said.includes(sign)) ?? [];
  if (refused) return { title: "The room's server did not let you in", advice: refused };
  const told = said.replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "(token)");
  return {
    title: "The room could not be joined",
    advice: `${told}. Check that the room's server is running and can be reached from here.`,
  };
}

// The agent left a room without talking; `refusal` is a code, a colon and why.
export function agentRefused(refusal) {
  return { title: "The agent cannot talk here now", advice: refusal.replace(/^[\w-]+: /, "") };
}

export function serverProblem(error) {
  return {
    title: "The agent's server reports a problem",
    advice: [error.message, error.code && `(${error.code})`].filter(Boolean).join(" "),
  };
}

// A text that the agent refused, and why.
export function notTaken(text, why) {
  return { title: "The agent did not accept that", advice: `${why}: “${text.slice(0, 80)}”` };
}

// The person left before the agent had these texts.
export function notStored(messages) {
  return { title: "The agent did not get what you typed", advice: messages.map(({ text }) => `“${text.slice(0, 80)}”`).join(" ") };
}

export function reconnecting(retryMs) {
  const seconds = Math.max(1, Math.round(retryMs / 1000));
  return {
    title: "The connection was lost",
    advice: `Trying again in ${seconds} s; the conversation will continue where it stopped. If this message stays, check that the server is running.`,
    action: "Try now",
  };
}

// Speech without a connection; it is not sent later, as the agent listens to what is said now.
export function unheard(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return `What you said while the connection was down (about ${seconds} s) was not heard. Please say it again.`;
}

// Speech that the server could neither store nor keep.
export function soundLost(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return `About ${seconds} s of what you said was lost on the way. Please say it again.`;
}

export const LOG_AWAY = {
  title: "Nothing can be stored at the moment",
  advice: "What you say is kept for up to a minute, and answered when the log is back. If this message stays, check that NATS is running and its disk is not full.",
};

// Why the server ended it, by its error codes.
const ENDED = {
  "session-closed": "This conversation is over",
  "other-door": "This conversation continues elsewhere",
  "resume-refused": "This conversation belongs to another browser",
  "taken-over": "The conversation continues in another window",
  idle: "The conversation was closed after a long silence",
};

// What the page's address asks for is not there: to ask again would not help.
const NOT_AS_ASKED = {
  "unknown-agent": "The agent in this page's address is not there",
  "missing-variable": "This page's address lacks a variable: &var.NAME=…",
};

// `reason` is how the door closed; `error` is the server's last error message, if there was one.
export function closedProblem(reason, error) {
  if (reason === "gave-up") {
    return {
      title: "The server did not come back",
      advice: "Check that it is running (make run) and start a new conversation. The old one is kept in the log.",
    };
  }
  if (!error || reason === "hangup") return null;
  const title = ENDED[error.code];
  if (title) return { title, advice: "Press Talk to start a new one. This one is kept in the log." };
  if (reason === "ended") return null;
  if (error.code in NOT_AS_ASKED) return { title: NOT_AS_ASKED[error.code], advice: error.message };
  if (error.code === "busy") return { title: "The agent has no time now", advice: serverProblem(error).advice, action: "Try again" };
  return { title: "The agent's server did not accept the call", advice: serverProblem(error).advice, action: "Try again" };
}
