"""One voice: an engine of LiveKit's interface, with the sound of a clause piece by piece."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import is_given

from infra.engines.chain import never_silent_for
from infra.engines.phrases import Phrases
from infra.engines.plugins import EngineMissing
from infra.spoken.mapped import SpokenText
from infra.spoken.pipeline import ENGLISH


class NoSound(RuntimeError):
    """The engine ended without a single sample."""


@dataclass(frozen=True, slots=True)
class SynthesizedSound:
    """The next piece of a clause: int16 mono PCM, and the ends of words reported with it (seconds into the clause).

    An engine reports the words it says. A chain reports the written words, all of them at once; `said` is the text
    given to the engine.
    """

    pcm: bytes
    sample_rate_hz: int
    engine: str = ""
    word_ends_s: tuple[float, ...] = ()
    said: SpokenText | None = None
    unsaid: bool = False
    """Whether it says that the clause cannot be said, instead of the clause."""


@runtime_checkable
class _Warms(Protocol):
    """An engine whose warm-up can be waited for."""

    def warm(self) -> None: ...


class Voice:
    """One TTS engine. `timeout_s` is how long it may be silent; None if it has its own limit.

    With `phrases`, a short phrase is synthesised once: for engines that say a text alike wherever it stands. `language`
    is the language of the words for numbers and signs.
    """

    language = ENGLISH
    scripts: frozenset[str] | None = None
    """The scripts that it can say; None if unknown, as for an engine that speaks many languages."""

    def __init__(
        self,
        name: str,
        engine: tts.TTS[Any],
        timeout_s: float | None,
        phrases: "Phrases[SynthesizedSound] | None" = None,
        language: str = ENGLISH,
        scripts: frozenset[str] | None = None,
    ) -> None:
        self.name = name
        self.language = language
        self.scripts = scripts
        self._engine = engine
        self._timeout_s = timeout_s
        self._phrases = phrases

    async def warm_up(self) -> None:
        """Warm up, so that the first clause is as fast as the rest."""
        if isinstance(self._engine, _Warms):
            await asyncio.to_thread(self._engine.warm)
        else:
            self._engine.prewarm()

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        """Yield the sound of `text` as it is synthesised. Raises what the engine raises, TimeoutError, or NoSound."""
        known = self._phrases.recall(text) if self._phrases is not None else None
        made: list[SynthesizedSound] = []
        async with aclosing(_replayed(known) if known else self._made(text)) as sounds:
            async for sound in sounds:
                made.append(sound)
                yield sound
        if self._phrases is not None:
            self._phrases.keep(text, made)

    async def make_ahead(self, text: str) -> None:
        """Make the sound of a phrase before it is needed, if it would be kept. Raises as `synthesize` does."""
        if self._phrases is not None and self._phrases.recall(text) is None:
            async with aclosing(self.synthesize(text)) as sounds:
                async for _ in sounds:
                    pass

    async def _made(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        silent = True
        # No retries here: the next engine of the chain is quicker.
        options = APIConnectOptions(max_retry=0, timeout=self._timeout_s or 10)
        async with self._engine.synthesize(text, conn_options=options) as stream:
            async for audio in never_silent_for(self._timeout_s, stream):
                frame = audio.frame
                words = frame.userdata.get(USERDATA_TIMED_TRANSCRIPT) or ()
                ends = tuple(float(word.end_time) for word in words if is_given(word.end_time))
                silent = silent and frame.samples_per_channel == 0
                yield SynthesizedSound(
                    _mono(frame.data.tobytes(), frame.num_channels), frame.sample_rate, self.name, ends
                )
        if silent:
            raise NoSound("it gave no sound")

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.aclose()


class MissingVoice(Voice):
    """Stands in a chain for an engine that cannot be used here: it fails at each clause, with the reason."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    async def warm_up(self) -> None:
        """Do nothing: there is nothing to warm up."""

    async def make_ahead(self, text: str) -> None:
        """Do nothing: there is nothing that could."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        """Raise EngineMissing."""
        raise EngineMissing(self._reason)
        yield  # makes it a generator, like the others

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


async def _replayed(sounds: Sequence[SynthesizedSound]) -> AsyncGenerator[SynthesizedSound, None]:
    for sound in sounds:
        yield sound


def _mono(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    return b"".join(pcm[n : n + 2] for n in range(0, len(pcm), 2 * channels))
