"""Which sessions the log holds, the newest first: read from their openings, page by page, with nothing kept."""

import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import events as e
from contracts.codec import Undecodable, decode
from contracts.topology import VOICE, tail_of
from infra.log.event_log import direct_get, sequence_of, stored_ns

OPENINGS = f"voice.*.{tail_of(e.SessionOpened)}"
LATER = (e.SessionClosed, e.SessionErased, e.RecordingStored, e.SummaryWritten)
"""What is told of a listed session besides its opening: the last of each."""

WINDOW, WIDEST_WINDOW = 2_000, 2_000_000
"""How many places of the log are looked through at once, going back; wider where few sessions were opened."""
FEW = 64
BATCH = 128
AT_ONCE = 200
"""Sessions asked for their later facts at once: with four subjects each, within JetStream's 1024."""
SLACK_NS = 120_000_000_000
"""How much later than its own time a fact may be stored; what is further apart was said by a clock that was wrong."""


@dataclass(slots=True)
class Listed:
    """A session: its opening, its place in the log, when it was stored, and the last of its later facts."""

    sequence: int
    event: e.SessionOpened
    stored_ns: int
    closed: e.SessionClosed | None = None
    erased: e.SessionErased | None = None
    recording: e.RecordingStored | None = None
    summary: e.SummaryWritten | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions are looked for; times are Unix epoch ns, `before` is a place in the log (0: its end)."""

    user_id: str | None = None
    since_ns: int = 0
    until_ns: int | None = None
    before: int = 0

    def matches(self, listed: Listed) -> bool:
        """Tell whether a session is one of them.

        It was opened when it says; unless the log, which is one clock for the doors of all machines, knows better.
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
    """Return up to `limit` sessions, fewer if looking takes longer than `patience_s`: the next page goes on there.

    Raises LogUnavailable, nats.errors.TimeoutError.
    """
    found: list[Listed] = []
    deadline_s = time.monotonic() + patience_s
    async for place, openings in _windows(nc, wanted):
        for listed in reversed(openings):
            if wanted.matches(listed):
                found.append(listed)
            if len(found) == limit:
                return Page(await with_later(nc, found), listed.sequence)
        if place and time.monotonic() > deadline_s:
            return Page(await with_later(nc, found), place)
    return Page(await with_later(nc, found), 0)


async def newest_sessions(nc: Client, most: int) -> AsyncIterator[Listed]:
    """Yield the newest sessions, at most so many."""
    left = most
    async for _, openings in _windows(nc, Wanted()):
        for listed in await with_later(nc, openings[::-1][:left]):
            yield listed
        left -= len(openings)
        if left <= 0:
            return


async def with_later(nc: Client, sessions: list[Listed]) -> list[Listed]:
    """Return the sessions with what was said of them later."""
    for start in range(0, len(sessions), AT_ONCE):
        by_id = {listed.event.session_id: listed for listed in sessions[start : start + AT_ONCE]}
        subjects = [f"voice.{session_id}.{tail_of(event)}" for session_id in by_id for event in LATER]
        messages, _ = await direct_get(nc, VOICE, {"multi_last": subjects, "batch": len(subjects)})
        for _, _, event in _decoded(messages):
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
    """Yield openings in the log's order, window by window going back, each with the place where it begins (0: all)."""
    state = (await nc.jetstream().stream_info(VOICE)).state
    first = max(1, state.first_seq)
    if wanted.since_ns:
        first = max(first, await _place_of(nc, wanted.since_ns - SLACK_NS) or state.last_seq + 1)
    end = wanted.before or state.last_seq + 1
    if wanted.until_ns is not None:
        end = min(end, await _place_of(nc, wanted.until_ns + SLACK_NS) or end)
    width = WINDOW
    while end > first:
        start = max(first, end - width)
        openings = await _openings(nc, start, end)
        yield (start if start > first else 0), openings
        end = start
        width = min(width * 4, WIDEST_WINDOW) if len(openings) < FEW else max(WINDOW, width // 2)


async def _openings(nc: Client, start: int, end: int) -> list[Listed]:
    found: list[Listed] = []
    more = True
    while more and start < end:
        messages, more = await direct_get(nc, VOICE, {"seq": start, "batch": BATCH, "next_by_subj": OPENINGS})
        for sequence, at_ns, event in _decoded(messages):
            if sequence < end and isinstance(event, e.SessionOpened):
                found.append(Listed(sequence, event, at_ns))
        start = sequence_of(messages[-1]) + 1 if messages else end
    return found


async def _place_of(nc: Client, time_ns: int) -> int:
    """Return the place of the first opening stored at that time or later, 0 if there is none."""
    at = datetime.fromtimestamp(max(0, time_ns) / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    messages, _ = await direct_get(nc, VOICE, {"start_time": at, "batch": 1, "next_by_subj": OPENINGS})
    return sequence_of(messages[0]) if messages else 0


def _decoded(messages: Iterable[Msg]) -> Iterable[tuple[int, int, e.Event]]:
    """Yield sequence, time of storing (ns) and event."""
    for message in messages:
        try:
            event = decode((message.headers or {})["Nats-Subject"], message.data)
            yield sequence_of(message), stored_ns(message), event
        except Undecodable:
            continue
