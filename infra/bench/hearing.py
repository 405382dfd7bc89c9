"""How sounds are heard by the real transcript pipeline: words lost, false turns, the load of recognition."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from faststream.nats import NatsBroker

from actors.transcript.engines import SpeechEngines
from actors.transcript.track_owner import TrackOwner
from contracts import events as e
from contracts.audio import InFrame
from contracts.topology import audio_in_subject
from infra.bench.attempts import NotMeasured, attempt
from infra.bench.hearing_sets import RATE_HZ, Clip, Kind, Samples, SoundSet
from infra.bench.statistics import plain_words
from infra.engines import stt
from infra.engines.words import Words
from infra.log.connection import connection
from infra.log.event_log import append, history, now_ns
from infra.process.tasks import ended
from infra.tape.untaped import Untaped

SPEED = 5
"""How many times faster than speech sound is sent: the owner measures time in samples, so it decides the same."""

FRAME_SAMPLES = 320
GAP_MS = 1_600
"""Silence between clips, so that each is a turn of its own."""

END_S = 60.0


@dataclass(slots=True)
class HearingFigures:
    """What was measured of one set; `docs/hearing.md` describes each field."""

    name: str
    kind: Kind
    skipped: str = ""
    clips: int = 0
    sound_s: float = 0.0
    speech_s: float = 0.0
    turns: int = 0
    false_turns_per_hour: float | None = None
    dismissed: dict[str, int] = field(default_factory=dict)
    words: int = 0
    words_lost: int = 0
    word_error_rate: float | None = None
    recognised_per_speech_s: float | None = None
    recognition_load: float | None = None
    heard: list[str] = field(default_factory=list)


@dataclass(slots=True)
class EngineLoad:
    """The sound given to engines, and how long they took for it."""

    runs: int = 0
    sound_s: float = 0.0
    run_s: float = 0.0


async def measure_hearing(
    sets: Sequence[SoundSet],
    broker: NatsBroker,
    ears: SpeechEngines,
    minutes: float,
    progress: Callable[[str], None],
    not_measured: list[NotMeasured],
) -> list[HearingFigures]:
    """Play each set as one call of at most so many minutes, one after the other; note those that fail."""
    figures = []
    for number, each in enumerate(sets, 1):
        if each.missing:
            progress(f"{number}/{len(sets)} {each.name}: skipped ({each.missing})")
            figures.append(HearingFigures(each.name, each.kind, skipped=each.missing))
            continue
        with attempt(each.name, not_measured, progress):
            clips = await asyncio.to_thread(within, each, minutes)
            sound_s = sum(len(clip.samples) for clip in clips) / RATE_HZ
            progress(f"{number}/{len(sets)} {each.name}: {sound_s:.0f} s of sound")
            with _metered() as load:
                facts = await _heard(broker, ears, f"hearing-{number}", clips)
            figures.append(figures_of(each, clips, facts, load))
    return figures


def within(sound_set: SoundSet, minutes: float) -> list[Clip]:
    """Return the set's clips that fit into so many minutes; at least a part of one."""
    left = int(minutes * 60 * RATE_HZ)
    clips: list[Clip] = []
    for clip in sound_set.clips():
        if len(clip.samples) > left and (clips or clip.text):
            if clips:
                break
            continue
        clips.append(Clip(clip.name, clip.samples[:left], clip.text))
        left -= len(clip.samples)
    return clips


def figures_of(
    sound_set: SoundSet, clips: Sequence[Clip], facts: Sequence[e.Event], load: "EngineLoad"
) -> HearingFigures:
    """Return the figures of a set's call from its facts."""
    turns = [fact for fact in facts if isinstance(fact, e.TurnEnded)]
    speech = sum(fact.end_sample - fact.start_sample for fact in facts if isinstance(fact, e.SpeechEnded)) / RATE_HZ
    sound_s = sum(len(clip.samples) for clip in clips) / RATE_HZ
    figures = HearingFigures(sound_set.name, sound_set.kind, "", len(clips), round(sound_s, 1), round(speech, 1))
    figures.turns, figures.heard = len(turns), [turn.text for turn in turns]
    figures.dismissed = dict(Counter(fact.reason for fact in facts if isinstance(fact, e.UtteranceDismissed)))
    if speech > 0:
        figures.recognised_per_speech_s = round(load.sound_s / speech, 2)
        figures.recognition_load = round(load.run_s / speech, 3)
    if sound_set.kind != "speech":
        figures.false_turns_per_hour = round(len(turns) * 3600 / sound_s, 1) if sound_s else None
        return figures
    import jiwer

    said, heard = (plain_words(" ".join(texts)) for texts in ([clip.text for clip in clips], figures.heard))
    if said:
        out = jiwer.process_words(said, heard)
        figures.words, figures.words_lost = len(said.split()), out.deletions
        figures.word_error_rate = round(out.wer, 4)
    return figures


async def _heard(broker: NatsBroker, ears: SpeechEngines, session_id: str, clips: Sequence[Clip]) -> list[e.Event]:
    """Return the facts of a call in which the clips are heard, with faint silence between."""

    def about(name: str) -> dict[str, Any]:
        return {"event_id": f"{session_id}-{name}", "session_id": session_id, "time_ns": now_ns()}

    track: dict[str, Any] = {"track_id": "t-1", "participant_id": "p-1"}
    published = e.TrackPublished(**about("published"), **track)
    await append(broker, published)
    owner = asyncio.create_task(TrackOwner(broker, ears, published, Untaped()).run())
    try:
        sent = await _send(broker, session_id, _with_gaps(clips))
        await append(broker, e.TrackUnpublished(**about("unpublished"), **track, samples=sent))
        await asyncio.wait_for(owner, END_S)
    finally:
        await ended(owner)
    return [fact.event async for fact in history(connection(broker), session_id)]


def _with_gaps(clips: Sequence[Clip]) -> Samples:
    gap = np.random.default_rng(0).normal(0, 3, GAP_MS * RATE_HZ // 1000).astype(np.int16)
    return np.concatenate([gap, *(piece for clip in clips for piece in (clip.samples, gap))])


async def _send(broker: NatsBroker, session_id: str, samples: Samples) -> int:
    subject, started = audio_in_subject(session_id, "p-1"), time.monotonic()
    for first in range(0, len(samples), FRAME_SAMPLES):
        pcm = samples[first : first + FRAME_SAMPLES]
        frame = InFrame("t-1", first, now_ns(), pcm.astype("<i2").tobytes())
        await connection(broker).publish(subject, frame.pack())
        ahead_s = (first + len(pcm)) / RATE_HZ / SPEED - (time.monotonic() - started)
        await asyncio.sleep(max(0.0, ahead_s))
    return len(samples)


@contextmanager
def _metered() -> Iterator[EngineLoad]:
    """Count the work of engines while the block runs: all of it goes through `infra.engines.stt.recognise`."""
    recognise, load = stt.recognise, EngineLoad()

    async def counted(engine: Any, pcm: bytes) -> Words:
        started = time.perf_counter()
        try:
            return await recognise(engine, pcm)
        finally:
            load.runs += 1
            load.sound_s += len(pcm) / 2 / RATE_HZ
            load.run_s += time.perf_counter() - started

    stt.recognise = counted
    try:
        yield load
    finally:
        stt.recognise = recognise
