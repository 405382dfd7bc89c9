"""The state of a session in the log, as far as its erasure needs it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from nats.aio.client import Client

from contracts.codec import Undecodable, decode
from contracts.events import (
    AgentProfile,
    ErasedFact,
    Event,
    ParticipantJoined,
    RecordingStored,
    ReplyStarted,
    SessionClosed,
    SessionErased,
    SessionOpened,
    SummaryWritten,
)
from contracts.topology import (
    event_subject,
    event_subjects,
    session_subjects,
)
from infra.erasure.skeleton import left_behind
from infra.log.log_streams import log_messages
from infra.log.stream_reader import StoredMessage


@dataclass(frozen=True, slots=True)
class Bearing:
    """A fact that contains words, without them: what stays of it, and how many bytes are removed."""

    left: ErasedFact
    size: int

    @property
    def is_opening(self) -> bool:
        """Whether it names the session's user: it is removed last, so that an interrupted erasure can be found."""
        return self.left.event == SessionOpened.__name__


@dataclass(slots=True)
class StoredSession:
    """A session in the log; `closed_ns` is 0 while it is open, `parts` counts the SessionErased it has."""

    session_id: str
    facts: int = 0
    user_id: str = ""
    profile: AgentProfile | None = None
    opened_ns: int = 0
    closed_ns: int = 0
    is_summed_up: bool = False
    is_recorded: bool = False
    bearing: list[Bearing] = field(default_factory=list)
    parts: int = 0
    last_part_sequence: int = 0
    in_skeleton: set[int] = field(default_factory=set)
    reply_ids: set[str] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """Whether somebody may still be talking in it."""
        return self.facts > 0 and not self.closed_ns and not (self.parts and not self.bearing)

    def take(self, message: StoredMessage) -> None:
        """Apply one message of the session, in the log's order."""
        self.facts += 1
        left = left_behind(message)
        if left is not None:
            self.bearing.append(Bearing(left, len(message.data)))
            self._note_replies([left])
        try:
            event = decode(message.subject, message.data, allow_newer=True)
        except Undecodable:
            return
        self._apply(event, message.sequence)

    def _apply(self, event: Event, sequence: int) -> None:
        match event:
            case SessionOpened() if not self.opened_ns:
                self.user_id, self.profile, self.opened_ns = event.user_id, event.profile, event.time_ns
            case SessionClosed():
                self.closed_ns = event.time_ns
            case SummaryWritten():
                self.is_summed_up = True
            case RecordingStored():
                self.is_recorded = True
            case SessionErased():
                self.parts = max(self.parts, event.part + 1)
                self.last_part_sequence = sequence
                self.in_skeleton.update(entry.sequence for entry in event.skeleton)
                self._note_replies(event.skeleton)

    def _note_replies(self, facts: Iterable[ErasedFact]) -> None:
        self.reply_ids.update(fact.reply_id for fact in facts if fact.reply_id)


async def stored_session(nc: Client, session_id: str) -> StoredSession:
    """Return a session's state, without facts if the log has none of it. Raises nats errors, ValueError."""
    session = StoredSession(session_id)
    async for message in log_messages(nc, session_subjects(session_id)):
        session.take(message)
    return session


async def session_ids_of(nc: Client, user_id: str) -> list[str]:
    """Return the sessions that a user opened, then those that they joined, oldest first. Raises nats errors."""
    found: dict[str, int] = {}
    for event_class in (SessionOpened, ParticipantJoined):
        async for message in log_messages(nc, event_subjects(event_class)):
            try:
                event = decode(message.subject, message.data, allow_newer=True)
            except Undecodable:
                continue
            is_guest = isinstance(event, ParticipantJoined) and event.identity == user_id != ""
            if is_guest or (isinstance(event, SessionOpened) and event.user_id == user_id):
                found.setdefault(event.session_id, message.stored_ns)
    return list(found)


async def recalled_in(nc: Client, session: StoredSession) -> dict[str, int]:
    """Return the user's other sessions that recalled this one, with the number of replies. Raises nats errors."""
    found: dict[str, int] = {}
    for session_id in await session_ids_of(nc, session.user_id) if session.user_id else []:
        if session_id == session.session_id:
            continue
        async for message in log_messages(nc, event_subject(session_id, ReplyStarted)):
            try:
                event = decode(message.subject, message.data, allow_newer=True)
            except Undecodable:
                continue
            if isinstance(event, ReplyStarted) and not session.reply_ids.isdisjoint(event.memories):
                found[session_id] = found.get(session_id, 0) + 1
    return found
