"""How far a projection is in the log: a sequence in each of its partitions, and one number for each fact.

A partition counts its facts for itself. Where facts of all partitions are kept in one table, a fact is known by its
*place*: its sequence, times the number of partitions, plus its partition's number. With one partition that is the
sequence.
"""

from collections.abc import Iterable

from contracts.topology import partition_of


class Positions(tuple[int, ...]):
    """The last sequence of each partition that a reader has."""

    __slots__ = ()

    @classmethod
    def start(cls, partitions: int) -> "Positions":
        """Return the positions of a reader that has nothing."""
        return cls((0,) * partitions)

    @property
    def total(self) -> int:
        """How far it is in one number: with one partition the sequence, else the sum of all."""
        return sum(self)

    def with_places(self, places: Iterable[int]) -> "Positions":
        """Return the positions after facts at these places, which come in order within a partition."""
        found = list(self)
        for place in places:
            sequence, partition = divmod(place, len(found))
            found[partition] = sequence
        return Positions(found)

    def places(self) -> list[int]:
        """Return the place of the last fact in each partition."""
        return [sequence * len(self) + partition for partition, sequence in enumerate(self)]

    def has(self, place: int) -> bool:
        """Return whether a place is one of those up to here."""
        sequence, partition = divmod(place, len(self))
        return sequence <= self[partition]

    def covers(self, others: "Positions") -> bool:
        """Return whether it is at least as far in each partition."""
        return all(mine >= theirs for mine, theirs in zip(self, others, strict=True))


def place_of(session_id: str, sequence: int, partitions: int) -> int:
    """Return the place of a fact of a session."""
    return sequence * partitions + (partition_of(session_id, partitions) if partitions > 1 else 0)
