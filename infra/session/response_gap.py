"""The response gap and its parts, along its real critical path: what was waited for last, and what before that.

Two things must be there before a reply is heard: the turn's end, and the reply's first sound. A draft's sound is made
while the silence is still being waited for, so only one of the two holds the answer up. The parts follow that one back
to the end of speech, and sum to the gap; what was done beside it is reported apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.events import (
    ClauseSynthesized,
    Event,
    LatencyParts,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyCommitted,
    ReplyStarted,
    TranscriptRevised,
    TurnEnded,
    UtteranceTranscribed,
)

Step = tuple[str, int | None]
"""A part, and when it was over (Unix epoch ns); what took an unknown time counts to the next part."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Words: when their last sound was given to speech to text, and when they were known; None if unknown.

    Words can be asked for before the silence is noticed, but are of no use until it is: `asked_ns` is then that moment.
    """

    asked_ns: int | None = None
    known_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Milestones:
    """Times of the milestones, Unix epoch ns; an unknown one is None, and its time counts to the next part.

    `dataclasses.replace(milestones, speech_ended_ns=…, heard_ns=…)` inserts what a benchmark measured itself.
    """

    speech_ended_ns: int
    heard_ns: int
    """The first sound at the listener."""
    silence_due_ns: int | None = None
    """When the silence had lasted as long as was required."""
    words: Recognised = Recognised()
    """Of the whole turn."""
    turn_ended_ns: int | None = None
    draft_words: Recognised | None = None
    """The words that the draft answers; None if the reply was begun when the turn had ended."""
    reply_started_ns: int | None = None
    committed_ns: int | None = None
    """When the draft was committed."""
    first_token_ns: int | None = None
    clause_ns: int | None = None
    """When the first clause was written."""
    first_chunk_ns: int | None = None
    """When synthesis published its first sound."""
    sound_at_door_ns: int | None = None
    """When the door had the first sound."""
    leave_at_door_ns: int | None = None
    """When the door knew that the reply may be heard."""
    at_door_ns: int | None = None
    """When the door had both; only this is known of a stored reply."""
    waited_for: Literal["turn", "sound"] | None = None
    """Which of the two came last, if the door has said so."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A response gap in ms, and what it is made of."""

    gap_ms: float
    parts: LatencyParts
    """The critical path: they sum to the gap, or to 0 if the answer was heard before the speech had ended."""
    beside: LatencyParts | None
    """What else was done from the end of speech on, beside the critical path; None without a draft."""
    waited_for: Literal["turn", "sound"]
    """What was there last: the turn's end, or the reply's first sound."""
    ready_before_ms: float | None
    """By how much the other one was there earlier; None without a draft."""


def breakdown(milestones: Milestones) -> Gap:
    """Return the gap and its parts.

    The speech's end and the first sound are times of one door's clock, the others may be of any: they only divide the
    gap.
    """
    door, heard = milestones, milestones.heard_ns
    to_turn, to_sound = _turn_steps(milestones), _sound_steps(milestones)
    gap_ms = (heard - milestones.speech_ended_ns) / 1e6
    last: tuple[Step, Step] = (("bus_ms", door.at_door_ns), ("playback_ms", heard))
    if milestones.draft_words is None:
        parts = _along([*to_turn, *to_sound, *last], milestones.speech_ended_ns, heard)
        return Gap(gap_ms, LatencyParts(**parts), None, "sound", None)
    turn_ns, sound_ns = _ready_ns(door.leave_at_door_ns, to_turn), _ready_ns(door.sound_at_door_ns, to_sound)
    waited_for = door.waited_for or ("turn" if turn_ns >= sound_ns else "sound")
    first, other = (to_turn, to_sound) if waited_for == "turn" else (to_sound, to_turn)
    parts = _along([*first, *last], milestones.speech_ended_ns, heard)
    beside = _along(other, milestones.speech_ended_ns, heard)
    # What both needed is on the path already: the words are recognised once.
    only_beside = {part: ms for part, ms in beside.items() if part not in (*_SHARED, *parts)}
    between_ms = abs(turn_ns - sound_ns) / 1e6 if turn_ns and sound_ns else None
    return Gap(gap_ms, LatencyParts(**parts), LatencyParts(**only_beside), waited_for, between_ms)


_SHARED = ("vad_ms", "bus_ms")
"""Parts of which what lies beside the critical path says nothing: waiting for the same window, ways of 1 ms."""


def _turn_steps(known: Milestones) -> list[Step]:
    """Return the steps to the turn's end: the silence, or the words if they were known only later."""
    due_ns, words_ns = known.silence_due_ns, known.words.known_ns
    steps: list[Step] = [("endpointing_ms", due_ns)]
    if words_ns is not None and (due_ns is None or words_ns > due_ns):
        steps = [("vad_ms", known.words.asked_ns), ("stt_ms", words_ns)]
    return [*steps, ("endpointing_ms", known.turn_ended_ns), ("bus_ms", known.committed_ns)]


def _sound_steps(known: Milestones) -> list[Step]:
    """Return the steps to the reply's first sound: for a draft from the end of speech on, else from the turn's."""
    steps: list[Step] = []
    if known.draft_words is not None:
        steps = [("vad_ms", known.draft_words.asked_ns), ("stt_ms", known.draft_words.known_ns)]
    return [
        *steps,
        ("bus_ms", known.reply_started_ns),
        ("first_token_ms", known.first_token_ns),
        ("clause_ms", known.clause_ns),
        ("first_audio_ms", known.first_chunk_ns),
        ("bus_ms", known.sound_at_door_ns),
    ]


def _ready_ns(at_door_ns: int | None, steps: Sequence[Step]) -> int:
    """Return when it was at the door, else when its last known step was over; 0 if nothing is known."""
    return at_door_ns or max((at_ns for _, at_ns in steps if at_ns is not None), default=0)


def _along(steps: Iterable[Step], from_ns: int, to_ns: int) -> dict[str, float]:
    """Return how long each part took, ms. One that was over before an earlier one took no time."""
    parts: dict[str, float] = {}
    reached = from_ns
    for part, at_ns in steps:
        if at_ns is None:
            continue
        at_ns = min(at_ns, to_ns)
        parts[part] = parts.get(part, 0.0) + max(0, at_ns - reached) / 1e6
        reached = max(reached, at_ns)
    return {part: ms for part, ms in parts.items() if ms}


def milestones_of(facts: Iterable[Event], turn_id: str) -> Milestones | None:
    """Return a turn's milestones from a session's facts, None for typed text or before anything was heard.

    An old PlaybackStarted does not say when the sound reached the door: then `at_door_ns` is left open.
    """
    events = [event for event in facts if event.turn_id == turn_id]
    heard = next((event for event in events if isinstance(event, PlaybackStarted)), None)
    if heard is None:
        return None
    return reply_milestones(events, heard.reply_id, heard.heard_ns or heard.time_ns)


def reply_milestones(events: Iterable[Event], reply_id: str, heard_ns: int) -> Milestones | None:
    """Return the milestones of one reply from its turn's facts; None without evidence (typed text)."""
    turn: TurnEnded | None = None
    asked_ns: int | None = None
    times: dict[str, object] = {}
    revised: dict[str, Recognised] = {}
    for event in events:
        if isinstance(event, TurnEnded):
            turn = event
        elif isinstance(event, TranscriptRevised):
            revised[event.event_id] = Recognised(event.noticed_ns or event.asked_ns, event.time_ns)
        elif isinstance(event, UtteranceTranscribed):
            asked_ns = event.noticed_ns or event.asked_ns
        elif getattr(event, "reply_id", None) == reply_id:
            times.update(_times(event, revised))
    if turn is None or turn.evidence is None:
        return None
    evidence = turn.evidence
    return Milestones(
        speech_ended_ns=evidence.speech_ended_ns,
        silence_due_ns=evidence.speech_ended_ns + int(evidence.required_silence_ms * 1e6),
        words=Recognised(asked_ns, evidence.text_ready_ns),
        turn_ended_ns=turn.time_ns,
        heard_ns=heard_ns,
        **times,  # type: ignore[arg-type]
    )


def _times(event: Event, revised: dict[str, Recognised]) -> dict[str, object]:
    match event:
        case ReplyStarted():
            words = revised.get(event.cause_id or "", Recognised()) if event.draft else None
            return {"reply_started_ns": event.time_ns, "draft_words": words}
        case ReplyCommitted():
            return {"committed_ns": event.time_ns}
        case ReplyClauseWritten(index=0):
            # An apology has no token: the wait was still for the language model.
            return {"first_token_ns": event.first_token_ns or event.time_ns, "clause_ns": event.time_ns}
        case ClauseSynthesized(index=0) if event.first_chunk_ns:
            return {"first_chunk_ns": event.first_chunk_ns}
        case PlaybackStarted(at_door_ns=int(at_door_ns)):
            return {"at_door_ns": at_door_ns, "waited_for": event.waited_for}
        case _:
            return {}
