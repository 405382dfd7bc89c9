"""Text to speech by settings: the local voice or any LiveKit plugin, in a chain in which the next stands in."""

import asyncio
import inspect
import logging
import time
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import is_given

from infra.engines.gate import URGENT
from infra.engines.named import engine_class, how_to_get
from infra.engines.phrases import Phrases
from infra.settings import Settings
from infra.spoken.mapped import SpokenText
from infra.spoken.pipeline import ENGLISH, spoken
from infra.spoken.scripts import foreign_script, scripts_of, without_foreign

log = logging.getLogger(__name__)

REST_S = 15.0
"""How long an engine that failed is asked after the others."""


class UnknownEngine(ValueError):
    """The settings name an engine that is not there; the message says what to do."""


class NoSound(RuntimeError):
    """The engine ended without a single sample."""


@dataclass(frozen=True, slots=True)
class SynthesizedSound:
    """The next piece of a clause: int16 mono PCM, and the ends of words told with it (seconds into the clause).

    An engine tells its own words. What a chain gives is about the written ones, all of them at once; `said` is what the
    engine was given to say.
    """

    pcm: bytes
    sample_rate_hz: int
    engine: str = ""
    word_ends_s: tuple[float, ...] = ()
    said: SpokenText | None = None
    unsaid: bool = False
    """Whether it says, instead of the clause, that the clause cannot be said."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An engine failed; `action` says what is done instead. What it has given so far stays, the next begins anew."""

    engine: str
    error: str
    action: str


SKIPPED = "skipped the clause"
LEFT_OUT = "left these words out"
SAID_SO = "said that it cannot"


@runtime_checkable
class _Warms(Protocol):
    """An engine whose warm-up can be waited for."""

    def warm(self) -> None: ...


class Voice:
    """One TTS engine. `timeout_s` is how long it may be silent; None if it sees to that itself.

    With `phrases`, a short phrase is made once: for engines that say a text alike wherever it stands. `language` is
    that of the words which are made of numbers and signs.
    """

    language = ENGLISH
    scripts: frozenset[str] | None = None
    """The scripts that it can say; None if that is not known, as of an engine that speaks many languages."""

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
        self.rests_until = 0.0

    async def warm_up(self) -> None:
        """Make the first clause as fast as the rest."""
        if isinstance(self._engine, _Warms):
            await asyncio.to_thread(self._engine.warm)
        else:
            self._engine.prewarm()

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        """Yield the sound of `text` as it is made. Raises what the engine raises, TimeoutError, or NoSound."""
        known = self._phrases.recall(text) if self._phrases is not None else None
        made: list[SynthesizedSound] = []
        async with aclosing(_replayed(known) if known else self._made(text)) as sounds:
            async for sound in sounds:
                made.append(sound)
                yield sound
        if self._phrases is not None:
            self._phrases.keep(text, made)

    async def _made(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        silent = True
        # No retries here: the next engine of the chain is quicker.
        options = APIConnectOptions(max_retry=0, timeout=self._timeout_s or 10)
        async with self._engine.synthesize(text, conn_options=options) as stream:
            while True:
                try:
                    # Not wait_for: in Python 3.11 it loses a cancellation that comes together with a frame.
                    async with asyncio.timeout(self._timeout_s):
                        audio = await anext(stream)
                except StopAsyncIteration:
                    break
                except TimeoutError as error:
                    raise TimeoutError(str(error) or f"silent for {self._timeout_s:g} s") from error
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
        """Let the engine go."""
        await self._engine.aclose()


class MissingVoice(Voice):
    """Stands in a chain for an engine that cannot be used here: it fails at each clause, which is told as of others."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.rests_until = 0.0
        self._reason = reason

    async def warm_up(self) -> None:
        """Do nothing: there is nothing to warm up."""

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        """Raise UnknownEngine."""
        raise UnknownEngine(self._reason)
        yield  # a generator, as others are

    async def close(self) -> None:
        """Do nothing: there is nothing to let go."""


class Chain:
    """Engines in order of preference: when one fails, the next takes the clause from its beginning."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        self.voices = tuple(voices)

    def can_say(self, text: str) -> bool:
        """Tell whether an engine can say the most of a written text: another script than its own none can."""
        return not spoken(text).text or any(_sayable(voice, text).text for voice in self.voices)

    async def synthesize(self, text: str, urgent: bool = False) -> AsyncGenerator[SynthesizedSound | Failure, None]:
        """Yield the sound of a written `text`, and a Failure for each engine that failed; never raises for an engine.

        `urgent` goes before what is not, where sessions share an engine. Text without a letter or digit has no sound.
        An engine that cannot say the script of the text is passed over for one that can. If there is none, words of it
        are left out; of a text that is mostly such, it is said that it cannot be said (`Sound.unsaid`).
        """
        if not speakable(text) or not spoken(text).text:
            return
        URGENT.set(urgent)
        order = sorted(self.voices, key=lambda voice: voice.rests_until > time.monotonic())
        able = [voice for voice in order if not foreign_script(spoken(text, voice.language).text, voice.scripts)]
        if not able:
            async for part in self._in_another_script(text, order):
                yield part
            return
        for voice in order[: order.index(able[0])]:
            yield _cannot_say(voice, text, f"used {able[0].name}")
        async for part in self._said(text, able):
            yield part

    async def _in_another_script(
        self, text: str, order: Sequence[Voice]
    ) -> AsyncGenerator[SynthesizedSound | Failure, None]:
        """Yield what can be said of a text in a script that no engine can say."""
        most = [voice for voice in order if _sayable(voice, text).text]
        yield _cannot_say(order[0], text, LEFT_OUT if most else SAID_SO)
        if most:
            async for part in self._said(text, most):
                yield part
            return
        script = foreign_script(text, order[0].scripts)
        async for part in self._said(
            f"I'm sorry, I cannot say that, because it is written in {script} letters.", order
        ):
            yield replace(part, said=None, word_ends_s=(), unsaid=True) if isinstance(part, SynthesizedSound) else part

    async def _said(self, text: str, order: Sequence[Voice]) -> AsyncGenerator[SynthesizedSound | Failure, None]:
        for number, voice in enumerate(order):
            try:
                said = _sayable(voice, text)
                async with aclosing(voice.synthesize(said.text)) as sounds:
                    told: list[float] = []
                    async for sound in sounds:
                        told += sound.word_ends_s
                        is_all = bool(sound.word_ends_s) and len(told) == len(said.spans)
                        yield replace(sound, said=said, word_ends_s=said.written_ends(told) if is_all else ())
                return
            except Exception as error:  # a plugin may raise anything; the call goes on
                voice.rests_until = time.monotonic() + REST_S
                action = f"used {order[number + 1].name}" if number + 1 < len(order) else SKIPPED
                log.warning("text to speech %s failed (%s): %s", voice.name, _told(error), action)
                yield Failure(voice.name, _told(error), action)

    async def warm_up(self) -> None:
        """Warm every engine up, and what makes words of numbers; an engine that fails is left for the first clause."""
        await asyncio.to_thread(spoken, "12")
        for voice in self.voices:
            try:
                await voice.warm_up()
            except Exception as error:  # a plugin may raise anything
                log.warning("text to speech %s could not be warmed up: %s", voice.name, _told(error))

    async def close(self) -> None:
        """Let all engines go."""
        for voice in self.voices:
            await voice.close()


def _sayable(voice: Voice, text: str) -> SpokenText:
    """Return what this voice says for a written text, without the words of a script that it cannot say."""
    said = spoken(text, voice.language)
    if voice.scripts is None or not foreign_script(said.text, voice.scripts):
        return said
    return without_foreign(said, voice.scripts)


def _cannot_say(voice: Voice, text: str, action: str) -> Failure:
    script = foreign_script(spoken(text, voice.language).text, voice.scripts)
    return Failure(voice.name, f"this voice ({voice.language}) cannot say {script} letters", action)


def speakable(text: str) -> bool:
    """Tell whether there is anything to say: a letter or a digit."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def load_chain(settings: Settings) -> Chain:
    """Return the engines of `settings.tts`, e.g. `local` or `cartesia.TTS,local`; blocks while models load.

    One that cannot be had is told, and passed over at each clause. Raises UnknownEngine if that goes for all of them.
    Call it within livekit's `http_context.open()`: plugins share an HTTP session.
    """
    voices: list[Voice] = []
    reasons = []
    for name in (name.strip() for name in settings.tts.split(",") if name.strip()):
        try:
            voices.append(_load(name, settings))
        except UnknownEngine as error:
            voices.append(MissingVoice(name, str(error)))
            reasons.append(str(error))
    if len(reasons) == len(voices):
        raise UnknownEngine("; ".join(reasons) or "no text to speech is named: set DAREDEVIL_TTS to `local`")
    for reason in reasons:
        log.warning("%s", reason)
    return Chain(voices)


def _load(name: str, settings: Settings) -> Voice:
    if name == "local":
        from infra.engines.piper import PiperTTS, UnusableVoice

        try:
            piper = PiperTTS(Path(settings.voice) if settings.voice.endswith(".onnx") else None, settings.tts_timeout_s)
        except UnusableVoice as error:
            raise UnknownEngine(str(error)) from error
        return Voice(name, piper, None, Phrases(), piper.language, scripts_of(piper.language))
    try:
        made_by = engine_class(name, "TTS")
    except Exception as error:  # a module may raise anything when it is imported
        raise UnknownEngine(f"text to speech {name!r} cannot be used: {error} ({how_to_get(name)})") from error
    accepted = inspect.signature(made_by.__init__).parameters
    options = {key: value for key, value in settings.tts_options.items() if key in accepted}
    if settings.voice and not settings.voice.endswith(".onnx") and "voice" in accepted:
        options.setdefault("voice", settings.voice)
    try:
        language = str(options.get("language", ENGLISH))
        engine = made_by(**options)
    except Exception as error:  # mostly a missing key
        raise UnknownEngine(f"text to speech {name!r} cannot be used: {error}") from error
    if not isinstance(engine, tts.TTS):
        raise UnknownEngine(f"{name!r} is no text to speech")
    return Voice(name, engine, settings.tts_timeout_s, language=language)


async def _replayed(sounds: Sequence[SynthesizedSound]) -> AsyncGenerator[SynthesizedSound, None]:
    for sound in sounds:
        yield sound


def _mono(pcm: bytes, channels: int) -> bytes:
    if channels == 1:
        return pcm
    return b"".join(pcm[n : n + 2] for n in range(0, len(pcm), 2 * channels))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]
