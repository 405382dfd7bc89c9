"""A log in memory, for conversations without NATS: the same rules, nothing kept beyond the process."""

from collections.abc import Callable, Sequence

from contracts.codec import decode, encode
from contracts.events import Event
from contracts.topology import subject_of
from infra.log.event_log import Appended, ExpectedSequence, Fact, StaleWriter
from infra.log.subject_filter import is_on

Stored = Callable[[Fact], None]
"""Is told of each fact when it is stored."""


class MemoryStore:
    """Facts in the order in which they were appended, as they come back from their bytes.

    An event is stored once, by its id, and only while the last fact on its `expected` subjects is the one expected:
    as in JetStream.
    """

    def __init__(self, stored: Stored = lambda fact: None) -> None:
        self._stored = stored
        self._facts: list[Fact] = []
        self._subjects: list[str] = []
        self._by_id: dict[str, int] = {}
        self._last: dict[str, tuple[int, int]] = {}

    @property
    def facts(self) -> Sequence[Fact]:
        """All of them."""
        return self._facts

    async def append_once(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        """See Store. Raises StaleWriter."""
        if (known := self._by_id.get(event.event_id)) is not None:
            return Appended(known, by_another=True)
        if expected is not None and self._last_on(expected.subjects) != expected.last_sequence:
            raise StaleWriter(f"{type(event).__name__} of {event.session_id} was not stored: another has appended")
        subject = subject_of(event)
        fact = Fact(len(self._facts) + 1, decode(subject, encode(event)))
        self._facts.append(fact)
        self._subjects.append(subject)
        self._by_id[event.event_id] = fact.sequence
        self._stored(fact)
        return Appended(fact.sequence)

    async def fact(self, session_id: str, sequence: int) -> Fact | None:
        """See Store."""
        return self._facts[sequence - 1] if 0 < sequence <= len(self._facts) else None

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        """See Store."""
        return [
            fact
            for fact in self._facts[after:]
            if fact.event.session_id == session_id and is_on(self._subjects[fact.sequence - 1], subjects)
        ]

    def _last_on(self, subjects: str) -> int:
        last, read = self._last.get(subjects, (0, 0))
        for sequence in range(len(self._facts), read, -1):
            if is_on(self._subjects[sequence - 1], subjects):
                last = sequence
                break
        self._last[subjects] = last, len(self._facts)
        return last
