"""The response gap and its parts, along the critical path.

Each part reaches from one milestone to the next; a milestone that was reached before an earlier one costs nothing
(a draft's first token came while the endpointing still waited). So the parts sum to the gap.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.events import (
    ClauseSynthesized,
    Event,
    LatencyParts,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyCommitted,
    ReplyStarted,
    TurnEnded,
)


@dataclass(frozen=True, slots=True)
class Milestones:
    """Times of the milestones, Unix epoch ns; an unknown one is None, and its time counts to the next part.

    `dataclasses.replace(milestones, speech_ended_ns=…, heard_ns=…)` inserts what a benchmark measured itself.
    """

    speech_ended_ns: int
    heard_ns: int
    """The first sound at the listener."""
    silence_due_ns: int | None = None
    """When the silence had lasted as long as the end-of-turn probability required."""
    text_ready_ns: int | None = None
    turn_ended_ns: int | None = None
    reply_ns: int | None = None
    """When the reply was started, or its draft committed."""
    first_token_ns: int | None = None
    first_chunk_ns: int | None = None
    """When synthesis published its first sound."""
    at_door_ns: int | None = None
    """When the door had both the first sound and permission to play it."""


def breakdown(milestones: Milestones) -> tuple[float, LatencyParts]:
    """Return the gap in ms and its parts, which sum to it.

    The speech's end and the first sound are times of one door's clock, the others may be of any: they only divide the
    gap. An answer that was heard before the speech had ended has a negative gap and no parts.
    """
    steps = (
        ("endpointing_ms", milestones.silence_due_ns),
        ("stt_ms", milestones.text_ready_ns),
        ("endpointing_ms", milestones.turn_ended_ns),
        ("bus_ms", milestones.reply_ns),
        ("first_token_ms", milestones.first_token_ns),
        ("first_audio_ms", milestones.first_chunk_ns),
        ("bus_ms", milestones.at_door_ns),
        ("playback_ms", milestones.heard_ns),
    )
    parts: dict[str, float] = {}
    reached = milestones.speech_ended_ns
    for part, at_ns in steps:
        if at_ns is None:
            continue
        at_ns = min(at_ns, milestones.heard_ns)
        parts[part] = parts.get(part, 0.0) + max(0, at_ns - reached) / 1e6
        reached = max(reached, at_ns)
    return (milestones.heard_ns - milestones.speech_ended_ns) / 1e6, LatencyParts(**parts)


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
    times: dict[str, int] = {}
    for event in events:
        if isinstance(event, TurnEnded):
            turn = event
        elif getattr(event, "reply_id", None) == reply_id:
            times.update(_times(event))
    if turn is None or turn.evidence is None:
        return None
    evidence = turn.evidence
    return Milestones(
        speech_ended_ns=evidence.speech_ended_ns,
        silence_due_ns=evidence.speech_ended_ns + int(evidence.required_silence_ms * 1e6),
        text_ready_ns=evidence.text_ready_ns,
        turn_ended_ns=turn.time_ns,
        heard_ns=heard_ns,
        **times,
    )


def _times(event: Event) -> dict[str, int]:
    match event:
        case ReplyStarted(draft=False) | ReplyCommitted():
            return {"reply_ns": event.time_ns}
        case ReplyClauseWritten(index=0):
            # An apology has no token: the wait was still for the language model.
            return {"first_token_ns": event.first_token_ns or event.time_ns}
        case ClauseSynthesized(index=0) if event.first_chunk_ns:
            return {"first_chunk_ns": event.first_chunk_ns}
        case PlaybackStarted(at_door_ns=int(at_door_ns)):
            return {"at_door_ns": at_door_ns}
        case _:
            return {}
