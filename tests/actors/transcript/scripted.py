"""Speech engines that are scripted: voice activity is loudness, words are those of a list. Nothing is loaded."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from actors.transcript.engines import Recogniser, SpeechEngines
from infra.engines.lane import Lane
from infra.engines.stt import NothingHeard, OnFailure, Recognition, SpeechToText
from infra.engines.turn_detector import EndOfTurn
from infra.engines.vad import SileroVad, TrackVad
from infra.settings import Settings

FAILS = "<fails>"
DOUBTED = "<doubted>"
LOUD, QUIET = 4000, 0

Answer = tuple[str, int]
"""What an engine hears, and how long that takes it: in windows of sound that come meanwhile."""


class ScriptedEngine(SpeechToText):
    """Says what it was told to, one answer after the other."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__("local", {}, 1)
        self._answers: Sequence[Answer] = answers
        self._next = count()
        self._now = 0
        self._due: list[tuple[int, asyncio.Event]] = []

    async def warm_up(self, at_once: int = 1) -> bool:
        """There is nothing to load."""
        return True

    async def recognise(self, pcm: bytes, on_failure: OnFailure | None = None) -> Recognition:
        answer, windows = self._answers[next(self._next) % len(self._answers)]
        answered = asyncio.Event()
        self._due.append((self._now + windows, answered))
        self.come(0)
        await answered.wait()
        if answer == FAILS:
            raise NothingHeard(answer)
        if answer == DOUBTED:
            return Recognition("The sheriff of the shell.", "local", 1, 0.2, "en")
        return Recognition(answer, "local", 1, 0.95, "en")

    def all_at_once(self) -> None:
        """Answer what is asked, from now on without waiting for sound."""
        self._answers = [(answer, 0) for answer, _ in self._answers]
        self.come(max((due for due, _ in self._due), default=0))

    def come(self, windows: int) -> None:
        """Take that so much more sound has come: answers are due by it."""
        self._now += windows
        for due, answered in self._due:
            if due <= self._now:
                answered.set()
        self._due = [(due, answered) for due, answered in self._due if not answered.is_set()]


class LoudnessVad(SileroVad):
    """Voice activity as it is when its model has failed: by loudness."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1)

    def track(self) -> TrackVad:
        vad = TrackVad(None, self._executor)  # type: ignore[arg-type]
        vad.failure = "there is no model here"
        return vad


class ScriptedEngines(SpeechEngines):
    """SpeechEngines whose engines are scripted."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.engine = ScriptedEngine(answers)
        self.settings = Settings()
        self.vad = LoudnessVad()
        self.end_of_turn = EndOfTurn(lambda: None)
        self._recognisers = {("local", ""): Recogniser(self.engine, Lane(2))}
