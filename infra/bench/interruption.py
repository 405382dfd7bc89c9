"""How soon the agent falls silent when it is interrupted: at the caller's ear, by the caller's clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from infra.bench.statistics import percentile
from infra.caller import CallFailed, CallResult, Sound, Utterance
from infra.caller.loudspeaker import SILENCE_PEAK
from infra.caller.talk import Dial
from infra.caller.wav import start_of_sound

QUIET_S = 0.4
"""Silence that is more than the space between two words."""

INTO_REPLY_MS = (500, 700, 900)
"""How long a reply has played when it is interrupted, in turn: not always at the same sound."""

PER_CALL = 5


@dataclass(frozen=True, slots=True)
class Interruption:
    """One: `silent_ms` from the caller's first sound to the agent's last, None if the agent went on."""

    session_id: str
    silent_ms: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class InterruptionFigures:
    """All of them; ms over those that succeeded."""

    tried: int
    stopped: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    problems: list[str]


def silent_after(heard: Sound, from_s: float, quiet_s: float = QUIET_S) -> float | None:
    """Return when the sound that is heard at `from_s` ends in silence, in seconds after it; None if there is none."""
    loud = np.flatnonzero(np.abs(heard.samples.astype(np.int32)) > SILENCE_PEAK) / heard.rate_hz
    before, after = loud[loud <= from_s], loud[loud > from_s]
    if not len(before) or from_s - before[-1] > quiet_s:
        return None
    line = np.concatenate([[from_s], after])
    pauses = np.flatnonzero(np.diff(line) > quiet_s)
    return float(line[pauses[0]] if len(pauses) else line[-1]) - from_s


def interruptions_of(result: CallResult, over: Sound) -> list[Interruption]:
    """Return what became of each interruption of a call whose first utterance asks, and whose others interrupt."""
    onset_s = start_of_sound(over) / over.rate_hz
    found = []
    for said in result.said[1:]:
        from_s = said.start_s + onset_s
        started = [reply for reply in result.replies if reply.started_at_s is not None and reply.started_at_s < from_s]
        silent_s = silent_after(result.answer, from_s)
        if not started or silent_s is None:
            found.append(Interruption(result.session_id, None, "the agent was not speaking just then"))
        elif not started[-1].stopped:
            found.append(Interruption(result.session_id, None, "the agent went on"))
        else:
            found.append(Interruption(result.session_id, round(silent_s * 1000, 1)))
    return found


async def measure_interruptions(
    dial: Dial, ask: Sound, over: Sound, times: int, tell: Callable[[Interruption], None]
) -> list[Interruption]:
    """Ask, and interrupt each answer, in calls of a few interruptions each."""
    found: list[Interruption] = []
    while len(found) < times:
        count = min(PER_CALL, times - len(found))
        fresh = await _call(dial, ask, over, count, len(found))
        for one in fresh:
            tell(one)
        found += fresh
    return found


async def _call(dial: Dial, ask: Sound, over: Sound, count: int, before: int) -> list[Interruption]:
    into = [INTO_REPLY_MS[(before + number) % len(INTO_REPLY_MS)] for number in range(count)]
    steps = [Utterance(ask), *(Utterance(over, after_reply_ms=ms) for ms in into)]
    try:
        return interruptions_of(await dial(steps, user_id="bench"), over)
    except CallFailed as failure:
        done = interruptions_of(failure.result, over) if failure.result is not None else []
        session_id = failure.result.session_id if failure.result is not None else ""
        return [*done[: count - 1], Interruption(session_id, None, str(failure))]


def summarise(found: Sequence[Interruption]) -> InterruptionFigures:
    """Put interruptions together."""
    times = [one.silent_ms for one in found if one.silent_ms is not None]
    return InterruptionFigures(
        tried=len(found),
        stopped=len(times),
        p50_ms=round(percentile(times, 0.5), 1),
        p95_ms=round(percentile(times, 0.95), 1),
        max_ms=round(max(times, default=0), 1),
        problems=[one.problem for one in found if one.problem],
    )
