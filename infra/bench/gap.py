"""The response gap: real calls, one by one, at the pace of speech."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from infra.bench.draft_use import DraftUse, draft_use, total
from infra.bench.json_list import read_list
from infra.bench.statistics import median, percentile, word_error_rate
from infra.caller import CallFailed, CallResult, ScriptedUtterance, Sound, read_wav
from infra.caller.result import PARTS
from infra.caller.talk import Dial
from infra.process.error_text import in_one_line


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call of the manifest: `end_of_speech_sample` in the WAV's own rate."""

    wav: str
    sound: Sound
    end_of_speech_sample: int
    text: str
    pause: bool = False


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Figures of one call. `gap_ms` is to the answer to all that was said; the parts add up to it."""

    wav: str
    pause: bool
    text: str
    heard: str
    session_id: str = ""
    gap_ms: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    waited_for: str = ""
    """What was there last: the end of the `turn`, or the first `sound`."""
    draft: bool = False
    """The answer was begun before the turn had ended."""
    early: bool = False
    """An answer began to sound before the caller had finished."""
    sound_ms: float | None = None
    """The gap to the first sound of the agent after the caller had finished, an opener counted."""
    false_starts: int = 0
    """Openers that were heard before the caller had finished."""
    silenced_ms: tuple[float, ...] = ()
    """How long after the caller had gone on each of them was still heard; those that had ended before are left out."""
    turns: int = 0
    drafts: DraftUse = field(default_factory=DraftUse)
    """All drafts of the call, those that came to nothing too."""
    problem: str = ""


def read_manifest(folder: Path) -> list[CallPlan]:
    """Return the calls that `manifest.json` in the folder describes. Raises BadList."""
    needed = "a call has `wav` and `end_of_speech_sample`"
    return read_list(folder / "manifest.json", "calls", needed, partial(_plan, folder))


def _plan(folder: Path, entry: Any) -> CallPlan:
    wav, end = str(entry["wav"]), int(entry["end_of_speech_sample"])
    text, pause = str(entry.get("text", "")), bool(entry.get("pause", False))
    sound = read_wav(folder / wav)
    if not 0 < end <= len(sound.samples):
        raise ValueError(f"{wav}: end_of_speech_sample {end} lies outside its {len(sound.samples)} samples")
    return CallPlan(wav, sound, end, text, pause)


async def measure(
    dial: Dial, plans: Sequence[CallPlan], report: Callable[[CallFigures], None], rest_s: float = 0
) -> list[CallFigures]:
    """Place the calls one by one, `rest_s` apart; a call that fails is reported as such, and the others follow.

    The rest gives the language model time to write the summary of the previous call.
    """
    figures: list[CallFigures] = []
    for plan in plans:
        await asyncio.sleep(rest_s if figures else 0)
        figures.append(await measure_one(dial, plan))
        report(figures[-1])
    return figures


async def measure_one(dial: Dial, plan: CallPlan, user_id: str = "bench") -> CallFigures:
    """Place one call; a failure, whatever it is, is one of its figures: the other calls follow."""
    utterance = ScriptedUtterance(plan.sound, plan.end_of_speech_sample)
    try:
        result = await dial([utterance], user_id=user_id)
    except CallFailed as failure:
        session_id = failure.result.session_id if failure.result else ""
        return CallFigures(plan.wav, plan.pause, plan.text, "", session_id, problem=str(failure))
    except Exception as error:
        return CallFigures(plan.wav, plan.pause, plan.text, "", problem=in_one_line(error))
    return figures_of(plan, result)


def figures_of(plan: CallPlan, result: CallResult) -> CallFigures:
    """Work out one call's figures.

    The door knows the end of speech only as its voice detector saw it, so its gap and the measured one differ a
    little; that difference is the part `edges_ms`, and may be negative.
    """
    heard = " ".join(turn.text for turn in result.turns)
    answered = [turn for turn in result.turns if turn.gap_ms is not None]
    last = answered[-1] if answered else None
    begin_s, end_s = result.said[0].start_s, result.said[0].end_of_speech_s
    played = {fact["data"]["reply_id"]: fact["data"] for fact in result.facts if fact["name"] == "OpenerPlayed"}
    went_on = {f["data"]["reply_id"]: f["data"]["went_on_ns"] for f in result.facts if f["name"] == "OpenerRetracted"}
    ended_ns = {reply_id: data["ended_ns"] for reply_id, data in played.items() if "ended_ns" in data}
    late_ns = [ended_ns[reply_id] - ns for reply_id, ns in went_on.items() if reply_id in ended_ns]
    starts = [(r.reply_id, at_s) for r in result.replies if (at_s := r.started_at_s) is not None and at_s >= begin_s]
    sounded = [at_s for reply_id, at_s in starts if reply_id not in played]
    after = [at_s for _, at_s in starts if at_s >= end_s]
    parts: dict[str, float] = {}
    if last is not None and last.gap_ms is not None and last.parts:
        parts = {**last.parts, "edges_ms": round(last.gap_ms - sum(last.parts.values()), 1)}
    return CallFigures(
        wav=plan.wav,
        pause=plan.pause,
        text=plan.text,
        heard=heard,
        session_id=result.session_id,
        gap_ms=last.gap_ms if last else None,
        parts=parts,
        waited_for=last.waited_for if last else "",
        draft=last is not None and last.draft,
        early=any(at_s < end_s for at_s in sounded),
        sound_ms=round((min(after) - end_s) * 1000, 1) if after else None,
        false_starts=sum(at_s < end_s for reply_id, at_s in starts if reply_id in played),
        silenced_ms=tuple(round(ns / 1e6, 1) for ns in late_ns if ns > 0),
        turns=len(result.turns),
        drafts=draft_use(result.facts),
        problem="" if last else "no answer was heard",
    )


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Figures over several calls; gaps in ms."""

    calls: int
    failed: int
    early: int
    median_ms: float
    p95_ms: float
    max_ms: float
    sound_median_ms: float
    """To the first sound, an opener counted."""
    sound_p95_ms: float
    false_starts: int
    silenced_ms: tuple[float, ...]
    parts_median_ms: dict[str, float]
    drafted: int
    """Calls that a draft answered."""
    waited_for_turn: int
    """Of those, in how many its first sound was ready before the turn had ended."""
    drafts: DraftUse
    """All drafts of the calls together, those that came to nothing too."""
    word_error_rate: float | None


def summarise(figures: Sequence[CallFigures]) -> GroupFigures:
    """Summarise calls."""
    gaps = [call.gap_ms for call in figures if call.gap_ms is not None]
    names = (*PARTS, "edges_ms")
    with_parts = [call.parts for call in figures if call.parts]
    answered = [call for call in figures if not call.problem]
    return GroupFigures(
        calls=len(figures),
        failed=len(figures) - len(answered),
        early=sum(call.early for call in figures),
        median_ms=round(median(gaps), 1),
        p95_ms=round(percentile(gaps, 0.95), 1),
        max_ms=round(max(gaps, default=0), 1),
        sound_median_ms=round(median(sounds := [c.sound_ms for c in figures if c.sound_ms is not None]), 1),
        sound_p95_ms=round(percentile(sounds, 0.95), 1),
        false_starts=sum(call.false_starts for call in figures),
        silenced_ms=tuple(ms for call in figures for ms in call.silenced_ms),
        parts_median_ms={name: round(median([parts.get(name, 0) for parts in with_parts]), 1) for name in names},
        drafted=sum(call.draft for call in figures),
        waited_for_turn=sum(call.draft and call.waited_for == "turn" for call in figures),
        drafts=total(call.drafts for call in figures),
        word_error_rate=word_error_rate([call.text for call in answered], [call.heard for call in answered]),
    )


def groups(figures: Sequence[CallFigures]) -> dict[str, GroupFigures]:
    """Return figures of the plain calls, of those with a pause, and of all; always together."""
    plain = [call for call in figures if not call.pause]
    paused = [call for call in figures if call.pause]
    named = {"plain": plain, "with pause": paused}
    found = {name: summarise(calls) for name, calls in named.items() if calls}
    return found | ({"all": summarise(figures)} if len(found) > 1 else {})


def as_json_text(figures: Sequence[CallFigures]) -> str:
    """Return everything as one JSON object."""
    summary = {name: asdict(group) for name, group in groups(figures).items()}
    return json.dumps({"groups": summary, "calls": [asdict(call) for call in figures]}, indent=2)
