"""Speech to text: engines by name behind LiveKit's interface, as a fallback chain with a time limit."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.types import APIConnectOptions

from infra.engines.chain import EngineFailure, FallbackChain, TimedRests, TimeLimit
from infra.engines.plugins import LOCAL, make_plugin
from infra.engines.word_stream import WordStream
from infra.engines.words import SAMPLE_RATE_HZ, Words, words_of
from infra.process.error_text import kind_of
from infra.shares import engine_names
from infra.tape.tape import Plain

log = logging.getLogger(__name__)

REST_S = 30.0
"""How long an engine that failed is tried after the others."""

STREAM_ENDS_S = 2.0
"""How long a stream may take to connect, and to end after its last sound: it has heard all the rest by then."""

ASKED = "{} was asked"
"""What is done instead of an engine that failed."""


class NothingHeard(RuntimeError):
    """No engine of the chain could recognise the speech."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Recognised words, the engine, and how long it took."""

    text: str
    engine: str
    engine_ms: float
    confidence: float | None = None
    """The engine's confidence, 0 to 1; None if it does not report one."""
    language: str = ""
    """The recognised language, such as `en`; empty if it does not report one."""
    dismissed: str = ""
    """Why the result is discarded as no words (`text` is empty then); otherwise empty."""
    dismissed_text: str = ""
    """The discarded text."""


def as_plain(recognition: Recognition | None) -> list[Plain] | None:
    """Return what the tape keeps of a recognition."""
    if recognition is None:
        return None
    found = recognition
    return [found.text, found.engine, round(found.engine_ms), found.confidence, found.language, found.dismissed]


OnFailure = Callable[[EngineFailure], Awaitable[None]]


def make_engine(name: str, options: dict[str, Any]) -> "stt.STT[Any]":
    """Return the engine `local`, `deepgram.STT` of a plugin, or `module:Class`. Raises EngineMissing."""
    if name == LOCAL:
        from infra.engines.moonshine import MoonshineSTT

        return MoonshineSTT()
    engine: stt.STT[Any] = make_plugin(name, "STT", stt.STT, options)
    return engine


class SpeechToText:
    """A chain of engines, such as `deepgram.STT,local`: the first that works recognises.

    Recognitions run concurrently; the caller limits how many (`infra.engines.lane`). One that hangs is given up without
    affecting the others: it is cancelled and not awaited.
    """

    def __init__(
        self,
        chain: str,
        options: dict[str, Any],
        timeout_s: float,
        make: Callable[[str, dict[str, Any]], "stt.STT[Any]"] = make_engine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = engine_names(chain) or [LOCAL]
        self._options = options
        self._limit = TimeLimit(timeout_s)
        self._stream_ends_s = min(timeout_s, STREAM_ENDS_S)
        self._make = make
        self._engines: dict[str, stt.STT[Any]] = {}
        self._rests = TimedRests(REST_S, clock)
        self._chain = FallbackChain(self._rests, ASKED, "the words are lost")

    @property
    def first(self) -> str:
        """The engine that is preferred."""
        return self._names[0]

    @property
    def local(self) -> bool:
        """Whether the first choice runs here, where frequent recognition costs only time."""
        return self._names[0] == LOCAL

    async def warm_up(self, at_once: int = 1) -> bool:
        """Load every engine of the chain, and have the local one recognise `at_once` times.

        Failures are logged. Return whether any can be used.
        """
        usable = False
        for name in self._names:
            try:
                engine = self._engine(name)
                if name == LOCAL:
                    half_a_second = b"\0\0" * (SAMPLE_RATE_HZ // 2)
                    await asyncio.gather(*(recognise(engine, half_a_second) for _ in range(at_once)))
                usable = True
            except Exception as error:  # whatever an engine raises, the chain must survive it
                log.warning("speech to text %s: %s", name, error)
        return usable

    async def recognise(self, pcm: bytes, on_failure: OnFailure | None = None) -> Recognition:
        """Return the words in `pcm` (int16 mono at 16 kHz). Raises NothingHeard if no engine works."""

        async def attempt(name: str) -> AsyncGenerator[Recognition, None]:
            started = time.perf_counter()
            words = await self._limit.answer(recognise(self._engine(name), pcm))
            spent_ms = (time.perf_counter() - started) * 1000
            yield Recognition(words.text, name, spent_ms, words.confidence, words.language)

        recognition: Recognition | None = None
        async for part in self._chain.parts(self._names, attempt):
            if isinstance(part, Recognition):
                recognition = part
                continue
            log.warning("speech to text %s failed (%s): %s", part.engine, kind_of(part.error), part.action)
            if on_failure is not None:
                await on_failure(part)
        if recognition is None:
            raise NothingHeard(f"none of {', '.join(self._names)} could recognise the speech")
        return recognition

    def streaming(self, without: Collection[str] = ()) -> str | None:
        """Return the engine to which speech is streamed now; None if it is recognised when it is over.

        It is the one that would be asked first, of those that are not in `without`.
        """
        name = self.next_engine(without)
        try:
            return name if name and self._engine(name).capabilities.streaming else None
        except Exception:  # whatever an engine raises; the recognition that follows reports it
            return None

    def next_engine(self, without: Collection[str] = ()) -> str:
        """Return the engine that would be asked first now, of those not in `without`; empty if there is none."""
        return next((name for name in self._chain.in_order(self._names) if name not in without), "")

    def stream(self, name: str, changed: Callable[[], None]) -> WordStream:
        """Open a stream to an engine that `streaming` has named, within the event loop; see WordStream."""
        return WordStream(self._engine(name), self._stream_ends_s, changed)

    def stream_ended(self, name: str, well: bool) -> None:
        """Note how a stream ended: an engine that failed rests."""
        if well:
            self._rests.recover(name)
        else:
            self._rests.rest(name)

    async def aclose(self) -> None:
        """Close the engines."""
        for engine in self._engines.values():
            await engine.aclose()

    def _engine(self, name: str) -> "stt.STT[Any]":
        if name not in self._engines:
            self._engines[name] = self._make(name, self._options)
        return self._engines[name]


async def recognise(engine: "stt.STT[Any]", pcm: bytes) -> Words:
    """Return the words that one engine hears in `pcm`: with one request, or with a stream if it has only that."""
    frame = rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(pcm) // 2)
    if engine.capabilities.offline_recognize or not engine.capabilities.streaming:
        return words_of([await engine.recognize(frame, conn_options=APIConnectOptions(max_retry=0))])
    finals = []
    async with engine.stream(conn_options=APIConnectOptions(max_retry=0)) as stream:
        stream.push_frame(frame)
        stream.flush()
        stream.end_input()
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                finals.append(event)
    return words_of(finals)
