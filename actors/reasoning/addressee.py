"""Decides whether a turn is for the agent when several people are there, and if not, why. Pure.

Somebody who is alone with the agent is always answered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from actors.reasoning.session_state import Session, Turn, turn_key
from contracts import events as e
from contracts.answers import answer
from infra.session.addressing import are_the_same_words, asks, is_said_to, names
from infra.session.people import is_company, name_of, several

Reason = Literal["unnamed", "to-another", "no-request", "heard-twice", "guarded"]

FOLLOW_UP_NS = 15_000_000_000
"""Somebody who starts to speak within this time after a question to them answers it."""
SAME_SPEECH_NS = 800_000_000
"""Speech that two microphones hear begins within this time on both: only its detection may differ."""


@dataclass(frozen=True, slots=True)
class SpokenWords:
    """Words that somebody said in turn `turn_id`, from `begun_ns` on; the turn may still go on."""

    turn_id: str
    participant_id: str
    text: str
    begun_ns: int


@dataclass(frozen=True, slots=True)
class NotForUs:
    """The turn is not for the agent; `addressed_id` is whom it was said to, `same_as_turn_id` the turn it repeats."""

    reason: Reason
    addressed_id: str | None = None
    same_as_turn_id: str | None = None


def not_for_us(session: Session, spoken: SpokenWords) -> NotForUs | None:
    """Return why a turn is not for the agent; None if it is to be answered."""
    if not several(session.people):
        return None
    if (twin := _heard_before(session, spoken)) is not None:
        return NotForUs("heard-twice", same_as_turn_id=twin.turn_id)
    policy = session.profile.addressee if session.profile is not None else "always"
    if policy == "always" or not is_company(session.people, spoken.participant_id):
        return None
    agent = session.profile.agent_name if session.profile is not None else ""
    if names(spoken.text, agent) or _answers_us(session, spoken):
        return None
    addressed_id = _said_to(session, spoken)
    if addressed_id is not None:
        return NotForUs("to-another", addressed_id)
    if policy == "named":
        return NotForUs("unnamed")
    return None if asks(spoken.text) else NotForUs("no-request")


def turn_passed(event: e.TurnEnded, why: NotForUs, time_ns: int) -> e.TurnPassed:
    """Return the fact that a turn is not answered, the same on every copy."""
    return answer(
        event,
        e.TurnPassed,
        time_ns=time_ns,
        turn_id=turn_key(event),
        participant_id=event.participant_id,
        reason=why.reason,
        addressed_id=why.addressed_id,
        same_as_turn_id=why.same_as_turn_id,
    )


def _turns_before(session: Session, turn_id: str) -> Iterator[Turn]:
    """Yield the turns that ended before this one, the newest first."""
    ended = [turn for turn in session.turns.values() if turn.text is not None]
    ids = [turn.turn_id for turn in ended]
    yield from reversed(ended[: ids.index(turn_id)] if turn_id in ids else ended)


def _heard_before(session: Session, spoken: SpokenWords) -> Turn | None:
    """Return the turn of somebody else with the same words at the same time: one voice on two microphones.

    One whose answer was interrupted does not count: the second microphone may have interrupted it, and if neither
    were answered, nobody would be.
    """
    unanswered = {reply.turn_id for reply in session.replies.values() if reply.interrupted}
    for turn in _turns_before(session, spoken.turn_id):
        if turn.participant_id == spoken.participant_id or turn.turn_id in unanswered:
            continue
        is_near = abs(turn.begun_ns - spoken.begun_ns) <= SAME_SPEECH_NS
        is_original = turn.passed is None or turn.passed.reason != "heard-twice"
        if is_near and is_original and are_the_same_words(spoken.text, turn.text or ""):
            return turn
    return None


def _answers_us(session: Session, spoken: SpokenWords) -> bool:
    """Return whether it follows a question that the agent asked this person; a greeting asks everybody."""
    for reply in reversed(session.replies.values()):
        if not reply.granted or not reply.heard:
            continue
        if reply.interrupted or not reply.heard.rstrip().endswith("?"):
            return False
        since_ns = spoken.begun_ns - (reply.heard_ns or 0)
        turn = session.turns.get(reply.turn_id or "")
        is_to_them = turn is None or turn.participant_id == spoken.participant_id
        return is_to_them and since_ns <= FOLLOW_UP_NS and not _has_answered(session, spoken, reply.heard_ns or 0)
    return False


def _has_answered(session: Session, spoken: SpokenWords, asked_ns: int) -> bool:
    """Return whether this person has already said something since the question."""
    before = _turns_before(session, spoken.turn_id)
    return any(turn.participant_id == spoken.participant_id and turn.begun_ns > asked_ns for turn in before)


def _said_to(session: Session, spoken: SpokenWords) -> str | None:
    """Return the other person it was said to: by name, or because they have just asked a question."""
    others = [person for person in session.people.values() if person.participant_id != spoken.participant_id]
    for person in others:
        if is_said_to(spoken.text, person.name or name_of(session.people, person.participant_id)):
            return person.participant_id
    last = next(_turns_before(session, spoken.turn_id), None)
    if last is None or last.passed is None or last.passed.addressed_id != spoken.participant_id:
        return None
    is_at_once = spoken.begun_ns - last.begun_ns <= FOLLOW_UP_NS
    return last.participant_id if is_at_once and last.participant_id != spoken.participant_id else None
