"""How long answers took, from a session's facts: each with its critical path, and in words what held it up. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts import events as e
from infra.session.response_gap import breakdown, milestones_of
from infra.session.silence_words import why_silent

LATENCY_FACTS = (
    e.TranscriptRevised,
    e.TranscriptScored,
    e.UtteranceTranscribed,
    e.TurnEnded,
    e.ReplyStarted,
    e.ReplyCommitted,
    e.ReplyDiscarded,
    e.ReplyClauseWritten,
    e.ToolCalled,
    e.ClauseSynthesized,
    e.PlaybackStarted,
    e.OpenerPlayed,
    e.OpenerRetracted,
)
"""The facts that `turn_latencies` needs."""


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """One spoken turn that was answered; durations in ms, `parts` and `beside` by the fields of LatencyParts."""

    session_id: str
    turn_id: str
    reply_id: str
    text: str
    speech_ended_ns: int
    gap_ms: float
    parts: dict[str, float]
    beside: dict[str, float]
    waited_for: str
    """What was there last: the `turn`'s end or the first `sound`."""
    ready_before_ms: float | None
    """By how much the other was there earlier; None without a draft."""
    draft: bool
    """Whether the reply was begun before the turn had ended."""
    sound_ms: float
    """The gap to the first sound of the agent: to an opener, if one was heard before the answer."""
    false_starts: int
    """Openers that were heard and taken back, as the caller went on, be it after their end."""
    longest: str
    """The part that took longest."""
    cause: str
    """What held the answer up, in words."""

    def fields(self) -> dict[str, Any]:
        """Return the row's fields for JSON."""
        return asdict(self)


def turn_latencies(facts: Sequence[e.Event]) -> list[TurnLatency]:
    """Return the answered turns of one session in order; the critical path of older recordings is worked out anew."""
    found = []
    for heard in facts:
        if not isinstance(heard, e.PlaybackStarted) or heard.gap_ms is None or heard.turn_id is None:
            continue
        of_turn = [fact for fact in facts if fact.turn_id == heard.turn_id]
        if (row := _latency(heard, of_turn)) is not None:
            found.append(row)
    return found


def _latency(heard: e.PlaybackStarted, of_turn: Sequence[e.Event]) -> TurnLatency | None:
    ended = next((fact for fact in of_turn if isinstance(fact, e.TurnEnded)), None)
    milestones = milestones_of(of_turn, heard.turn_id or "")
    if ended is None or ended.evidence is None or milestones is None or heard.gap_ms is None:
        return None
    if heard.waited_for is not None and heard.parts is not None:
        gap_ms, parts, beside = heard.gap_ms, heard.parts, heard.beside
        waited_for, before_ms = heard.waited_for, heard.ready_before_ms
    else:
        gap = breakdown(milestones)
        gap_ms, parts, beside = gap.gap_ms, gap.parts, gap.beside
        waited_for, before_ms = gap.waited_for, gap.ready_before_ms
    taken = _taken(parts)
    longest = max(taken, key=lambda part: taken[part], default="")
    openers = [fact for fact in of_turn if isinstance(fact, e.OpenerPlayed)]
    retracted = {fact.reply_id for fact in of_turn if isinstance(fact, e.OpenerRetracted)}
    false = [fact for fact in openers if fact.retracted or fact.reply_id in retracted]
    kept = [fact.gap_ms for fact in openers if fact not in false and fact.gap_ms is not None]
    return TurnLatency(
        session_id=heard.session_id,
        turn_id=heard.turn_id or "",
        reply_id=heard.reply_id,
        text=ended.text,
        speech_ended_ns=ended.evidence.speech_ended_ns,
        gap_ms=gap_ms,
        parts=taken,
        beside=_taken(beside),
        waited_for=waited_for,
        ready_before_ms=before_ms,
        draft=milestones.draft_words is not None,
        sound_ms=min([gap_ms, *kept]),
        false_starts=len(false),
        longest=longest,
        cause=_cause(longest, taken.get(longest, 0.0), ended, of_turn, heard.reply_id),
    )


def _taken(parts: e.LatencyParts | None) -> dict[str, float]:
    named = parts.model_dump() if parts is not None else {}
    return {name: round(float(ms), 3) for name, ms in named.items() if ms}


def _cause(part: str, ms: float, ended: e.TurnEnded, of_turn: Sequence[e.Event], reply_id: str) -> str:
    match part:
        case "endpointing_ms":
            assert ended.evidence is not None
            return why_silent(ended.evidence, [fact for fact in of_turn if isinstance(fact, e.TranscriptScored)], ms)
        case "vad_ms":
            return f"the sound was given to speech to text {ms:.0f} ms after the end of speech"
        case "stt_ms":
            engine = next((f.engine for f in reversed(of_turn) if isinstance(f, e.UtteranceTranscribed)), "")
            return f"{_named('speech to text', engine)} took {ms:.0f} ms for the words"
        case "first_token_ms" | "clause_ms":
            return _why_written_late(part, ms, of_turn, reply_id)
        case "first_audio_ms":
            of_reply = (f for f in of_turn if isinstance(f, e.ClauseSynthesized) and f.reply_id == reply_id)
            clause = next(of_reply, None)
            words = f" of {len(clause.text.split())} words" if clause is not None else ""
            engine = clause.engine if clause is not None else ""
            return f"{_named('the voice', engine)} took {ms:.0f} ms to the first sound of a clause{words}"
        case "bus_ms":
            return f"{ms:.0f} ms passed between the processes"
        case "playback_ms":
            return f"the first sound was heard {ms:.0f} ms after it was sent"
    return "it was there when the caller had finished"


def _named(what: str, engine: str) -> str:
    return f"{what} ({engine})" if engine else what


def _why_written_late(part: str, ms: float, of_turn: Sequence[e.Event], reply_id: str) -> str:
    started = next((f for f in of_turn if isinstance(f, e.ReplyStarted) and f.reply_id == reply_id), None)
    model = _named("the language model", started.model if started is not None else "")
    tools = [fact.tool for fact in of_turn if isinstance(fact, e.ToolCalled) and fact.reply_id == reply_id]
    what = "its first token" if part == "first_token_ms" else "its first clause after that"
    said = f"{model} took {ms:.0f} ms to {what}"
    if tools:
        return f"{said}, with tools: {', '.join(tools)}"
    if started is not None and not started.draft:
        discarded = [fact.reason for fact in of_turn if isinstance(fact, e.ReplyDiscarded) and fact.reason]
        return f"{said}; no draft could be used{f' ({discarded[-1]})' if discarded else ''}"
    return said


@dataclass(frozen=True, slots=True)
class PartFigures:
    """One part over several turns, ms: of those in which it was waited for."""

    on_path: int
    """In how many turns it was on the critical path."""
    longest: int
    """In how many turns no part took longer."""
    p50_ms: float
    p95_ms: float
    beside: int
    """In how many turns it was done beside the critical path, at no cost."""


@dataclass(frozen=True, slots=True)
class LatencyFigures:
    """The response gap of several turns, ms."""

    turns: int
    sessions: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    most_ms: float
    sound_p50_ms: float
    """To the first sound, openers counted."""
    sound_p95_ms: float
    false_starts: int
    """Openers that were taken back."""
    drafts: int
    """Turns answered by a draft."""
    waited_for_turn: int
    """Drafts whose first sound was ready before the turn had ended."""
    ready_before_p50_ms: float | None
    """For how long that sound then waited."""
    late_by_p50_ms: float | None
    """In the other drafts: how long after the turn's end the sound came."""
    parts: dict[str, PartFigures] = field(default_factory=dict)


def latency_figures(turns: Sequence[TurnLatency]) -> LatencyFigures:
    """Return the figures of turns; all 0 without any."""
    gaps = [turn.gap_ms for turn in turns]
    drafts = [turn for turn in turns if turn.draft]
    in_time = [turn for turn in drafts if turn.waited_for == "turn"]
    longest = Counter(turn.longest for turn in turns)
    parts = {}
    for name in e.LatencyParts.model_fields:
        taken = [turn.parts[name] for turn in turns if name in turn.parts]
        beside = sum(name in turn.beside for turn in turns)
        if taken or beside:
            parts[name] = PartFigures(len(taken), longest[name], _at(taken, 0.5), _at(taken, 0.95), beside)
    return LatencyFigures(
        turns=len(turns),
        sessions=len({turn.session_id for turn in turns}),
        p50_ms=_at(gaps, 0.5),
        p90_ms=_at(gaps, 0.9),
        p95_ms=_at(gaps, 0.95),
        most_ms=_at(gaps, 1.0),
        sound_p50_ms=_at([turn.sound_ms for turn in turns], 0.5),
        sound_p95_ms=_at([turn.sound_ms for turn in turns], 0.95),
        false_starts=sum(turn.false_starts for turn in turns),
        drafts=len(drafts),
        waited_for_turn=len(in_time),
        ready_before_p50_ms=_median_of(turn.ready_before_ms for turn in in_time),
        late_by_p50_ms=_median_of(turn.ready_before_ms for turn in drafts if turn.waited_for != "turn"),
        parts=parts,
    )


def _median_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _at(known, 0.5) if known else None


def _at(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies, interpolated; 0 without any."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low), 1)
