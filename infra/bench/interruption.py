"""How soon the agent falls silent when it is interrupted: at the caller's ear, by the caller's clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.audio import IN_SAMPLE_RATE_HZ
from infra.bench.statistics import percentile
from infra.caller import CallFailed, CallResult, ScriptedUtterance, Sound
from infra.caller.loudspeaker import SILENCE_PEAK
from infra.caller.talk import Dial
from infra.caller.wav import start_of_sound

QUIET_S = 0.4
"""Silence longer than the space between two words."""

INTO_REPLY_MS = (500, 700, 900)
"""How long a reply has played when it is interrupted; varied, so that it is not always at the same sound."""

PER_CALL = 5

NEAR_S = 0.5
"""Speech noticed this close to what the caller says is the caller's: through a room it arrives later."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption: `silent_ms` from the caller's first sound to the agent's last, None if the agent went on."""

    session_id: str
    silent_ms: float | None
    problem: str = ""
    false_pauses: int = 0
    """How often, since the previous one, the reply was paused while the caller said nothing, because of an echo."""
    false_interruptions: int = 0
    """How often such a pause stopped the reply."""


@dataclass(frozen=True, slots=True)
class InterruptionFigures:
    """All interruptions; ms are over those that succeeded."""

    tried: int
    stopped: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    problems: list[str]
    false_pauses: int = 0
    false_interruptions: int = 0


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
    """Return the outcome of each interruption of a call whose first utterance asks and whose others interrupt."""
    onset_s = start_of_sound(over) / over.rate_hz
    found = []
    false = _false(result)
    for number, said in enumerate(result.said[1:], start=1):
        from_s = said.start_s + onset_s
        started = [reply for reply in result.replies if reply.started_at_s is not None and reply.started_at_s < from_s]
        silent_s = silent_after(result.answer, from_s)
        silent_ms, problem = None, ""
        if not started or silent_s is None:
            problem = "the agent was not speaking just then"
        elif not started[-1].stopped:
            problem = "the agent went on"
        else:
            silent_ms = round(silent_s * 1000, 1)
        until_s = said.start_s if number < len(result.said) - 1 else np.inf
        pauses = [stopped for at_s, stopped in false if at_s < until_s]
        false = [each for each in false if each[0] >= until_s]
        found.append(Interruption(result.session_id, silent_ms, problem, len(pauses), sum(pauses)))
    return found


def _false(result: CallResult) -> list[tuple[float, bool]]:
    """Return when speech was noticed over a reply though the caller said nothing, and whether that stopped it.

    Positions in the track are the caller's time: it begins as the microphone opens.
    """
    stopped = {fact["data"].get("utterance_id") for fact in result.facts if fact["name"] == "TurnInterrupted"}
    found = []
    for fact in result.facts:
        data = fact["data"]
        if fact["name"] != "SpeechStarted" or not data.get("over_reply_id"):
            continue
        at_s = data["start_sample"] / IN_SAMPLE_RATE_HZ
        if not any(said.start_s - NEAR_S <= at_s <= said.end_s + NEAR_S for said in result.said):
            found.append((at_s, data["utterance_id"] in stopped))
    return found


async def measure_interruptions(
    dial: Dial, ask: Sound, over: Sound, times: int, report: Callable[[Interruption], None]
) -> list[Interruption]:
    """Ask and interrupt each answer, in calls of a few interruptions each."""
    found: list[Interruption] = []
    while len(found) < times:
        count = min(PER_CALL, times - len(found))
        fresh = await _call(dial, ask, over, count, len(found))
        for one in fresh:
            report(one)
        found += fresh
    return found


async def _call(dial: Dial, ask: Sound, over: Sound, count: int, before: int) -> list[Interruption]:
    into = [INTO_REPLY_MS[(before + number) % len(INTO_REPLY_MS)] for number in range(count)]
    steps = [ScriptedUtterance(ask), *(ScriptedUtterance(over, after_reply_ms=ms) for ms in into)]
    try:
        return interruptions_of(await dial(steps, user_id="bench"), over)
    except CallFailed as failure:
        done = interruptions_of(failure.result, over) if failure.result is not None else []
        session_id = failure.result.session_id if failure.result is not None else ""
        return [*done[: count - 1], Interruption(session_id, None, str(failure))]


def summarise(found: Sequence[Interruption]) -> InterruptionFigures:
    """Summarise interruptions."""
    times = [one.silent_ms for one in found if one.silent_ms is not None]
    return InterruptionFigures(
        tried=len(found),
        stopped=len(times),
        p50_ms=round(percentile(times, 0.5), 1),
        p95_ms=round(percentile(times, 0.95), 1),
        max_ms=round(max(times, default=0), 1),
        problems=[one.problem for one in found if one.problem],
        false_pauses=sum(one.false_pauses for one in found),
        false_interruptions=sum(one.false_interruptions for one in found),
    )
