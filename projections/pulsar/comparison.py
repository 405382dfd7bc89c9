"""Compares a topic with the log, message by message. Pure: both sides come in the order of storage."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from projections.pulsar.routing import TopicMessage

SHOWN = 20
"""How many differences are listed one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it is in a topic."""

    payload: bytes
    key: str
    properties: Mapping[str, str]
    event_time_ms: int

    @property
    def sequence(self) -> int:
        """Its sequence in the log, 0 if it has none."""
        text = self.properties.get("sequence", "")
        return int(text) if text.isascii() and text.isdigit() else 0


@dataclass(slots=True)
class Comparison:
    """The differences of one topic so far. Facts of `erased` sessions may be in the topic but not in the log."""

    name: str
    erased: Container[str]
    first_in_log: int = 0
    _last: int = 0
    _lines: list[str] = field(default_factory=list)
    _more: int = 0
    _missing: list[TopicMessage] = field(default_factory=list)

    def same(self, expected: TopicMessage, kept: Kept) -> None:
        """Compare a fact with its message."""
        self._in_order(kept)
        wrong = [
            what
            for what, ours, theirs in (
                ("payload", expected.payload, kept.payload),
                ("key", expected.key, kept.key),
                ("properties", expected.properties, dict(kept.properties)),
                ("event time", expected.event_time_ms, kept.event_time_ms),
            )
            if ours != theirs
        ]
        if wrong:
            self._note(f"{_name(expected)} has another {' and '.join(wrong)} than the log's")

    def missing(self, expected: TopicMessage) -> None:
        """Note that the topic has no message of a fact."""
        self._missing.append(expected)

    def extra(self, kept: Kept) -> None:
        """Note that the topic has a message without a fact in the log, or a duplicate."""
        again = kept.sequence and kept.sequence <= self._last
        self._in_order(kept)
        if again or kept.properties.get("session") in self.erased or 0 < kept.sequence < self.first_in_log:
            return
        event, session = kept.properties.get("event", "?"), kept.properties.get("session", "?")
        self._note(f"a message that is not in the log: fact {kept.sequence or '?'} ({event} of {session})")

    def lines(self) -> list[str]:
        """Return the differences, the first 20 in full."""
        self._flush()
        return [*self._lines, *([f"{self.name}: … and {self._more} more"] if self._more else [])]

    def _in_order(self, kept: Kept) -> None:
        self._flush()
        if kept.sequence and kept.sequence == self._last:
            self._note(f"fact {kept.sequence} is there twice")
        elif kept.sequence and kept.sequence < self._last:
            self._note(f"fact {kept.sequence} comes after fact {self._last}")
        self._last = max(self._last, kept.sequence)

    def _flush(self) -> None:
        """Describe a run of missing facts in one line."""
        run, self._missing = self._missing, []
        if len(run) == 1:
            self._note(f"{_name(run[0])} is missing")
        elif run:
            self._note(f"{len(run)} facts are missing: {_name(run[0])} to {_name(run[-1])}")

    def _note(self, difference: str) -> None:
        if len(self._lines) < SHOWN:
            self._lines.append(f"{self.name}: {difference}")
        else:
            self._more += 1


def _name(message: TopicMessage) -> str:
    properties = message.properties
    return f"fact {message.sequence} ({properties['event']} of {properties['session']})"
