"""Which sessions the log holds: read from their openings, the newest first, without a stored index.

The HTTP API reads page by page (`page_of`); the command line shows a line for each session (`session_rows`).
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nats.aio.client import Client

from contracts import events as e
from contracts.codec import Undecodable, decode
from contracts.topology import (
    event_subject,
    event_subjects,
    session_of,
)
from infra.log.log_streams import has_log, last_in_log, log_messages, streams_of_log, subjects_in_log
from infra.log.stream_reader import (
    MAX_SUBJECTS,
    StoredMessage,
    first_message,
    last_messages,
    stored_messages,
)

OPENINGS = event_subjects(e.SessionOpened)
LATER = (e.SessionClosed, e.SessionErased, e.RecordingStored, e.SummaryWritten)
"""What a listed session shows besides its opening: the last fact of each class."""

WINDOW, WIDEST_WINDOW = 2_000, 2_000_000
"""How many sequences of the log are read at once, going back; wider where few sessions were opened."""
FEW = 64
BATCH = 128
AT_ONCE = 200
"""Sessions whose later facts are read at once: with four subjects each, within JetStream's 1024."""
NAMED = 3
"""How many sessions a message names."""

SLACK_NS = 120_000_000_000
"""How much later than its own time a fact may be stored; a larger difference means that its clock was wrong."""


@dataclass(slots=True)
class Listed:
    """A session: its opening, with its sequence and time of storage, and the last of its later facts.

    `place` is where a page begins that goes on before it.
    """

    sequence: int
    event: e.SessionOpened
    stored_ns: int
    closed: e.SessionClosed | None = None
    erased: e.SessionErased | None = None
    recording: e.RecordingStored | None = None
    summary: e.SummaryWritten | None = None
    place: int = 0

    def __post_init__(self) -> None:
        """In a log of one stream the place is the sequence."""
        self.place = self.place or self.sequence


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions to list; times are Unix epoch ns, `before` is where a page begins (0: at the log's end)."""

    user_id: str | None = None
    since_ns: int = 0
    until_ns: int | None = None
    before: int = 0

    def matches(self, listed: Listed) -> bool:
        """Return whether a session is one of them.

        Its own time of opening counts, unless the log, which is one clock for the doors of all machines, disagrees.
        """
        opened_ns = listed.event.time_ns
        if abs(listed.stored_ns - opened_ns) > SLACK_NS:
            opened_ns = listed.stored_ns
        is_in_time = self.since_ns <= opened_ns and (self.until_ns is None or opened_ns <= self.until_ns)
        return is_in_time and (self.user_id is None or listed.event.user_id == self.user_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions, and where the next page begins (0: there is none)."""

    sessions: list[Listed]
    before: int


async def page_of(nc: Client, wanted: Wanted, limit: int, patience_s: float = 3) -> Page:
    """Return up to `limit` sessions, fewer if reading takes longer than `patience_s`: the next page continues there.

    Raises StreamUnreadable, nats.errors.TimeoutError.
    """
    found: list[Listed] = []
    deadline_s = time.monotonic() + patience_s
    async for place, openings in _windows(nc, wanted):
        for listed in reversed(openings):
            if wanted.matches(listed):
                found.append(listed)
            if len(found) == limit:
                return Page(await with_later(nc, found), listed.place)
        if place and time.monotonic() > deadline_s:
            return Page(await with_later(nc, found), place)
    return Page(await with_later(nc, found), 0)


async def newest_sessions(nc: Client, most: int = 0) -> AsyncIterator[Listed]:
    """Yield at most so many sessions (0: all), the newest first. Raises what `page_of` raises."""
    left = most
    async for _, openings in _windows(nc, Wanted()):
        for listed in await with_later(nc, openings[::-1][: left if most else None]):
            yield listed
        left -= len(openings)
        if most and left <= 0:
            return


async def no_such_session(nc: Client, session_id: str) -> str:
    """Return the message that the log has no session of this id; it names those whose ids begin or end like it."""
    known: set[str] = set()
    if await has_log(nc):
        known = {session_of(subject) for subject in await subjects_in_log(nc, OPENINGS)}
    like = sorted(each for each in known if session_id and (each.startswith(session_id) or each.endswith(session_id)))
    if not like:
        return f"the log has no session {session_id}: `daredevil sessions` lists those it has"
    more = f" or {len(like) - NAMED} more" if len(like) > NAMED else ""
    return f"the log has no session {session_id}: did you mean {', '.join(reversed(like[-NAMED:]))}{more}?"


async def with_later(nc: Client, sessions: list[Listed]) -> list[Listed]:
    """Return the sessions with the last of their later facts."""
    for start in range(0, len(sessions), AT_ONCE):
        by_id = {listed.event.session_id: listed for listed in sessions[start : start + AT_ONCE]}
        subjects = [event_subject(session_id, event) for session_id in by_id for event in LATER]
        for message in await last_in_log(nc, subjects):
            event = _decoded(message)
            if event is None:
                continue
            listed = by_id[event.session_id]
            match event:
                case e.SessionClosed():
                    listed.closed = event
                case e.SessionErased():
                    listed.erased = event
                case e.RecordingStored():
                    listed.recording = event
                case e.SummaryWritten():
                    listed.summary = event
    return sessions


async def _windows(nc: Client, wanted: Wanted) -> AsyncIterator[tuple[int, list[Listed]]]:
    """Yield windows of openings, going back, each in the log's order and with where it begins (0: all read).

    That is a sequence, or with several partitions a time: each of them counts for itself.
    """
    names = (await streams_of_log(nc)).names
    windows = _windows_of(nc, names[0], wanted) if len(names) == 1 else _merged_windows(nc, names, wanted)
    async for window in windows:
        yield window


async def _merged_windows(nc: Client, names: Sequence[str], wanted: Wanted) -> AsyncIterator[tuple[int, list[Listed]]]:
    """Yield what the partitions have in common windows, by the time at which NATS stored the openings."""
    before_ns = wanted.before
    of_each = replace(wanted, before=0)
    if before_ns:
        until_ns = before_ns if wanted.until_ns is None else min(before_ns, wanted.until_ns)
        of_each = replace(of_each, until_ns=until_ns)
    partitions = [_newest_first(nc, name, of_each) for name in names]
    heads = [await anext(partition, None) for partition in partitions]
    window: list[Listed] = []
    while left := [(head.stored_ns, number) for number, head in enumerate(heads) if head is not None]:
        number = max(left)[1]
        newest = heads[number]
        heads[number] = await anext(partitions[number], None)
        if newest is None or (before_ns and newest.stored_ns >= before_ns):
            continue
        newest.place = newest.stored_ns
        window.append(newest)
        if len(window) == FEW:
            yield newest.stored_ns, window[::-1]
            window = []
    yield 0, window[::-1]


async def _newest_first(nc: Client, stream: str, wanted: Wanted) -> AsyncIterator[Listed]:
    async for _, openings in _windows_of(nc, stream, wanted):
        for listed in sorted(openings, key=lambda listed: listed.stored_ns, reverse=True):
            yield listed


async def _windows_of(nc: Client, stream: str, wanted: Wanted) -> AsyncIterator[tuple[int, list[Listed]]]:
    state = (await nc.jetstream().stream_info(stream)).state
    first = max(1, state.first_seq)
    if wanted.since_ns:
        first = max(first, await _place_of(nc, stream, wanted.since_ns - SLACK_NS) or state.last_seq + 1)
    end = wanted.before or state.last_seq + 1
    if wanted.until_ns is not None:
        end = min(end, await _place_of(nc, stream, wanted.until_ns + SLACK_NS) or end)
    width = WINDOW
    while end > first:
        start = max(first, end - width)
        openings = await _first_ones(nc, stream, await _openings(nc, stream, start, end), start)
        yield (start if start > first else 0), openings
        end = start
        width = min(width * 4, WIDEST_WINDOW) if len(openings) < FEW else max(WINDOW, width // 2)


async def _openings(nc: Client, stream: str, start: int, end: int) -> list[Listed]:
    found: list[Listed] = []
    async for message in stored_messages(nc, stream, OPENINGS, start, before=end, batch=BATCH):
        event = _decoded(message)
        if isinstance(event, e.SessionOpened):
            found.append(Listed(message.sequence, event, message.stored_ns))
    return found


async def _place_of(nc: Client, stream: str, time_ns: int) -> int:
    """Return the sequence of the first opening stored at that time or later, 0 if there is none."""
    message = await first_message(nc, stream, OPENINGS, since_ns=time_ns)
    return message.sequence if message is not None else 0


async def _first_ones(nc: Client, stream: str, openings: list[Listed], start: int) -> list[Listed]:
    """Leave out openings that are stored again: a session is listed where it was opened first.

    `openings` are those from sequence `start` on, in the log's order.
    """
    first: dict[str, Listed] = {}
    for listed in openings:
        first.setdefault(listed.event.session_id, listed)
    subjects = [event_subject(session_id, e.SessionOpened) for session_id in first]
    for begin in range(0, len(subjects), MAX_SUBJECTS):
        for message in await last_messages(nc, stream, subjects[begin : begin + MAX_SUBJECTS], before=start):
            first.pop(session_of(message.subject), None)
    return list(first.values())


def _decoded(message: StoredMessage) -> e.Event | None:
    try:
        return decode(message.subject, message.data, allow_newer=True)
    except Undecodable:
        return None


# -- a line for each


@dataclass(slots=True)
class SessionRow:
    """One session. `closed` is why it ended, empty while it is open; `turns` counts the caller's.

    For an erased session (`closed` is `erased`) the log no longer has the user.
    """

    session_id: str
    opened_ns: int
    door: str
    user_id: str
    turns: int = 0
    last_ns: int = 0
    closed: str = ""
    here: tuple[str, ...] = ()
    """Who is in it now, users by their name, the agent as `agent`."""

    @property
    def seconds(self) -> float:
        """From its start to its end, or to its last turn."""
        return max(0, self.last_ns - self.opened_ns) / 1e9

    def fields(self) -> dict[str, Any]:
        """Return the row's fields for JSON."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


async def session_rows(nc: Client, most: int = 0) -> tuple[list[SessionRow], int]:
    """Return the newest sessions in the order in which they opened (0: all), erased ones too, and how many there are.

    Raises what `page_of` raises.
    """
    if not await has_log(nc):
        return [], 0
    listed = [listed async for listed in newest_sessions(nc, most)]
    rows = {opened.event.session_id: _row_of(opened) for opened in reversed(listed)}
    session_ids = {session_of(subject) for subject in await subjects_in_log(nc, OPENINGS)}
    erasures: set[str] = set()
    async for message in log_messages(nc, event_subjects(e.SessionErased)):
        event = _decoded(message)
        if not isinstance(event, e.SessionErased) or event.event_id in erasures:
            continue
        erasures.add(event.event_id)
        # A partly erased session still has its opening, and may be too old for this list.
        if event.session_id in rows or event.session_id not in session_ids:
            session_ids.add(event.session_id)
            _take_erased(rows, event)
    await _count_turns(nc, rows, listed)
    return sorted(rows.values(), key=lambda row: row.opened_ns)[-most:], len(session_ids)


def _row_of(listed: Listed) -> SessionRow:
    opened, closed = listed.event, listed.closed
    row = SessionRow(opened.session_id, opened.time_ns, opened.door, opened.user_id, last_ns=opened.time_ns)
    if closed is not None:
        row.closed, row.last_ns = closed.reason, max(row.last_ns, closed.time_ns)
    return row


async def _count_turns(nc: Client, rows: dict[str, SessionRow], listed: Sequence[Listed]) -> None:
    """Count the turns of sessions: each stream is read from the first opening that is in it."""
    streams = await streams_of_log(nc)
    start: dict[str, int] = {}
    for opened in listed:
        stream = streams.of(event_subject(opened.event.session_id, e.SessionOpened))
        start[stream] = min(opened.sequence, start.get(stream, opened.sequence))
    seen: set[str] = set()
    for stream, first in start.items():
        async for message in stored_messages(nc, stream, event_subjects(e.TurnEnded), first):
            event = _decoded(message)
            if event is not None and event.event_id not in seen and (row := rows.get(event.session_id)) is not None:
                seen.add(event.event_id)
                row.turns += 1
                row.last_ns = max(row.last_ns, event.time_ns)


def _take_erased(rows: dict[str, SessionRow], erased: e.SessionErased) -> None:
    """Put what an erasure has left of a session into its row."""
    first_ns = min((entry.time_ns for entry in erased.skeleton), default=erased.time_ns)
    row = rows.setdefault(erased.session_id, SessionRow(erased.session_id, first_ns, "", ""))
    row.closed = "erased"
    for entry in {entry.event_id: entry for entry in erased.skeleton}.values():
        if entry.event == e.SessionOpened.__name__:
            row.opened_ns = entry.time_ns
        row.turns += entry.event == e.TurnEnded.__name__
        row.last_ns = max(row.last_ns, entry.time_ns)
