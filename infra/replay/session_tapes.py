"""The tapes of a session as they are stored: which stretches can be run again, and which are lost."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client

from contracts.journal import VERSION, BadChunk, JournalChunk, decode_chunk
from contracts.topology import JOURNAL, journal_subject
from infra.log.stream_reader import StoredMessage, has_stream, stored_messages
from infra.replay.schedule import TapedStretch
from infra.tape.deliveries import Delivery

ALL_ACTORS = "*"


@dataclass(frozen=True, slots=True)
class LostTape:
    """A stretch of time in which what a copy of an actor took in is not known. Times are Unix epoch ns.

    `to_ns` is None if it lasts to the session's end. `basis` is the last sequence that the copy had taken in before.
    """

    actor: str
    instance: str
    from_ns: int
    to_ns: int | None
    reason: str
    basis: int = 0
    is_end: bool = False
    """Whether the copy wrote nothing after it: it was killed, or the system ended."""


@dataclass(frozen=True, slots=True)
class SessionTapes:
    """What there is of a session's tapes. `unread` says which chunks this build cannot read, and why."""

    stretches: tuple[TapedStretch, ...] = ()
    lost: tuple[LostTape, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def actors(self) -> frozenset[str]:
        """The actors that have a tape."""
        return frozenset(each.actor for each in self.stretches) | frozenset(each.actor for each in self.lost)


async def session_tapes(nc: Client, session_id: str) -> SessionTapes:
    """Return the tapes of a session as they are stored now. Raises what `stored_messages` raises."""
    if not await has_stream(nc, JOURNAL):
        return SessionTapes()
    wanted = journal_subject(session_id, ALL_ACTORS)
    return read_tapes([message async for message in stored_messages(nc, JOURNAL, wanted)])


def read_tapes(messages: Iterable[StoredMessage]) -> SessionTapes:
    """Return what stored chunks make of a session's tapes. Pure."""
    chunks: dict[tuple[str, str], list[JournalChunk]] = defaultdict(list)
    unread: list[str] = []
    for message in messages:
        try:
            chunk = decode_chunk(message.subject, message.data)
        except BadChunk as error:
            unread.append(f"chunk {message.sequence} of the tape on {message.subject}: {error}")
            continue
        chunks[chunk.actor, chunk.instance].append(chunk)
    begins = {key: of_one[0].deliveries[0].at_ns for key, of_one in chunks.items() if of_one[0].deliveries}
    stretches: list[TapedStretch] = []
    lost: list[LostTape] = []
    for key, of_one in chunks.items():
        cut = _Cutting(*key)
        for chunk in of_one:
            cut.take(chunk)
        cut.finish(_next_begin(key, of_one, begins))
        stretches += cut.stretches
        lost += cut.lost
    return SessionTapes(tuple(stretches), tuple(lost), tuple(unread))


def _next_begin(key: tuple[str, str], chunks: Sequence[JournalChunk], begins: dict[tuple[str, str], int]) -> int | None:
    """Return when another copy of the actor began to take in something after this one's last chunk."""
    last_ns = _end_ns(chunks)
    actor, instance = key
    later = [ns for (other, copy), ns in begins.items() if other == actor and copy != instance and ns >= last_ns]
    return min(later, default=None)


def _end_ns(chunks: Sequence[JournalChunk]) -> int:
    return max((chunk.deliveries[-1].at_ns for chunk in chunks if chunk.deliveries), default=0)


@dataclass(slots=True)
class _Cutting:
    """Cuts one copy's chunks into stretches: one ends where a number is missing, the next begins when all rests."""

    actor: str
    instance: str
    stretches: list[TapedStretch] = field(default_factory=list)
    lost: list[LostTape] = field(default_factory=list)
    _deliveries: list[Delivery] = field(default_factory=list)
    _n: int = -1
    _basis: int = 0
    _version: int = VERSION
    _begin_basis: int = 0
    _is_idle: bool = True
    _end_ns: int = 0
    _lost_from_ns: int | None = None
    _lost_basis: int = 0

    def take(self, chunk: JournalChunk) -> None:
        if chunk.n != self._n + 1:
            self._gap()
        self._n, self._version = chunk.n, chunk.version
        if self._lost_from_ns is None:
            self._deliveries += chunk.deliveries
        elif chunk.idle:
            self._found_again(chunk)
        self._basis, self._is_idle = chunk.basis, chunk.idle
        self._end_ns = chunk.deliveries[-1].at_ns if chunk.deliveries else self._end_ns

    def finish(self, next_begin_ns: int | None) -> None:
        """End the tape; `next_begin_ns` is when another copy took over, None if none did."""
        if self._lost_from_ns is not None:
            self._lose(next_begin_ns, "chunks of its tape are missing, and it was never at rest afterwards")
            return
        is_cut = not self._is_idle
        self._close(is_cut)
        if is_cut:
            self._lost_from_ns, self._lost_basis = self._end_ns, self._basis
            reason = "it ended in the midst of its work; what it took in last was never written"
            self._lose(next_begin_ns, reason, is_end=True)

    def _gap(self) -> None:
        if self._lost_from_ns is None:
            self._close(is_cut=True)
            self._lost_from_ns, self._lost_basis = self._end_ns, self._basis

    def _found_again(self, chunk: JournalChunk) -> None:
        """Begin a stretch after this chunk: nothing was in progress at its end."""
        end_ns = chunk.deliveries[-1].at_ns if chunk.deliveries else self._end_ns
        self._lose(end_ns, "chunks of its tape are missing")
        self._begin_basis = chunk.basis

    def _lose(self, to_ns: int | None, reason: str, is_end: bool = False) -> None:
        assert self._lost_from_ns is not None
        lost = LostTape(self.actor, self.instance, self._lost_from_ns, to_ns, reason, self._lost_basis, is_end)
        self.lost.append(lost)
        self._lost_from_ns = None

    def _close(self, is_cut: bool) -> None:
        if self._deliveries:
            # What it appended later, it decided on what is not here: a copy may be killed just after it was at rest.
            taken, begin, last = tuple(self._deliveries), self._begin_basis, self._basis
            self.stretches.append(
                TapedStretch(self.actor, self.instance, taken, begin, is_cut, last, version=self._version)
            )
        self._deliveries = []
