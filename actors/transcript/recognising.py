"""Engine runs for one track, beside its decisions: started here, collected when done, ignored when overtaken."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from actors.transcript.ears import Ears
from actors.transcript.endpointing import SAMPLES_PER_MS
from actors.transcript.sound import Samples, TrackSound
from actors.transcript.turn import Turn, Utterance, joined, spoken_words
from infra.engines.stt import Failure, NothingHeard, Recognition
from infra.engines.turn_detector import HEARD_SAMPLES
from infra.facts import now_ns

LEAD_SAMPLES = 200 * SAMPLES_PER_MS
"""Sound before the first voiced window that the recogniser is given."""

TAIL_SAMPLES = 125 * SAMPLES_PER_MS
"""Silence behind the last voiced window that it is given: on more it makes words up."""

SHORTEST_SAMPLES = 100 * SAMPLES_PER_MS
PIECE_SAMPLES = 6000 * SAMPLES_PER_MS
"""An utterance longer than this is recognised in pieces, cut in its pauses."""

INTERIM_MS = 500
CONTESTED_INTERIM_MS = 300
"""Over a reply the decision waits for the words, so they are looked for more often."""

INTERIM_LOAD = 2.5
"""An interim that took t ms is followed by the next one after 2.5 t at the earliest."""

T = TypeVar("T")


class Recognising:
    """Runs of speech to text and end of turn for one track; `woken` is set when one is done."""

    def __init__(self, ears: Ears, stt: str, track_id: str, woken: asyncio.Event) -> None:
        self._interim_lane, self._final_lane = ears.speech_to_text(stt)
        self._end_of_turn = ears.end_of_turn.track()
        self._track_id = track_id
        self._woken = woken
        self._tasks: set[asyncio.Task[Any]] = set()
        self._interim: asyncio.Task[tuple[Utterance, int, str]] | None = None
        self._next_interim_at = 0
        self._failures: list[Failure] = []

    def settle(self, sound: TrackSound, utterance: Utterance) -> None:
        """Start the run whose words count, over what has been said of the utterance."""
        assert utterance.end is not None
        pcm = self._cut(sound, utterance, utterance.end + TAIL_SAMPLES)
        utterance.settling = self._start(self._recognise(pcm))

    def ask_whether_over(self, sound: TrackSound, utterance: Utterance, silence_ms: float = 0) -> None:
        """Ask the end-of-turn model about the pause that `utterance.end` began."""
        assert utterance.end is not None
        if utterance.asking is not None and not utterance.asking.done():
            return
        self.collect(utterance)
        utterance.asked += 1
        until = utterance.end + int(max(silence_ms, 96) * SAMPLES_PER_MS)
        samples = sound.cut(until - HEARD_SAMPLES, until)
        utterance.asking = self._start(self._end_of_turn.probability(samples))

    def revise(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Start an interim run if it is time for one; one at a time."""
        contested = utterance.contested_reply is not None and not utterance.judged
        if self._interim is not None or not (self._interim_lane.local or contested):
            return
        interval = (CONTESTED_INTERIM_MS if contested else INTERIM_MS) * SAMPLES_PER_MS
        if heard_to < max(self._next_interim_at, utterance.segment_start + interval):
            return
        pcm = self._cut(sound, utterance, heard_to)
        self._next_interim_at = heard_to + interval
        self._interim = self._start(self._revise(utterance, pcm))

    def collect(self, utterance: Utterance) -> None:
        """Take in the results that are there."""
        if self._interim is not None and self._interim.done():
            revised, segment_start, text = self._interim.result()
            self._interim = None
            if revised.end is None and revised.segment_start == segment_start and text:
                revised.interim = text
        if utterance.asking is not None and utterance.asking.done():
            probability = utterance.asking.result()
            if probability is not None:
                # The model's opinion jumps about; of two the surer one has proved right more often.
                utterance.probability = max(probability, utterance.probability or 0.0)
            utterance.asking = None
        if utterance.settling is not None and utterance.settling.done():
            recognition = utterance.settling.result()
            utterance.settling = None
            utterance.recognition, utterance.recognised_ns = recognition, now_ns()
            heard = spoken_words(recognition.text) if recognition is not None else utterance.interim
            utterance.text = joined(utterance.kept_text, heard)

    def keep_piece(self, utterance: Utterance) -> None:
        """When speech goes on after a pause: keep the words so far if the utterance is long."""
        self.collect(utterance)
        if utterance.end is None or utterance.text is None:
            return
        if utterance.end - utterance.segment_start >= PIECE_SAMPLES:
            utterance.kept_text, utterance.segment_start, utterance.interim = utterance.text, utterance.end, ""

    async def finish(self, turn: Turn) -> None:
        """Wait for the runs that the turn needs, and take in their results."""
        for utterance in turn.utterances:
            running = [task for task in (utterance.settling, utterance.asking) if task is not None]
            if running:
                await asyncio.wait(running)
            self.collect(utterance)

    def take_failures(self) -> list[Failure]:
        """Return failures since the last call."""
        failures, self._failures = self._failures, []
        return failures

    async def aclose(self) -> None:
        """Give up waiting for what runs; a started run ends by itself."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end_of_turn.aclose()

    def _cut(self, sound: TrackSound, utterance: Utterance, end: int) -> Samples:
        first_piece = utterance.segment_start == utterance.start
        return sound.cut(utterance.segment_start - (LEAD_SAMPLES if first_piece else 0), end)

    async def _recognise(self, samples: Samples) -> Recognition | None:
        if len(samples) < SHORTEST_SAMPLES:
            return None
        try:
            return await self._final_lane.recognise(samples.tobytes(), self._failed)
        except NothingHeard:
            return None

    async def _revise(self, utterance: Utterance, samples: Samples) -> tuple[Utterance, int, str]:
        segment_start, started = utterance.segment_start, time.monotonic()
        try:
            recognition = await self._interim_lane.recognise(samples.tobytes(), self._failed)
        except NothingHeard:
            return utterance, segment_start, ""
        spent_ms = (time.monotonic() - started) * 1000
        self._next_interim_at += max(0, int((INTERIM_LOAD * spent_ms - INTERIM_MS) * SAMPLES_PER_MS))
        return utterance, segment_start, spoken_words(recognition.text)

    async def _failed(self, failure: Failure) -> None:
        self._failures.append(failure)

    def _start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._woken.set()
