"""One track heard by the real listener, with engines of a test, a log in memory, and sound as the test sends it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from livekit.agents import stt

from actors.transcript.echo.agent_sound import AgentSound
from actors.transcript.engines import Recogniser, SpeechEngines
from actors.transcript.live_sound import LiveSound
from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_listener import TrackListener
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame, OutFrame
from infra.engines.lane import Lane
from infra.engines.stt import SpeechToText, make_engine
from infra.engines.turn_detector import EndOfTurn
from infra.engines.vad import WINDOW_SAMPLES
from infra.log.event_log import ExpectedSequence, Fact, now_ns
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.transcript.scripted import LoudnessVad
from tests.engine_servers.spelt_sound import Samples, read

SESSION, TRACK = "s-1", "mic"


class MemoryLog:
    """The log of one session."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    async def append(self, event: e.Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        self.facts.append(Fact(len(self.facts) + 1, event))
        return self.facts[-1]

    async def in_turn(self, event: e.Event) -> None:
        """Nothing waits here."""

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        return self.facts[after:]


class SentSound(LiveSound):
    """Frames that the test has sent."""

    def __init__(self) -> None:
        self.coming: list[InFrame] = []

    def frames(self) -> list[InFrame]:
        frames, self.coming = self.coming, []
        return frames

    def since_frame_ms(self) -> float:
        return 0.0


class ReadingSTT(stt.STT[str]):
    """An engine of whole utterances that reads the test's sound; `heard` has what it was given."""

    def __init__(self, heard: list[bytes]) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._heard = heard

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        pcm = bytes(buffer.data)
        self._heard.append(pcm)
        text = " ".join(word for word, _, _ in read(pcm))
        data = stt.SpeechData("en", text, confidence=0.95)  # type: ignore[arg-type]  # it makes a LanguageCode of it
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])


class TestedEngines(SpeechEngines):
    """Speech engines whose `local` one reads the test's sound; the others are real."""

    __test__ = False

    def __init__(self, settings: Settings) -> None:
        self.local_heard: list[bytes] = []
        self.settings = settings
        self.vad = LoudnessVad()
        self.end_of_turn = EndOfTurn(lambda: None)
        self._recognisers = {}
        self._detectors = {}

    def _recogniser(self, chain: str, options: Mapping[str, object]) -> Recogniser:
        def make(name: str, given: dict[str, Any]) -> "stt.STT[Any]":
            return ReadingSTT(self.local_heard) if name == "local" else make_engine(name, given)

        if (chain, "") not in self._recognisers:
            engines = SpeechToText(chain, dict(options), self.settings.stt_timeout_s, make)
            self._recognisers[chain, ""] = Recogniser(engines, Lane(2))
        return self._recognisers[chain, ""]


class HeardTrack:
    """`await track.hear(sound)`, then look at its facts."""

    def __init__(self, engines: SpeechEngines) -> None:
        self.log = MemoryLog()
        self._sent = 0
        self._live = SentSound()
        track = e.TrackPublished(event_id="tp", session_id=SESSION, time_ns=1, track_id=TRACK, participant_id="p")
        self._view = SessionState()
        self._woken = asyncio.Event()
        self.playback = AgentSound(None, SESSION).playback  # type: ignore[arg-type]  # nothing is published
        taped = TapedSound(Untaped(), TRACK)
        self.listener = TrackListener(
            self.log, taped, engines, track, self._view, self._live, self.playback, self._woken
        )
        self.listener.resume(0, 0)

    @property
    def facts(self) -> list[e.Event]:
        return [fact.event for fact in self.log.facts]

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def hear(self, sound: Samples) -> None:
        """Send sound, window by window."""
        for first in range(0, len(sound) // WINDOW_SAMPLES * WINDOW_SAMPLES, WINDOW_SAMPLES):
            pcm = sound[first : first + WINDOW_SAMPLES].astype("<i2").tobytes()
            self._live.coming.append(InFrame(TRACK, self._sent, now_ns(), pcm))
            self._sent += WINDOW_SAMPLES
            await self.listener.step()
            await asyncio.sleep(0)

    async def play(self, sound: Samples, echo: float = 0.0) -> None:
        """Let the agent's loudspeaker play something, and the microphone hear that much of it."""
        await self.hear(np.zeros(WINDOW_SAMPLES, np.int16))
        about = self.about(f"reply-{self._sent}") | {"reply_id": f"r-{self._sent}"}
        self.playback.take(e.ReplyStarted(**about, text=""), time.monotonic_ns())
        frame = OutFrame(about["reply_id"], 0, 0, IN_SAMPLE_RATE_HZ, sound.astype("<i2").tobytes(), True)
        self.playback.add(frame, time.monotonic_ns())
        await self.hear((sound * echo).astype(np.int16))

    async def until(self, condition: Callable[[], object], within_s: float = 30) -> None:
        """Let time pass without sound until something holds, as an owner does: each time it is woken it looks."""
        async with asyncio.timeout(within_s):
            while not condition():
                await self.listener.step()
                await asyncio.sleep(0.002)

    async def until_ended(self, turns: int = 1) -> list[Any]:
        """Send silence until so many turns have ended; return them."""
        async with asyncio.timeout(30):
            while len(self.of(e.TurnEnded)) < turns:
                await self.hear(np.zeros(WINDOW_SAMPLES, np.int16))
                await asyncio.sleep(0.002)
        return self.of(e.TurnEnded)

    async def until_said(self, words: int) -> None:
        """Send silence until the turns that have ended hold so many words."""
        async with asyncio.timeout(60):
            while sum(len(turn.text.split()) for turn in self.of(e.TurnEnded)) < words:
                await self.hear(np.zeros(WINDOW_SAMPLES, np.int16))
                await asyncio.sleep(0.002)

    def about(self, name: str) -> dict[str, Any]:
        """Return the fields that every event has."""
        return {"event_id": name, "session_id": SESSION, "time_ns": now_ns()}

    async def tell(self, *events: e.Event) -> None:
        """Have others append something."""
        for event in events:
            self._view.apply(await self.log.append(event))

    async def aclose(self) -> None:
        await self.listener.aclose()
