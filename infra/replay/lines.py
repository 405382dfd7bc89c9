"""What a replay shows and when: a line for each fact, and captions when their words were said. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from infra.export.captions import Caption
from infra.export.conversation import Conversation
from infra.export.formats import AGENT, apart, capital
from infra.export.lines import one_line
from infra.log.stream_reader import StoredMessage
from infra.replay.pace import offsets_ns
from infra.replay.recorded_session import RecordedFact, RecordedSession
from infra.replay.sentences import sentence
from infra.session.people import Person, note


class NoSuchTurn(LookupError):
    """The session has no turn of that number; the message says how many it has."""


@dataclass(frozen=True, slots=True)
class ReplayStart:
    """Where a replay begins: at a sequence of the log, so many ms after the session opened."""

    sequence: int = 0
    ms: float = 0


@dataclass(frozen=True, slots=True)
class ReplayLine:
    """A line of a replay, due `due_ns` after the session's first message.

    `at_ms` is when it happened, counted from the session's beginning like the recording. A caption has no `message`,
    a message that this build cannot read has no `fact`.
    """

    due_ns: int
    at_ms: float
    text: str
    message: StoredMessage | None = None
    fact: RecordedFact | None = None

    @property
    def name(self) -> str:
        """Return its event's class; of an unreadable message the end of its subject, of a caption nothing."""
        if self.fact is not None:
            return type(self.fact.event).__name__
        return self.message.subject.split(".", 2)[-1] if self.message is not None else ""


def start_of_turn(session: RecordedSession, told: Conversation, turn: int) -> ReplayStart:
    """Return where a turn begins: `turn` is its number in `daredevil turns`, from 1. Raises NoSuchTurn."""
    turns = len(told.exchanges)
    if not 1 <= turn <= turns:
        have = "1 turn" if turns == 1 else f"{turns} turns"
        raise NoSuchTurn(f"session {session.session_id} has {have}, no turn {turn}: `daredevil turns` lists them")
    exchange = told.exchanges[turn - 1]
    first = next(fact for fact in session.facts if (fact.event.turn_id or fact.event.event_id) == exchange.turn_id)
    first_ms = (first.event.time_ns - told.opened.time_ns) / 1e6
    spoken_ms = exchange.start_ms if exchange.start_ms is not None else first_ms
    return ReplayStart(first.sequence, max(0.0, min(first_ms, spoken_ms)))


def lines_of(session: RecordedSession, told: Conversation | None, start: ReplayStart) -> list[ReplayLine]:
    """Return the lines from `start` on, in the order in which they are due; facts keep the log's order.

    Without a conversation (`told`: its beginning is lost, or its words were erased) there are no captions.
    """
    lines = _in_between(_of_facts(session), _of_captions(told) if told is not None else [])
    return [
        line
        for line in lines
        if (line.at_ms >= start.ms if line.message is None else line.message.sequence >= start.sequence)
    ]


def _in_between(facts: Iterable[ReplayLine], captions: Sequence[ReplayLine]) -> Iterator[ReplayLine]:
    """Yield the captions where they belong: before the first fact that happened later, and as long before it is due."""
    waiting, last_ns, last_ms = deque(captions), 0, 0.0
    for fact in facts:
        while waiting and waiting[0].at_ms < fact.at_ms:
            caption = waiting.popleft()
            last_ns = max(last_ns, fact.due_ns - round((fact.at_ms - caption.at_ms) * 1e6))
            yield replace(caption, due_ns=last_ns)
        yield fact
        last_ns, last_ms = fact.due_ns, fact.at_ms
    for caption in waiting:
        last_ns += round(max(0.0, caption.at_ms - last_ms) * 1e6)
        last_ms = caption.at_ms
        yield replace(caption, due_ns=last_ns)


def _of_facts(session: RecordedSession) -> Iterator[ReplayLine]:
    facts = {fact.sequence: fact for fact in session.facts}
    reasons = {left_out.message.sequence: left_out.reason for left_out in session.unread}
    began_ns = session.facts[0].event.time_ns if session.facts else 0
    people: dict[str, Person] = {}
    for due_ns, message in zip(offsets_ns(session), session.messages, strict=True):
        fact = facts.get(message.sequence)
        if fact is None:
            yield ReplayLine(due_ns, due_ns / 1e6, f"left out: {one_line(reasons[message.sequence])}", message)
            continue
        note(people, fact.event)
        at_ms = (fact.event.time_ns - began_ns) / 1e6
        yield ReplayLine(due_ns, at_ms, sentence(fact.event, people), message, fact)


def _of_captions(told: Conversation) -> list[ReplayLine]:
    captions = sorted(apart(told.captions), key=lambda caption: caption.start_ms)
    return [ReplayLine(0, each.start_ms, f"{_speaker(each, told)}: {one_line(each.text)}") for each in captions]


def _speaker(caption: Caption, told: Conversation) -> str:
    return AGENT if caption.speaker == "agent" else capital(one_line(told.who(caption.participant_id)))
