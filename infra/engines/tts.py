"""Text to speech by settings: the local voice or any LiveKit plugin, as a fallback chain."""

import asyncio
import logging
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from livekit.agents import tts

from infra.engines.chain import PASSED_OVER, EngineFailure, FallbackChain, TimedRests
from infra.engines.gate import URGENT
from infra.engines.phrases import Phrases
from infra.engines.plugins import LOCAL, EngineMissing, engine_class, make_plugin, options_taken, parameters
from infra.engines.voice import MissingVoice, SynthesizedSound, Voice
from infra.process.error_text import error_text, kind_of
from infra.settings import Settings
from infra.shares import engine_names
from infra.spoken.mapped import SpokenText
from infra.spoken.pipeline import ENGLISH, spoken
from infra.spoken.scripts import foreign_script, scripts_of, without_foreign

log = logging.getLogger(__name__)

REST_S = 15.0
"""How long an engine that failed is tried after the others."""
VOICE_OPTIONS = ("voice", "voice_id")
"""What plugins call the name of a voice; ElevenLabs' has the second."""
SKIPPED = "skipped the clause"
LEFT_OUT = "left these words out"
SAID_SO = "said that it cannot"


Part = SynthesizedSound | EngineFailure


class TextToSpeech:
    """A chain of voices in order of preference: when one fails, the next takes the clause from its beginning."""

    def __init__(self, voices: Sequence[Voice], clock: Callable[[], float] = time.monotonic) -> None:
        self.voices = tuple(voices)
        self._by_name = {voice.name: voice for voice in voices}
        self._chain = FallbackChain(TimedRests(REST_S, clock), "used {}", SKIPPED)

    def can_say(self, text: str) -> bool:
        """Return whether any voice can say most of a written text: none can if its script is not theirs."""
        return not spoken(text).text or any(_sayable(voice, text).text for voice in self.voices)

    async def synthesize(self, text: str, urgent: bool = False) -> AsyncGenerator[Part, None]:
        """Yield the sound of a written `text`, and an EngineFailure for each voice that failed; raises none of these.

        One that rests is passed over, which is an EngineFailure too (`PASSED_OVER`). `urgent` goes first if sessions
        share an engine. Text without a letter or digit has no sound. A voice that cannot say the text's script is
        passed over for one that can. If there is none, words in that script are left out; if they are most of the text,
        the voice says that it cannot say it (`SynthesizedSound.unsaid`).
        """
        if not speakable(text) or not spoken(text).text:
            return
        URGENT.set(urgent)
        order = [self._by_name[name] for name in self._chain.in_order([voice.name for voice in self.voices])]
        able = [voice for voice in order if not foreign_script(spoken(text, voice.language).text, voice.scripts)]
        if not able:
            async for part in self._in_another_script(text, order):
                yield part
            return
        for voice in order[: order.index(able[0])]:
            yield _cannot_say(voice, text, f"used {able[0].name}")
        for voice in self.voices[: self.voices.index(able[0])]:
            if voice in able:
                yield EngineFailure(voice.name, PASSED_OVER, f"used {able[0].name}", able[0].name)
        async for part in self._said(text, able):
            yield part

    async def _in_another_script(self, text: str, order: Sequence[Voice]) -> AsyncGenerator[Part, None]:
        """Yield the sound for a text in a script that no voice can say."""
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

    async def _said(self, text: str, order: Sequence[Voice]) -> AsyncGenerator[Part, None]:
        async def attempt(name: str) -> AsyncGenerator[SynthesizedSound, None]:
            voice = self._by_name[name]
            said = _sayable(voice, text)
            ends_s: list[float] = []
            async with aclosing(voice.synthesize(said.text)) as sounds:
                async for sound in sounds:
                    ends_s += sound.word_ends_s
                    is_all = bool(sound.word_ends_s) and len(ends_s) == len(said.spans)
                    yield replace(sound, said=said, word_ends_s=said.written_ends(ends_s) if is_all else ())

        async with aclosing(self._chain.parts([voice.name for voice in order], attempt)) as parts:
            async for part in parts:
                if isinstance(part, EngineFailure):
                    log.warning("text to speech %s failed (%s): %s", part.engine, kind_of(part.error), part.action)
                yield part

    async def warm_up(self) -> None:
        """Warm up every engine and the spoken forms; an engine that fails here is tried again at the first clause."""
        await asyncio.to_thread(spoken, "12")
        for voice in self.voices:
            try:
                await voice.warm_up()
            except Exception as error:  # a plugin may raise anything
                log.warning("text to speech %s could not be warmed up: %s", voice.name, error_text(error))

    async def make_ahead(self, text: str) -> None:
        """Let the voices that keep the sound of phrases make this one; raises nothing."""
        for voice in self.voices:
            said = _sayable(voice, text)
            if said.text:
                try:
                    await voice.make_ahead(said.text)
                except Exception as error:  # a plugin may raise anything; a clause that needs it reports it
                    log.debug("text to speech %s makes nothing ahead: %s", voice.name, error_text(error))

    async def close(self) -> None:
        """Close all engines."""
        for voice in self.voices:
            await voice.close()


def _sayable(voice: Voice, text: str) -> SpokenText:
    """Return what this voice says for a written text, without words in a script that it cannot say."""
    said = spoken(text, voice.language)
    if voice.scripts is None or not foreign_script(said.text, voice.scripts):
        return said
    return without_foreign(said, voice.scripts)


def _cannot_say(voice: Voice, text: str, action: str) -> EngineFailure:
    script = foreign_script(spoken(text, voice.language).text, voice.scripts)
    return EngineFailure(voice.name, f"this voice ({voice.language}) cannot say {script} letters", action)


def speakable(text: str) -> bool:
    """Return whether there is anything to say: a letter or a digit."""
    return any(unicodedata.category(character)[0] in "LN" for character in text)


def load_chain(settings: Settings) -> TextToSpeech:
    """Return the engines of `settings.tts`, e.g. `local` or `cartesia.TTS,local`; blocks while models load.

    One that is missing is logged and passed over at each clause. Raises EngineMissing if all of them are.
    Call it within livekit's `http_context.open()`: plugins share an HTTP session.
    """
    voices: list[Voice] = []
    reasons = []
    for name in engine_names(settings.tts):
        try:
            voices.append(_load(name, settings))
        except EngineMissing as error:
            voices.append(MissingVoice(name, str(error)))
            reasons.append(str(error))
    if len(reasons) == len(voices):
        raise EngineMissing("; ".join(reasons) or "no text to speech is set: set DAREDEVIL_TTS to `local`")
    for reason in reasons:
        log.warning("%s", reason)
    return TextToSpeech(voices)


def _load(name: str, settings: Settings) -> Voice:
    if name == LOCAL:
        from infra.engines.piper import PiperTTS, UnusableVoice

        try:
            piper = PiperTTS(Path(settings.voice) if settings.voice.endswith(".onnx") else None, settings.tts_timeout_s)
        except UnusableVoice as error:
            raise EngineMissing(str(error)) from error
        return Voice(name, piper, None, Phrases(), piper.language, scripts_of(piper.language))
    options = _options(name, settings)
    engine: tts.TTS[Any] = make_plugin(name, "TTS", tts.TTS, options)
    return Voice(name, engine, settings.tts_timeout_s, language=str(options.get("language", ENGLISH)))


def _options(name: str, settings: Settings) -> dict[str, object]:
    """Return the settings that an engine accepts; `DAREDEVIL_VOICE` only if it has an option for it."""
    try:
        made_by = engine_class(name, "TTS")
    except Exception:  # a module may raise anything when it is imported; that is reported where the engine is created
        return {}
    options = options_taken(made_by, settings.tts_options)
    if settings.voice and not settings.voice.endswith(".onnx"):
        taken = parameters(made_by) or ()
        for option in [name for name in VOICE_OPTIONS if name in taken][:1]:
            options.setdefault(option, settings.voice)
    return options
