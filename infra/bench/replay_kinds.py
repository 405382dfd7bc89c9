"""What kinds of conversations there are among recorded sessions, by their facts and tapes. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from contracts import events as e
from contracts.topology import TRANSCRIPT
from infra.replay.recorded_session import RecordedSession
from infra.replay.session_tapes import SessionTapes

Has = Callable[[RecordedSession, SessionTapes], bool]


def _was_interrupted(session: RecordedSession, _: SessionTapes) -> bool:
    return any(isinstance(fact.event, e.TurnInterrupted) for fact in session.facts)


def _is_text(session: RecordedSession, _: SessionTapes) -> bool:
    return not any(isinstance(fact.event, e.TrackPublished) for fact in session.facts)


def _has_several_people(session: RecordedSession, _: SessionTapes) -> bool:
    joined = [fact.event for fact in session.facts if isinstance(fact.event, e.ParticipantJoined)]
    return len({event.participant_id for event in joined if event.kind == "person"}) > 1


def _had_a_failing_engine(session: RecordedSession, _: SessionTapes) -> bool:
    return any(isinstance(fact.event, e.EngineFailed) for fact in session.facts)


def _called_tools(session: RecordedSession, _: SessionTapes) -> bool:
    return any(isinstance(fact.event, e.ToolCalled) for fact in session.facts)


def _was_taken_over(_: RecordedSession, tapes: SessionTapes) -> bool:
    """Return whether an actor was followed by another copy; of transcript there are always two."""
    copies = {(each.actor, each.instance) for each in tapes.stretches}
    return any(count > 1 for actor, count in Counter(actor for actor, _ in copies).items() if actor != TRANSCRIPT)


KINDS: Mapping[str, Has] = {
    "with an interruption": _was_interrupted,
    "by text": _is_text,
    "with several people": _has_several_people,
    "with an engine that failed": _had_a_failing_engine,
    "with tools that were called": _called_tools,
    "with an actor followed by another copy": _was_taken_over,
}


def counts_by_kind(recordings: Iterable[tuple[RecordedSession, SessionTapes]]) -> dict[str, int]:
    """Return how many sessions there are of each kind, and with each language model; one may be of several kinds."""
    counts = Counter[str](dict.fromkeys(KINDS, 0))
    for session, tapes in recordings:
        counts.update(kind for kind, has in KINDS.items() if has(session, tapes))
        if session.opened is not None and session.opened.profile is not None:
            counts[f"with the model {session.opened.profile.llm}"] += 1
    return dict(counts)
