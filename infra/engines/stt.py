"""Speech to text: engines by name behind LiveKit's interface, with a timeout and a chain of substitutes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.types import APIConnectOptions

from infra.engines.named import engine_class, how_to_get
from infra.process.tasks import own_cancellation_only

log = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 16_000
COOL_DOWN_S = 30.0
"""How long an engine that failed is passed over while there are others."""


class EngineMissing(RuntimeError):
    """The named engine is not installed, or could not be made from its options."""


class NothingHeard(RuntimeError):
    """No engine of the chain could recognise the speech."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """Words, which engine understood them, and how long that took."""

    text: str
    engine: str
    engine_ms: float
    confidence: float | None = None
    """How sure the engine is of the words, 0 to 1; None if it does not tell."""
    language: str = ""
    """The language that it takes them for, as `en`; empty if it does not tell."""
    dismissed: str = ""
    """Why what it made of the sound is taken for no words (`text` is empty then); empty if it is not."""
    dismissed_text: str = ""
    """What that was."""


@dataclass(frozen=True, slots=True)
class Words:
    """What one engine understood; `confidence` and `language` as in a Recognition."""

    text: str
    confidence: float | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An engine that raised, hung or was missing, and what is done instead."""

    engine: str
    error: str
    action: str


OnFailure = Callable[[Failure], Awaitable[None]]


def make_engine(name: str, options: dict[str, Any]) -> "stt.STT[Any]":
    """Return the engine `local`, `deepgram.STT` of a plugin, or `module:Class`. Raises EngineMissing."""
    if name == "local":
        from infra.engines.moonshine import MoonshineSTT

        return MoonshineSTT()
    try:
        engine = engine_class(name, "STT")(**options)
    except Exception as error:  # a plugin may raise anything while it is made
        raise EngineMissing(
            f"speech to text {name!r} cannot be used: {error} ({how_to_get(name)} are its key and options set?)"
        ) from error
    if not isinstance(engine, stt.STT):
        raise EngineMissing(f"{name!r} is no speech to text")
    return engine


class SpeechToText:
    """A chain of engines, such as `deepgram.STT,local`: the first that works recognises.

    Recognitions go on side by side; how many at a time is the caller's business (`infra.engines.lane`). One that hangs
    is given up alone: the engine is told to stop, and is not waited for.
    """

    def __init__(self, chain: str, options: dict[str, Any], timeout_s: float) -> None:
        self._names = [name.strip() for name in chain.split(",") if name.strip()] or ["local"]
        self._options = options
        self._timeout_s = timeout_s
        self._engines: dict[str, stt.STT[Any]] = {}
        self._failed_at: dict[str, float] = {}
        self._given_up: set[asyncio.Task[Words]] = set()

    @property
    def local(self) -> bool:
        """Whether the first choice runs here, where recognising often costs nothing but time."""
        return self._names[0] == "local"

    async def warm_up(self, at_once: int = 1) -> bool:
        """Load every engine of the chain, and have the local one recognise `at_once` times.

        Failures are logged. Tell whether any can be used.
        """
        usable = False
        for name in self._names:
            try:
                engine = self._engine(name)
                if name == "local":
                    half_a_second = b"\0\0" * (SAMPLE_RATE_HZ // 2)
                    await asyncio.gather(*(recognise(engine, half_a_second) for _ in range(at_once)))
                usable = True
            except Exception as error:  # whatever an engine raises: the chain is there for it
                log.warning("speech to text %s: %s", name, error)
        return usable

    async def recognise(self, pcm: bytes, on_failure: OnFailure | None = None) -> Recognition:
        """Return the words in `pcm` (int16 mono at 16 kHz). Raises NothingHeard if no engine works."""
        names = self._usable()
        for place, name in enumerate(names):
            started = time.perf_counter()
            try:
                words = await self._within_limit(recognise(self._engine(name), pcm))
                self._failed_at.pop(name, None)
                spent_ms = (time.perf_counter() - started) * 1000
                return Recognition(words.text, name, spent_ms, words.confidence, words.language)
            except Exception as error:  # whatever an engine raises: the chain is there for it
                self._failed_at[name] = time.monotonic()
                hung = isinstance(error, TimeoutError)
                problem = f"no answer within {self._timeout_s:g} s" if hung else f"{type(error).__name__}: {error}"
                rest = names[place + 1 :]
                action = f"{rest[0]} was asked" if rest else "the words are lost"
                log.warning("speech to text %s: %s; %s", name, problem, action)
                if on_failure is not None:
                    await on_failure(Failure(name, problem[:500], action))
        raise NothingHeard(f"none of {', '.join(names)} understood the speech")

    async def _within_limit(self, recognition: Coroutine[Any, Any, Words]) -> Words:
        """Return the words. Raises what the engine raises, CancelledElsewhere, or TimeoutError after the limit.

        Not a timeout around the call: an engine that does not heed its cancellation would hold the caller up.
        """
        task = asyncio.create_task(recognition)
        try:
            await asyncio.wait([task], timeout=self._timeout_s)
        finally:
            if not task.done():
                self._given_up.add(task)
                task.add_done_callback(self._forget)
                task.cancel()
        if task in self._given_up:
            raise TimeoutError
        with own_cancellation_only():
            return await task

    def _forget(self, task: "asyncio.Task[Words]") -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()

    async def aclose(self) -> None:
        """Close the engines."""
        for engine in self._engines.values():
            await engine.aclose()

    def _usable(self) -> Sequence[str]:
        now = time.monotonic()
        well = [name for name in self._names if now - self._failed_at.get(name, -COOL_DOWN_S) >= COOL_DOWN_S]
        return well or self._names

    def _engine(self, name: str) -> "stt.STT[Any]":
        if name not in self._engines:
            self._engines[name] = make_engine(name, {} if name == "local" else self._options)
        return self._engines[name]


async def recognise(engine: "stt.STT[Any]", pcm: bytes) -> Words:
    """Return the words that one engine hears in `pcm`: by one request, or by a stream where it has only that."""
    frame = rtc.AudioFrame(pcm, SAMPLE_RATE_HZ, 1, len(pcm) // 2)
    if engine.capabilities.offline_recognize or not engine.capabilities.streaming:
        return _words([await engine.recognize(frame, conn_options=APIConnectOptions(max_retry=0))])
    finals = []
    async with engine.stream(conn_options=APIConnectOptions(max_retry=0)) as stream:
        stream.push_frame(frame)
        stream.flush()
        stream.end_input()
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                finals.append(event)
    return _words(finals)


def _words(events: Sequence[stt.SpeechEvent]) -> Words:
    best = [event.alternatives[0] for event in events if event.alternatives]
    text = " ".join(each.text.strip() for each in best if each.text.strip())
    # An engine that does not tell leaves 0; what is no probability is none.
    sure = [each.confidence for each in best if 0 < each.confidence <= 1]
    return Words(text, sum(sure) / len(sure) if sure else None, str(best[0].language or "") if best else "")
