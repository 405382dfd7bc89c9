// Why the silence before a turn's end was as long as it was: the sentence of infra/session/silence_words.py.
import { LATE_MS, REASONS, WORDS } from "./silence-words.js";

const filled = (words, fields) => words.replace(/\{(\w+)\}/g, (_, name) => fields[name]);

// `evidence` and `scores` are those of the turn (TurnEnded, TranscriptScored), `endpointingMs` the part of its gap.
export function whySilent(evidence, scores, endpointingMs) {
  const asked = filled(WORDS.required, { ms: evidence.required_silence_ms.toFixed(0) });
  return asked + because(evidence, scores) + later(evidence, scores, endpointingMs);
}

function because(evidence, scores) {
  if (evidence.patience) {
    const score = evidence.score == null ? "" : filled(WORDS.score, { score: evidence.score.toFixed(2) });
    const why = evidence.reason === "no-score" ? whyNotScored(scores) : (REASONS[evidence.reason] ?? evidence.reason);
    return `: ${why} (${evidence.patience}${score})`;
  }
  if (evidence.unfinished) return `: ${WORDS.unfinished}`;
  if (evidence.end_of_turn_probability == null) return "";
  return `: ${filled(WORDS["end-of-turn"], { probability: evidence.end_of_turn_probability.toFixed(2) })}`;
}

function whyNotScored(scores) {
  if (!scores.length) return WORDS.unasked;
  const { problem } = scores[scores.length - 1];
  return problem ? filled(WORDS.failed, { problem }) : WORDS.late;
}

function later(evidence, scores, endpointingMs) {
  const lateMs = endpointingMs - evidence.required_silence_ms;
  if (lateMs < LATE_MS) return "";
  const scoredMs = (Math.max(0, ...scores.map((each) => each.time_ns)) - evidence.speech_ended_ns) / 1e6;
  if (evidence.score != null && scoredMs > evidence.required_silence_ms) return filled(WORDS["scored-late"], { ms: scoredMs.toFixed(0) });
  return filled(WORDS["stored-late"], { ms: lateMs.toFixed(0) });
}
