// The conversation as a fold of its facts: what was said, what was heard, how long it took. No page, no sound here.
import { placed, split } from "./heard-words.js";

const USUAL_RATE = 24000; // Hz, until synthesis has told the rate of a reply's sound

export function emptyConversation() {
  return { entries: new Map(), replies: new Map(), sequence: 0, userSpeaking: false, closed: false, hasTurns: false, preparing: new Set(), retracted: new Set() };
}

function exchangeOf(conversation, turnId) {
  let entry = conversation.entries.get(turnId);
  if (!entry) {
    entry = { kind: "exchange", key: turnId, userText: "", settled: false, ended: false, endedAt: null, passed: false, preparing: false, source: "speech", dismissed: null, evidence: null, scores: [], openers: [], replies: [], tools: [] };
    conversation.entries.set(turnId, entry);
  }
  return entry;
}

function replyOf(conversation, data) {
  const { reply_id: id } = data;
  let reply = conversation.replies.get(id);
  if (!reply) {
    reply = { id, draft: false, discarded: false, clauses: [], completed: null, playing: false, started: false, finished: false, interrupted: false, heardText: null, playedSamples: 0, rate: USUAL_RATE, gapMs: null, parts: null };
    reply.exchange = exchangeOf(conversation, data.turn_id ?? `reply-${id}`);
    reply.exchange.replies.push(reply);
    conversation.replies.set(id, reply);
  }
  return reply;
}

function clauseOf(reply, index) {
  reply.clauses[index] ??= { index, text: "", sent: null, total: null, wordEnds: [] };
  return reply.clauses[index];
}

function changeReply(conversation, data, fields) {
  const reply = Object.assign(replyOf(conversation, data), fields);
  return [reply.exchange];
}

// What went wrong, without the exception's class that precedes it in facts.
function reason(error) {
  return error.replace(/^(?:[\w.]*(?:Error|Exception|Failed|Timeout|Unavailable)\w*: )+/, "") || error;
}

function addNotice(conversation, sequence, text) {
  const notice = { kind: "notice", key: `notice-${sequence}`, text };
  conversation.entries.set(notice.key, notice);
  return [notice];
}

// Each takes (conversation, the fact's data, its sequence) and returns the entries that it changed.
const FOLDS = {
  SpeechStarted(conversation) {
    conversation.userSpeaking = true;
    return [];
  },
  SpeechEnded(conversation) {
    conversation.userSpeaking = false;
    return [];
  },
  TranscriptRevised(conversation, data) {
    const known = conversation.entries.has(data.turn_id);
    if (!known && !data.text.trim()) return [];
    const entry = exchangeOf(conversation, data.turn_id);
    if (!entry.ended) Object.assign(entry, { userText: data.text, settled: Boolean(data.settled) });
    return [entry];
  },
  TranscriptScored(conversation, data) {
    const entry = conversation.entries.get(data.turn_id);
    entry?.scores.push({ problem: data.problem ?? "", time_ns: data.time_ns });
    return entry ? [entry] : [];
  },
  TurnEnded(conversation, data, sequence) {
    conversation.userSpeaking = false;
    conversation.hasTurns = true;
    const entry = exchangeOf(conversation, data.turn_id ?? data.event_id);
    Object.assign(entry, { userText: data.text, ended: true, endedAt: sequence, source: data.source ?? "speech", dismissed: null, evidence: data.evidence ?? null });
    return [entry];
  },
  TurnPassed(conversation, data) {
    const entry = exchangeOf(conversation, data.turn_id);
    entry.passed = true;
    return [entry];
  },
  InterruptionDismissed(conversation, data) {
    conversation.userSpeaking = false;
    const entry = conversation.entries.get(data.turn_id);
    if (!entry || entry.ended) return [];
    entry.dismissed = { reason: data.reason, text: data.text || entry.userText };
    return [entry];
  },
  UtteranceDismissed(conversation, data) {
    conversation.userSpeaking = false;
    const entry = conversation.entries.get(data.turn_id);
    if (!entry || entry.ended || entry.dismissed) return [];
    entry.dismissed = { reason: data.reason, text: entry.userText };
    return [entry];
  },
  OpenerPlayed(conversation, data) {
    const entry = exchangeOf(conversation, data.turn_id ?? `reply-${data.reply_id}`);
    const retracted = Boolean(data.retracted) || conversation.retracted.has(data.reply_id);
    entry.openers.push({ id: data.reply_id, text: data.text, retracted });
    return [entry];
  },
  OpenerRetracted(conversation, data) {
    conversation.retracted.add(data.reply_id);
    const entry = conversation.entries.get(data.turn_id);
    const opener = entry?.openers.find(({ id }) => id === data.reply_id);
    if (!opener) return [];
    opener.retracted = true;
    return [entry];
  },
  ReplyStarted: (conversation, data) => changeReply(conversation, data, { draft: Boolean(data.draft) }),
  ReplyCommitted: (conversation, data) => changeReply(conversation, data, { draft: false }),
  ReplyDiscarded: (conversation, data) => changeReply(conversation, data, { discarded: true }),
  ReplyClauseWritten(conversation, data) {
    const reply = replyOf(conversation, data);
    clauseOf(reply, data.index).text = data.text;
    return [reply.exchange];
  },
  ReplyCompleted: (conversation, data) => changeReply(conversation, data, { completed: data.finish ?? "completed" }),
  ToolCalled(conversation, data) {
    const { exchange } = replyOf(conversation, data);
    exchange.tools.push({ id: data.call_id, name: data.tool, done: false, error: null });
    return [exchange];
  },
  ToolReturned(conversation, data) {
    const { exchange } = replyOf(conversation, data);
    const tool = exchange.tools.find((each) => each.id === data.call_id);
    if (tool) Object.assign(tool, { done: true, error: data.error ? reason(data.error) : null });
    return [exchange];
  },
  ToolSettled(conversation, data) {
    const { exchange } = replyOf(conversation, data);
    const tool = exchange.tools.find((each) => each.id === data.call_id);
    if (tool) Object.assign(tool, { done: true, error: data.error ? reason(data.error) : null });
    return [exchange];
  },
  ClauseSynthesized(conversation, data) {
    const reply = replyOf(conversation, data);
    const clause = clauseOf(reply, data.index);
    clause.text ||= data.text;
    clause.unsaid = Boolean(data.unsaid);
    clause.total = data.samples;
    clause.wordEnds = data.word_end_samples ?? [];
    reply.rate = data.sample_rate_hz;
    return [reply.exchange];
  },
  PlaybackStarted: (conversation, data) =>
    changeReply(conversation, data, {
      draft: false, started: true, playing: true, gapMs: data.gap_ms ?? null, parts: data.parts ?? null,
      beside: data.beside ?? null, readyBeforeMs: data.ready_before_ms ?? null, waitedFor: data.waited_for ?? null,
    }),
  PlaybackPaused: (conversation, data) => changeReply(conversation, data, { playing: false }),
  PlaybackResumed: (conversation, data) => changeReply(conversation, data, { playing: true }),
  PlaybackFinished: (conversation, data) =>
    changeReply(conversation, data, { playing: false, finished: true, heardText: data.heard_text }),
  PlaybackInterrupted: (conversation, data) =>
    changeReply(conversation, data, { playing: false, interrupted: true, heardText: data.heard_text }),
  SummaryWritten(conversation, data) {
    const entry = { kind: "summary", key: "summary", text: data.summary, topics: data.topics ?? [], sentiment: data.sentiment };
    conversation.entries.set(entry.key, entry);
    return [entry];
  },
  EngineFailed: (conversation, data, sequence) =>
    addNotice(conversation, sequence, `${data.engine} failed in ${data.actor}: ${reason(data.error)}. Instead: ${data.action}`),
  SessionClosed(conversation) {
    conversation.closed = true;
    conversation.userSpeaking = false;
    return [];
  },
};

// Applies one fact; a sequence that was seen before changes nothing. Returns the entries that changed.
export function fold(conversation, { name, sequence, data }) {
  if (sequence <= conversation.sequence) return [];
  conversation.sequence = sequence;
  const changed = new Set(FOLDS[name]?.(conversation, data, sequence) ?? []);
  for (const entry of new Set([...changed, ...conversation.preparing])) {
    if (entry.kind !== "exchange" || entry.preparing === isPreparing(conversation, entry)) continue;
    entry.preparing = !entry.preparing;
    conversation.preparing[entry.preparing ? "add" : "delete"](entry);
    changed.add(entry);
  }
  return [...changed];
}

// How much of a reply has come out of the loudspeaker, in its samples. Returns the entry that changed, if any.
export function heard(conversation, replyId, samples) {
  const reply = conversation.replies.get(replyId);
  if (!reply) return null;
  reply.playedSamples = samples;
  return reply.exchange;
}

// The reply of an exchange that is, or will be, heard; drafts and discarded ones are not.
export function replyToShow(exchange) {
  return exchange.replies.findLast((reply) => !reply.draft && !reply.discarded) ?? null;
}

// True while something is being prepared that is not shown yet. A turn whose answer was given up for a later turn
// is answered together with that one.
function isPreparing(conversation, exchange) {
  if (conversation.closed || exchange.dismissed || exchange.passed || isAnswered(exchange)) return false;
  const isBegun = exchange.replies.some((reply) => !reply.discarded);
  if (!exchange.ended) return isBegun;
  const later = [...conversation.entries.values()].filter((other) => other.ended && !other.passed && other.endedAt > exchange.endedAt);
  return later.length === 0 || (isBegun && !later.some(isAnswered));
}

// True once an answer has words, or is over without any.
function isAnswered(exchange) {
  const reply = replyToShow(exchange);
  return Boolean(reply && (reply.clauses.length || reply.completed !== null));
}

// True from the end of a turn to the first sound of its answer.
export function thinking(conversation) {
  const last = [...conversation.entries.values()].findLast((entry) => entry.kind === "exchange" && entry.ended && !entry.passed);
  if (!last) return false;
  const reply = replyToShow(last);
  const isSilent = reply?.completed && reply.clauses.length === 0;
  return !(reply?.started || reply?.finished || reply?.interrupted || reply?.completed === "failed" || isSilent);
}

// The words of a reply, each with whether it was heard: by the fact once it is stored, until then each word that has begun.
export function wordsOf(reply) {
  if (reply.interrupted) return split(reply.heardText).map((word) => ({ ...word, heard: true }));
  const words = [];
  const gap = reply.clauses.findIndex((clause) => !clause); // written out of order: wait for what comes first
  const clauses = gap < 0 ? reply.clauses : reply.clauses.slice(0, gap);
  placed(clauses, reply.rate).forEach((clause, index) => {
    clause.words.forEach((word, at) => {
      const isHeard = reply.finished || word.first < reply.playedSamples;
      const space = at === 0 ? joint(words.at(-1), word) : word.space;
      words.push({ text: word.text, space, heard: !clauses[index].unsaid && isHeard });
    });
  });
  return words;
}

// The white space between two clauses: the second contains it, except in old logs.
function joint(before, { space }) {
  return space || (before && !/[\u2014\u3002\uff01\uff1f]$/.test(before.text) ? " " : "");
}

// The clauses of a reply that were heard to their end, in order, as {key, text}.
export function heardClauses(reply) {
  const words = reply.interrupted ? [] : wordsOf(reply);
  const heard = [];
  let at = 0;
  for (const clause of reply.clauses) {
    if (!clause) break;
    const count = split(clause.text).length;
    if (clause.unsaid) {
      at += count;
      continue;
    }
    if (words.length < at + count || !words.slice(at, at + count).every((word) => word.heard)) break;
    if (count) heard.push({ key: clause.index, text: clause.text.trim() });
    at += count;
  }
  return heard;
}
