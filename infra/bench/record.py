"""Whether the record of a call is what its caller heard: calls in which every letter's sound can be located.

The marked voice says the answer. Its letters are looked for in what the caller's loudspeaker played and in the
session's recording; both, word times, captions and heard text are put on one clock and compared.
"""

import asyncio
import os
import signal
import sys
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import nats
from nats.aio.client import Client

from contracts import events as e
from infra.bench.found_sound import LetterPlace, Searched
from infra.bench.marked_voice import LetterMark
from infra.bench.record_distance import Evidence, RecordFigures, figures_of, marks_of_answer
from infra.caller import CallResult, ScriptedUtterance, Sound
from infra.caller.manner import ORDINARY, Manner, Stall
from infra.export.conversation import conversation_of
from infra.export.formats import to_srt
from infra.log.event_log import history
from infra.process.error_text import in_one_line
from infra.session.recordings import last_chunk, pcm_of
from infra.system.processes import start_program

RECORDED_WITHIN_S = 40.0
"""Time for the last chunk of a recording: a few seconds on a quiet machine, longer on a busy one."""

AFTER_S = 0.5
"""How long after its end a reply's sound may still reach the ear."""

STALLS = (Stall(1.0, 0.5), Stall(3.0, 1.0), Stall(5.0, 2.0), Stall(8.0, 3.0))

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Condition:
    """How a call is made: the `slow` voice or the quick one, the manner of the client, an interruption, load."""

    name: str
    slow: bool = False
    manner: Manner = ORDINARY
    cut_after_ms: float | None = None
    """The caller interrupts when the answer has played for so long."""
    busy: bool = False
    """Two processes per core use up CPU meanwhile."""
    room: bool = False
    """Through a LiveKit room, else the WebSocket door."""


def _frozen(stall: Stall) -> Stall:
    return replace(stall, how="frozen")


CONDITIONS = (
    Condition("steady voice"),
    Condition("stalls, told", manner=Manner(stalls=STALLS)),
    Condition("stalls, not told", manner=Manner(stalls=STALLS, knows_stalls=False)),
    Condition("frozen client", manner=Manner(stalls=tuple(map(_frozen, STALLS)))),
    Condition("does not read", manner=Manner(stalls=tuple(replace(stall, how="reading") for stall in STALLS))),
    Condition("stalls, under load", manner=Manner(stalls=STALLS), busy=True),
    Condition("cut off", cut_after_ms=3000),
    Condition("room", room=True),
    Condition("room, under load", room=True, busy=True),
    Condition("slow voice", slow=True),
    Condition("slow, bare counts", slow=True, manner=Manner(tells="counts")),
    Condition("slow, no counts", slow=True, manner=Manner(tells="nothing")),
    Condition("slow, stalls", slow=True, manner=Manner(stalls=STALLS)),
    Condition("slow, cut off", slow=True, cut_after_ms=3000),
    Condition("slow, under load", slow=True, busy=True),
    Condition("room, slow voice", slow=True, room=True),
    Condition("room, slow, cut off", slow=True, cut_after_ms=3000, room=True),
)


class CallsIn(Protocol):
    """Places a call under a condition. Raises CallFailed."""

    async def __call__(self, condition: Condition, steps: Sequence[ScriptedUtterance]) -> CallResult:
        """Call."""


async def measure_record(
    call: CallsIn, nats_url: str, conditions: Sequence[Condition], ask: Sound, over: Sound, report: Report
) -> list[RecordFigures]:
    """Place a call under each condition and compare; one that fails has its reason, and the others follow.

    Raises nats errors if there is no log.
    """
    nc = await nats.connect(nats_url)
    try:
        found = []
        for condition in conditions:
            found.append(await _measured(call, nc, condition, ask, over))
            report(f"{condition.name}: {found[-1].problem or f'{found[-1].max_ms:.0f} ms at most'}")
        return found
    finally:
        await nc.close()


async def _measured(call: CallsIn, nc: Client, condition: Condition, ask: Sound, over: Sound) -> RecordFigures:
    steps = [ScriptedUtterance(ask)]
    if condition.cut_after_ms is not None:
        steps.append(ScriptedUtterance(over, after_reply_ms=condition.cut_after_ms))
    try:
        async with _busy(2 * (os.cpu_count() or 1) if condition.busy else 0):
            result = await call(condition, steps)
        return await compared(nc, condition, result)
    except Exception as error:
        return RecordFigures(condition.name, "", problem=in_one_line(error))


@asynccontextmanager
async def _busy(processes: int) -> AsyncIterator[None]:
    """Run so many processes that use all the CPU they get."""
    command = (sys.executable, "-c", "while True: pass")
    burning = [await start_program(command, os.environ, Path(os.devnull)) for _ in range(processes)]
    try:
        yield
    finally:
        for process in burning:
            process.send(signal.SIGKILL)
            await process.wait()


async def compared(nc: Client, condition: Condition, result: CallResult) -> RecordFigures:
    """Return how far the record of a call is from what its caller heard. Raises TimeoutError, nats errors."""
    known = await _recorded_facts(nc, result.session_id)
    opened = next(fact for fact in known if isinstance(fact, e.SessionOpened))
    facts, until_ns = _first_heard(known)
    samples, rate_hz = await pcm_of(nc, result.session_id)
    chunk = await last_chunk(nc, result.session_id)
    told = conversation_of(facts, chunk.chunk.track_samples if chunk is not None else None)
    marks = marks_of_answer(facts)
    began_s = (result.began_ns - opened.time_ns) / 1e9
    until_s = (until_ns - opened.time_ns) / 1e9 + AFTER_S
    rate = result.answer.rate_hz
    ear = Sound(result.answer.samples[: max(0, round((until_s - began_s) * rate))], rate)
    recording = Sound(samples[: round(until_s * rate_hz), 1], rate_hz)
    heard, recorded, in_pieces = await asyncio.to_thread(_searched, marks, ear, recording)
    heard = {
        mark: replace(place, at_s=place.at_s + began_s - _waited_s(result.buffered_s, place.at_s))
        for mark, place in heard.items()
    }
    found = Evidence(marks, heard, recorded, facts, to_srt(told), in_pieces)
    delayed = condition.room or condition.manner.tells == "nothing"
    figures = figures_of(condition.name, result.session_id, found, without_delay=delayed)
    waited_ms = [round(seconds * 1000, 1) for _, seconds in result.buffered_s]
    return replace(figures, buffer_ms=(min(waited_ms, default=0.0), max(waited_ms, default=0.0)))


def _waited_s(buffered_s: Sequence[tuple[float, float]], at_s: float) -> float:
    """Return for how long the sound heard at a time had waited in the caller's jitter buffer; 0 without one."""
    if not buffered_s:
        return 0.0
    later = bisect_left(buffered_s, (at_s, 0.0))
    return buffered_s[min(later, len(buffered_s) - 1)][1]


def _first_heard(facts: Sequence[e.Event]) -> tuple[list[e.Event], int]:
    """Return the facts without replies but the first that was played, and when that ended.

    After an interruption another says the same words.
    """
    played = next((fact.reply_id for fact in facts if isinstance(fact, e.PlaybackStarted)), "")
    own = [fact for fact in facts if getattr(fact, "reply_id", None) in (None, "", played)]
    ends = [fact.time_ns for fact in own if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)]
    return own, ends[0] if ends else facts[-1].time_ns


Places = dict[LetterMark, LetterPlace]


def _searched(marks: Sequence[LetterMark], ear: Sound, recording: Sound) -> tuple[Places, Places, set[LetterMark]]:
    """Return where letters are at the ear and in the recording, and those that one of the two has only in pieces."""
    at_ear, on_record = Searched(ear.samples, ear.rate_hz), Searched(recording.samples, recording.rate_hz)
    heard, recorded = at_ear.places(marks), on_record.places(marks)
    in_pieces = {mark for mark in recorded.keys() - heard.keys() if at_ear.has_part_of(mark)}
    in_pieces |= {mark for mark in heard.keys() - recorded.keys() if on_record.has_part_of(mark)}
    return heard, recorded, in_pieces


async def _recorded_facts(nc: Client, session_id: str) -> list[e.Event]:
    async with asyncio.timeout(RECORDED_WITHIN_S):
        while True:
            facts = [fact.event async for fact in history(nc, session_id)]
            if any(isinstance(fact, e.RecordingStored) for fact in facts):
                return facts
            await asyncio.sleep(0.3)
