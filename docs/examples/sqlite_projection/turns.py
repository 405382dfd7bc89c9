"""The SQLite file: a table of turns, and how far in the log it is."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from contracts.codec import Undecodable
from contracts.events import SessionErased, TurnRecorded
from infra.log.stream_reader import StoredMessage
from infra.projection import Difference, NotRebuilt, Rebuilt
from infra.settings import Settings
from projections.known_events import FromTheFuture, known_event
from projections.projector import AnotherCopy

TABLES = """
    CREATE TABLE IF NOT EXISTS turns (
        sequence INTEGER PRIMARY KEY, session_id TEXT, ended_ns INTEGER, asked TEXT, heard TEXT, gap_ms REAL
    );
    CREATE TABLE IF NOT EXISTS erased (session_id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER);
    INSERT OR IGNORE INTO position VALUES (1, 0);
"""


class Turn(NamedTuple):
    """A row: `ended_ns` is Unix epoch, `gap_ms` how long the caller waited for the answer."""

    sequence: int
    session_id: str
    ended_ns: int
    asked: str
    heard: str
    gap_ms: float | None


def rows_of(message: StoredMessage) -> tuple[list[Turn], str]:
    """Return what a fact adds, and the session that it erases. Raises FromTheFuture."""
    try:
        event = known_event(message.sequence, message.subject, message.data)
    except Undecodable:
        return [], ""
    if isinstance(event, SessionErased):
        return [], event.session_id
    if not isinstance(event, TurnRecorded):
        return [], ""
    text = (event.user_text, event.heard_text)
    return [Turn(message.sequence, event.session_id, event.turn_ended_ns, *text, event.gap_ms)], ""


class Turns:
    """A connection to the file. All of it blocks, and raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def of(cls, settings: Settings) -> "Iterator[Turns]":
        """Open the file of a data directory, made if there is none, for the length of a block."""
        path = settings.data_dir / "sqlite" / "turns.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
            connection.executescript(TABLES)
            yield cls(connection)
        finally:
            connection.close()

    def position(self) -> int:
        """Return the last sequence of the log that the table has."""
        return int(self._connection.execute("SELECT sequence FROM position").fetchone()[0])

    def keep(self, messages: Sequence[StoredMessage], before: int) -> tuple[int, str]:
        """Take facts in, in one transaction with the position; return that, and why it stopped there if it did.

        Raises AnotherCopy; then nothing has changed.
        """
        after, problem = before, ""
        with self._connection:
            for message in messages:
                try:
                    self._take(message)
                except FromTheFuture as error:
                    problem = str(error)
                    break
                after = message.sequence
            moved = self._connection.execute("UPDATE position SET sequence = ? WHERE sequence = ?", (after, before))
            if not moved.rowcount:
                raise AnotherCopy("another copy, or a rebuild, has moved the table on")
        return after, problem

    def replace(self, messages: Sequence[StoredMessage], drop_lost: bool) -> Rebuilt:
        """Rebuild the table from the whole log. Raises NotRebuilt, FromTheFuture; then it is as it was."""
        began_s = time.monotonic()
        with self._connection:
            _, old = self.everything()
            self._connection.execute("DELETE FROM turns")
            for message in messages:
                self._take(message)
            last = messages[-1].sequence if messages else 0
            self._connection.execute("UPDATE position SET sequence = ?", (last,))
            _, new = self.everything()
            lost = len(old.keys() - new.keys())
            if lost and not drop_lost:
                raise NotRebuilt(f"the table has {lost} turns that the log no longer has; --drop-lost lets go of them")
        changed = sum(old[sequence] != new[sequence] for sequence in old.keys() & new.keys())
        difference = Difference(lost, len(new.keys() - old.keys()), changed)
        return Rebuilt(last, time.monotonic() - began_s, differences={"turns": difference})

    def everything(self) -> tuple[int, dict[int, Turn]]:
        """Return the position, and all rows by their sequence."""
        rows = (Turn(*row) for row in self._connection.execute("SELECT * FROM turns"))
        return self.position(), {row.sequence: row for row in rows}

    def left_of(self, session_ids: Sequence[str]) -> str:
        """Say what is left of erased sessions, empty if nothing."""
        marks = ", ".join("?" * len(session_ids))
        count = f"SELECT count(*) FROM {{}} WHERE session_id IN ({marks})"
        done = self._connection.execute(count.format("erased"), session_ids).fetchone()[0]
        left = self._connection.execute(count.format("turns"), session_ids).fetchone()[0]
        return "" if done == len(session_ids) and not left else f"{done} sessions are erased, {left} turns are left"

    def _take(self, message: StoredMessage) -> None:
        rows, erased = rows_of(message)
        self._connection.executemany("INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, ?)", rows)
        if erased:
            self._connection.execute("DELETE FROM turns WHERE session_id = ?", (erased,))
            self._connection.execute("INSERT OR IGNORE INTO erased VALUES (?)", (erased,))
