"""A session as the log has it, for a replay: its facts in their order, and exactly what is missing or unreadable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nats.aio.client import Client

from contracts import events as e
from contracts.codec import Undecodable
from contracts.topology import FACTS, UnknownSubject, checked_session, event_class_of, session_subjects
from infra.export.formats import utc_date
from infra.log.clock import CLOCK
from infra.log.log_streams import has_log, streams_of_log
from infra.log.stream_reader import StoredMessage, first_message, stored_messages
from infra.session.index import no_such_session
from projections.known_events import FromTheFuture, known_event

ID_HEADER = "Nats-Msg-Id"
NAMED = 3
"""How many facts a remark names one by one."""


LONG_AFTER_NS = 2**63 - 1
"""A time at which nothing of a session is new any more."""


class NotInLog(LookupError):
    """The log has nothing of a session."""


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """A fact, and the message that holds it: its original bytes, its place in the log and when it was stored."""

    event: e.Event
    message: StoredMessage

    @property
    def sequence(self) -> int:
        """Its place in the log."""
        return self.message.sequence


@dataclass(frozen=True, slots=True)
class UnreadFact:
    """A message of the session that this build leaves out, and why: a newer build wrote it, or it is broken."""

    message: StoredMessage
    is_newer: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LostStretch:
    """Where facts are missing: somewhere after sequence `after` (0: the session's start) and before `before`."""

    after: int
    before: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """What the log has of a session at one moment, in the log's order, each event once.

    `messages` are all of its messages, also those that this build cannot read. `erased` lists the facts whose words
    were removed on request and that are gone with them. `remarks` says all of this to a person.
    """

    session_id: str
    messages: tuple[StoredMessage, ...]
    facts: tuple[RecordedFact, ...]
    unread: tuple[UnreadFact, ...] = ()
    erased: tuple[e.ErasedFact, ...] = ()
    lost: tuple[LostStretch, ...] = ()
    is_open: bool = False
    read_ns: int = LONG_AFTER_NS
    """When it was read: Unix epoch ns, on the clock of facts."""

    @property
    def is_whole(self) -> bool:
        """Whether every fact of it is there and readable, from its opening to its end."""
        return not (self.unread or self.erased or self.lost or self.is_open)

    @property
    def opened(self) -> e.SessionOpened | None:
        """Its opening, if the log still has it."""
        return next((fact.event for fact in self.facts if isinstance(fact.event, e.SessionOpened)), None)

    def remarks(self) -> list[str]:
        """Return what keeps a replay from being all of the session, one sentence each; nothing if it is whole."""
        return [*self.missing(), *([self.without_end()] if self.is_open else [])]

    def without_end(self) -> str:
        """Return what it means that a session has no end in the log."""
        return (
            "it has no end in the log: it is still running, or its system stopped before it ended; what is stored "
            f"after sequence {self.messages[-1].sequence} is not in this replay"
        )

    def missing(self) -> list[str]:
        """Return which facts of it are lost or cannot be read, one sentence each."""
        said = [_about_erased(self.erased, len(self.messages))] if self.erased else []
        said += [stretch.reason for stretch in self.lost[:NAMED]]
        if len(self.lost) > NAMED:
            said.append(f"facts are missing in {len(self.lost) - NAMED} more places")
        for is_newer in (True, False):
            left_out = [fact for fact in self.unread if fact.is_newer == is_newer]
            said += [_about_unread(left_out, is_newer)] if left_out else []
        return said


async def recorded_session(nc: Client, session_id: str) -> RecordedSession:
    """Return a session as the log has it now. Raises NotInLog, ValueError for a malformed session id, nats errors."""
    checked_session(session_id)
    if not await has_log(nc):
        raise NotInLog(await no_such_session(nc, session_id))
    subjects = session_subjects(session_id)
    stream = (await streams_of_log(nc)).of(subjects)
    begin, read_ns = await first_message(nc, stream, FACTS.pattern), CLOCK.peek_ns()
    messages = [message async for message in stored_messages(nc, stream, subjects)]
    if not messages:
        gone = f" ({_log_begins(begin)})" if begin is not None and begin.sequence > 1 else ""
        raise NotInLog(await no_such_session(nc, session_id) + gone)
    return replace(read_session(session_id, messages, begin), read_ns=read_ns)


def read_session(session_id: str, messages: Iterable[StoredMessage], begin: StoredMessage | None) -> RecordedSession:
    """Return what its stored messages make of a session; `begin` is the first message of the log's stream. Pure."""
    kept: list[StoredMessage] = []
    facts: list[RecordedFact] = []
    unread: list[UnreadFact] = []
    seen: set[str] = set()
    stored: set[int] = set()
    for message in messages:
        stored.add(message.sequence)
        try:
            event = known_event(message.sequence, message.subject, message.data)
        except (FromTheFuture, Undecodable) as error:
            kept.append(message)
            unread.append(_left_out(message, error))
            continue
        # A fact that was stored again, for its consumers, is the same fact.
        if event.event_id not in seen:
            seen.add(event.event_id)
            kept.append(message)
            facts.append(RecordedFact(event, message))
    erased = _erased(facts, stored)
    gone = {left.sequence for left in erased}
    return RecordedSession(
        session_id,
        tuple(kept),
        tuple(facts),
        tuple(unread),
        erased,
        tuple(_lost(facts, unread, erased, begin) + _taken_in(facts, stored | gone)),
        is_open=not any(isinstance(fact.event, e.SessionClosed) for fact in facts),
    )


def _left_out(message: StoredMessage, error: FromTheFuture | Undecodable) -> UnreadFact:
    if isinstance(error, FromTheFuture):
        return UnreadFact(message, True, error.what)
    try:
        event_class_of(message.subject)
    except UnknownSubject:
        unknown = f"fact {message.sequence} on {message.subject}, an event that this program does not know"
        return UnreadFact(message, True, unknown)
    return UnreadFact(message, False, f"fact {message.sequence}: {error}")


def _erased(facts: Iterable[RecordedFact], stored: set[int]) -> tuple[e.ErasedFact, ...]:
    """Return the facts that an erasure removed; of one that was interrupted some may still be stored."""
    erasures = (fact.event for fact in facts if isinstance(fact.event, e.SessionErased))
    gone = {left.sequence: left for erasure in erasures for left in erasure.skeleton if left.sequence not in stored}
    return tuple(gone[sequence] for sequence in sorted(gone))


def _lost(
    facts: Sequence[RecordedFact],
    unread: Sequence[UnreadFact],
    erased: Sequence[e.ErasedFact],
    begin: StoredMessage | None,
) -> list[LostStretch]:
    """Return where facts are missing without an erasure: the beginning, else what later facts answer."""
    first = min([fact.sequence for fact in facts] + [fact.message.sequence for fact in unread])
    is_opened = any(isinstance(fact.event, e.SessionOpened) for fact in facts)
    if not is_opened and all(left.event != e.SessionOpened.__name__ for left in erased):
        # What the first facts answer is missing with it.
        because = f"; {_log_begins(begin)}" if begin is not None else ""
        return [LostStretch(0, first, f"what was before sequence {first} is no longer in the log{because}")]
    lost: list[LostStretch] = []
    known = {fact.event.event_id for fact in facts} | {left.event_id for left in erased}
    known |= {fact.message.headers.get(ID_HEADER, "") for fact in unread}
    is_fork = any(isinstance(fact.event, e.SessionOpened) and fact.event.forked_from for fact in facts)
    for fact in facts if not is_fork else ():  # what a fork answers may be in the session that it continues
        cause_id = fact.event.cause_id
        if cause_id is not None and cause_id not in known:
            known.add(cause_id)
            answers = f"{type(fact.event).__name__} at sequence {fact.sequence}"
            lost.append(LostStretch(first, fact.sequence, f"what {answers} answers is no longer in the log"))
    return lost


def _taken_in(facts: Sequence[RecordedFact], known: set[int]) -> list[LostStretch]:
    """Return where facts are missing that the writer of a later one says to have read (`basis`)."""
    first, lost = min(known, default=0), dict[int, LostStretch]()
    for fact in facts:
        basis = fact.event.basis
        if first < basis < fact.sequence and basis not in known and basis not in lost:
            writer = f"the writer of {type(fact.event).__name__} at sequence {fact.sequence}"
            reason = f"the fact at sequence {basis}, which {writer} had read, is no longer in the log"
            before = min(sequence for sequence in known if sequence > basis)
            lost[basis] = LostStretch(max(sequence for sequence in known if sequence < basis), before, reason)
    return list(lost.values())


def _log_begins(begin: StoredMessage) -> str:
    return f"the log now begins with sequence {begin.sequence}, stored {utc_date(begin.stored_ns)}"


def _about_erased(erased: Sequence[e.ErasedFact], left: int) -> str:
    return (
        f"its words were erased on request: {len(erased)} facts are gone (sequences {erased[0].sequence} to "
        f"{erased[-1].sequence}), {left} are left"
    )


def _about_unread(unread: Sequence[UnreadFact], is_newer: bool) -> str:
    named = "; ".join(fact.reason for fact in unread[:NAMED]) + ("; …" if len(unread) > NAMED else "")
    facts = "1 fact" if len(unread) == 1 else f"{len(unread)} facts"
    why = "written by a newer build, which can read it" if is_newer else "broken"
    return f"{facts} left out, {why}: {named}"
