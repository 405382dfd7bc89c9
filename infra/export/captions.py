"""Words with their place in the recording: people's words by their tracks, the agent's as they were heard."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from infra.session.heard_times import HeardReply
from infra.session.heard_words import SaidClause, clauses_in_log, placed, rate_of

MOST_LETTERS = 84
"""Two lines of a caption."""

MOVED_MS = 200
"""If the time at which sound arrived differs this much from its place in the recording, the track was moved."""

_WORD = re.compile(r"\s*\S+")
_SPOKEN = re.compile(r"\w")
"""Marks alone (a table's rule, a fence) are not spoken."""


@dataclass(frozen=True, slots=True)
class Caption:
    """Words from `start_ms` to `end_ms` of the recording."""

    speaker: Literal["user", "agent"]
    text: str
    start_ms: float
    end_ms: float
    name: str = ""
    """The speaker, if several people speak."""
    participant_id: str = ""


def user_caption(
    words: e.UtteranceTranscribed, speech: e.SpeechEnded | None, start_ns: int, track_samples: Mapping[str, int]
) -> Caption:
    """Return an utterance with its place: by its track's place in the recording, else by when it arrived.

    A track that was moved since (a clock that drifted, a page that slept) has this utterance elsewhere.
    """
    length_ms = (words.end_sample - words.start_sample) * 1000 / IN_SAMPLE_RATE_HZ
    if speech is None:
        first_ms = (words.time_ns - start_ns) / 1e6 - length_ms
    else:
        after_ms = (speech.end_sample - words.end_sample) * 1000 / IN_SAMPLE_RATE_HZ
        first_ms = (speech.speech_ended_ns - start_ns) / 1e6 - after_ms - length_ms
        if speech.track_id in track_samples:
            placed_ms = (track_samples[speech.track_id] + words.start_sample) * 1000 / IN_SAMPLE_RATE_HZ
            first_ms = placed_ms if abs(placed_ms - first_ms) < MOVED_MS else first_ms
    first_ms = max(0.0, first_ms)
    return Caption("user", words.text, first_ms, first_ms + length_ms, participant_id=words.participant_id)


def agent_captions(clauses: Mapping[int, e.ClauseSynthesized], reply: HeardReply, start_ns: int) -> list[Caption]:
    """Return what was heard of a reply, one caption per clause or several; pauses and line breaks also end one."""
    captions: list[Caption] = []
    for clause in placed(clauses_in_log({}, clauses)):
        rate_hz = clauses[clause.index].sample_rate_hz
        said: list[_Heard] = []
        for word in clause.words:
            if not math.isfinite(word.end_sample):
                continue
            times_ns = reply.word_ns(int(word.first_sample), int(word.end_sample), rate_hz)
            if times_ns is not None:
                said.append(_Heard(word.text, *((time_ns - start_ns) / 1e6 for time_ns in times_ns)))
        captions += [_caption(part) for part in _parts(said) if any(_SPOKEN.search(word.text) for word in part)]
    return captions


def cut_clause(
    clauses: Mapping[int, e.ClauseSynthesized], written: str, end: e.PlaybackInterrupted
) -> e.ClauseSynthesized | None:
    """Return what was heard of the clause in which a reply was cut off, if its sound was still being synthesised.

    Then there is no fact of its sound; its words are assumed to have the pace of the clauses before.
    """
    if end.clause_index in clauses:
        return None
    heard, words = end.heard_text.split(), list(_WORD.finditer(written))
    texts = [word.group().strip() for word in words]
    count = max((n for n in range(1, len(words) + 1) if heard[-n:] == texts[:n]), default=0)
    rate_hz = rate_of(clauses)
    samples = end.played_samples - sum(clause.samples for clause in clauses.values())
    if count == 0 or samples <= 0:
        return None
    clause = placed([*clauses_in_log({}, clauses), SaidClause(end.clause_index, written, None, None)], rate_hz)[-1]
    ends = tuple(round(min(samples, word.end_sample - clause.first_sample)) for word in clause.words[:count])
    own = {"text": written[: words[count - 1].end()], "samples": samples, "sample_rate_hz": rate_hz}
    names = {"event_id": end.event_id, "session_id": end.session_id, "time_ns": end.time_ns, "turn_id": end.turn_id}
    return e.ClauseSynthesized(**names, **own, reply_id=end.reply_id, index=end.clause_index, word_end_samples=ends)


@dataclass(frozen=True, slots=True)
class _Heard:
    text: str
    """With the white space before it."""
    start_ms: float
    end_ms: float


def _parts(words: Iterable[_Heard]) -> list[list[_Heard]]:
    parts: list[list[_Heard]] = []
    letters = 0
    for word in words:
        letters += len(word.text.strip()) + 1
        paused = bool(parts) and word.start_ms - parts[-1][-1].end_ms > 300
        # A separate line (an item of a list, a row of a table) gets its own caption.
        if not parts or paused or letters > MOST_LETTERS or "\n" in word.text:
            parts.append([])
            letters = len(word.text.strip()) + 1
        parts[-1].append(word)
    return parts


def _caption(words: list[_Heard]) -> Caption:
    return Caption("agent", "".join(word.text for word in words).strip(), words[0].start_ms, words[-1].end_ms)
