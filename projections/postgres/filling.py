"""Writes messages of the log to the tables, for the running projection and for a rebuild."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import psycopg

from infra.log.stream_reader import StoredMessage
from projections.known_events import FromTheFuture
from projections.positions import Positions
from projections.postgres.fold import ConversationRow, Folded, Recording, dimensions, fold
from projections.postgres.schema import Connection
from projections.postgres.tables import ProjectionPosition, Space, fits_no_space, place_of, write
from projections.projector import Stopped

log = logging.getLogger(__name__)

DeadLetterWriter = Callable[[StoredMessage, str], Awaitable[None]]
"""Copies a message that cannot be stored to the dead letters, with the reason."""

Sound = Callable[[str], Awaitable[bytes | None]]
"""Returns the recording of a session, None if it was dropped."""

_OURS = ("21", "22", "23", "54")
"""Classes of errors that the data causes, so that trying again does not help."""


class Filler:
    """Writes messages to the tables of a connection, in order; what they cannot store becomes a dead letter.

    With `newest_space` a change of the embeddings' dimension drops those before it (a rebuild); otherwise it raises
    Stopped.
    """

    def __init__(
        self, conn: Connection, sound: Sound, dead_letter: DeadLetterWriter, newest_space: bool = False
    ) -> None:
        self._conn = conn
        self._sound = sound
        self._dead_letter = dead_letter
        self._newest_space = newest_space
        self.place = ProjectionPosition(Positions.start(1), None)
        self.errors = 0
        self.last_error = ""

    async def find_place(self, partitions: int) -> ProjectionPosition:
        """Return how far the tables are in a log of so many partitions, and continue from there."""
        self.place = await place_of(self._conn, partitions)
        return self.place

    async def keep(self, messages: Sequence[StoredMessage]) -> None:
        """Write messages. Raises Stopped, Moved, psycopg.Error, nats errors."""
        facts, future = _fold_all(messages, len(self.place.positions))
        originals = {message.sequence: message for message in messages}
        for space, run in _runs(facts, self.place):
            if space is not None and self.place.space is not None and not self._newest_space:
                raise Stopped(_dimension_changed(run[0].row.sequence, space, self.place.space))
            await self._write(run, space or self.place.space, originals)
        if future:
            raise Stopped(future)

    async def _write(
        self, facts: Sequence[Folded], space: Space | None, originals: Mapping[int, StoredMessage]
    ) -> None:
        sound = {
            change.sequence: await self._sound(change.session_id)
            for fact in facts
            for change in fact.changes
            if isinstance(change, Recording)
        }
        after = ProjectionPosition(self.place.positions.with_places(fact.row.sequence for fact in facts), space)
        try:
            await write(self._conn, facts, self.place, after, sound)
        except Exception as error:
            if self._conn.broken or not _caused_by_data(error):
                raise
            if len(facts) == 1:
                await self._set_aside(facts[0], originals[facts[0].row.sequence], error)
                return
            middle = len(facts) // 2
            for part in (facts[:middle], facts[middle:]):
                await self._write(part, space, originals)
            return
        self.place = after
        for fact in facts:
            if fact.problem:
                self._note(fact.problem)

    async def _set_aside(self, fact: Folded, message: StoredMessage, error: Exception) -> None:
        problem = _cannot_be_stored(fact, error)
        await self._dead_letter(message, problem)
        # First the dead letter, then the position: after a crash between them it is sent again, but stored once.
        after = ProjectionPosition(self.place.positions.with_places([message.sequence]), self.place.space)
        await write(self._conn, [], self.place, after, {})
        self.place = after
        self._note(problem)

    def _note(self, problem: str) -> None:
        self.errors += 1
        self.last_error = problem
        log.warning("%s", problem)


def _caused_by_data(error: Exception) -> bool:
    """Return whether it is the data that cannot be stored, so that trying again does not help."""
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return error.sqlstate[:2] in _OURS
    # Raised when psycopg, or Python before it, cannot convert a value for a column.
    return isinstance(error, psycopg.DataError | OverflowError | ValueError)


def _fold_all(messages: Sequence[StoredMessage], partitions: int) -> tuple[list[Folded], str]:
    """Return the facts before the first that a newer program wrote, and the error about that one."""
    facts: list[Folded] = []
    for message in messages:
        try:
            facts.append(fold(message, partitions))
        except FromTheFuture as error:
            return facts, str(error)
    return facts, ""


def _runs(facts: Sequence[Folded], at: ProjectionPosition) -> Iterator[tuple[Space | None, list[Folded]]]:
    """Split facts where the embeddings' dimension changes; each part comes with the space it begins."""
    run: list[Folded] = []
    begun: Space | None = None
    positions, space = at
    for fact in facts:
        new = _space_of(fact, positions)
        positions = positions.with_places([fact.row.sequence])
        if new is not None and space is not None and fits_no_space(new, space):
            fact = _without_embedding(fact, space)
        elif new is not None and (space is None or new.dimensions != space.dimensions):
            if run:
                yield begun, run
            run, begun, space = [], new, new
        run.append(fact)
    if run:
        yield begun, run


def _space_of(fact: Folded, before: Positions) -> Space | None:
    for change in fact.changes:
        if isinstance(change, ConversationRow) and change.embedding is not None:
            return Space(dimensions(change.embedding), change.embedding_model or "", before)
    return None


def _without_embedding(fact: Folded, space: Space) -> Folded:
    changes = tuple(
        change._replace(embedding=None) if isinstance(change, ConversationRow) else change for change in fact.changes
    )
    problem = (
        f"event {fact.row.sequence} ({fact.row.event}): an embedding of another length than the {space.dimensions} "
        f"dimensions of its model ({space.model or '?'}): stored without it"
    )
    return fact._replace(changes=changes, problem=problem)


def _dimension_changed(event: int, new: Space, old: Space) -> str:
    return (
        f"event {event} has an embedding of {new.dimensions} dimensions (model {new.model or '?'}), the "
        f"table has {old.dimensions} (model {old.model or '?'}): to go on with the new one, which drops the old "
        "embeddings but no words, run `daredevil projections rebuild postgres`; else set DAREDEVIL_EMBEDDING back"
    )


def _cannot_be_stored(fact: Folded, error: Exception) -> str:
    problem = str(error).partition("\n")[0]
    return f"event {fact.row.sequence} ({fact.row.event} of {fact.row.session_id}) cannot be stored: {problem}"
