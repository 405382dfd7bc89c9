"""What the tables should hold, computed from the log in memory, and what they do hold, in the same terms.

Values are in their original form: escapes are undone, JSON is parsed, an embedding is its float32 bytes. So any
mistake in writing shows.
"""

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from projections.positions import Positions
from projections.postgres.fold import (
    Change,
    Closing,
    ConversationRow,
    Erasure,
    EventRow,
    Opening,
    Recording,
    SummaryRow,
    dimensions,
    skeleton_changes,
)
from projections.postgres.tables import Space
from projections.postgres.text import said

Digest = bytes
KEYS = {"conversations": "reply_id", "summaries": "sequence", "recordings": "recording_id", "sessions": "session_id"}


class Expected:
    """The tables besides `events`, updated while the log is read; rows are compared by digests, which are small."""

    def __init__(self, space: Space | None) -> None:
        self._space = space
        self.sessions: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, dict[Any, tuple[str, int, Digest]]] = {
            table: {} for table in ("conversations", "summaries", "recordings")
        }

    def take(self, change: Change) -> None:
        """Apply a change."""
        match change:
            case Opening():
                if self._session(change.session_id).get("sequence") is None:
                    self._session(change.session_id).update(change._asdict())
            case Closing():
                if self._session(change.session_id).get("closed_at") is None:
                    self._session(change.session_id).update(change._asdict())
            case ConversationRow():
                row = change._asdict()
                if change.embedding is not None and not self._keeps(change, change.embedding):
                    row["embedding"] = None
                self._put("conversations", change.reply_id, row)
            case SummaryRow():
                self._put("summaries", change.sequence, change._asdict())
            case Recording():
                self._put("recordings", change.recording_id, change._asdict())
            case Erasure():
                self._erase(change)

    def rows(self, table: str, gone: Positions) -> dict[Any, Digest]:
        """Return the digest of each row of a table by its key, without rows of facts up to `gone`."""
        if table == "sessions":
            rows = self.sessions.items()
            return {key: digest(row) for key, row in rows if not any(gone) or not gone.has(row["sequence"] or 0)}
        return {key: found for key, (_, _, found) in self._rows[table].items()}

    def _keeps(self, change: ConversationRow, embedding: bytes) -> bool:
        if self._space is None or self._space.after.has(change.sequence):
            return False
        return dimensions(embedding) == self._space.dimensions

    def _session(self, session_id: str) -> dict[str, Any]:
        columns = (*Opening._fields, "closed_at", "close_reason", "erased_at")
        return self.sessions.setdefault(session_id, {**dict.fromkeys(columns), "session_id": session_id})

    def _put(self, table: str, key: object, row: Mapping[str, Any]) -> None:
        self._rows[table].setdefault(key, (row["session_id"], row["sequence"], digest(row)))

    def _erase(self, erasure: Erasure) -> None:
        for table, rows in self._rows.items():
            self._rows[table] = {
                key: row for key, row in rows.items() if row[0] != erasure.session_id or row[1] > erasure.sequence
            }
        session = self._session(erasure.session_id)
        for change in skeleton_changes(erasure):
            session.update(change._asdict())
        session["erased_at"] = erasure.erased_at


def digest(row: Mapping[str, Any]) -> Digest:
    """Return a value that is equal for the same row, whether it comes from the fold or from the table."""
    values = {name: plain(name, value) for name, value in row.items()}
    return hashlib.blake2b(repr(sorted(values.items())).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def plain_event(row: EventRow | Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `events` in its original form."""
    values = row._asdict() if isinstance(row, EventRow) else row
    return {name: plain(name, value) for name, value in values.items()}


def plain(name: str, value: Any) -> Any:
    """Return one column's value in its original form."""
    if value is None:
        return None
    if name in ("data", "profile"):
        return _shown(json.loads(value) if isinstance(value, str) else value)
    if name == "embedding":
        return value if isinstance(value, bytes) else array("f", json.loads(value)).tobytes()
    if name == "raw":
        return bytes(value)
    if name.endswith("_ms"):
        return float(value)
    return _shown(value)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return said(value)
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        # Like jsonb, which does not keep the order of keys.
        return dict(sorted((said(key), _shown(item)) for key, item in value.items()))
    return value


def differing(expected: Mapping[Any, Digest], found: Mapping[Any, Digest]) -> Iterable[tuple[str, Any]]:
    """Yield what is wrong with each key: `missing`, `different` or `not in the log`."""
    for key, known in expected.items():
        if key not in found:
            yield "missing", key
        elif found[key] != known:
            yield "different", key
    for key in found:
        if key not in expected:
            yield "not in the log", key
