"""The sound of a clause as it is on the tape: how long each piece is and where its words end, without the sound."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from actors.synthesis.framing import ClauseFrames, VoicedSpan
from actors.synthesis.voices import Voices
from infra.engines.chain import EngineFailure
from infra.engines.tts import Part
from infra.engines.voice import SynthesizedSound
from infra.settings import Settings
from infra.spoken.mapped import SpokenText
from infra.tape.tape import AS_IT_IS, Packing, Plain, Tape

VOICE, SOUND, VOICED = "voice", "sound", "voiced"
"""Kinds of requests: which voices a session has here, their sound for a clause, and where in it the voice is heard."""


@dataclass(frozen=True, slots=True)
class Speakable:
    """What the voices of a session can do with a clause; `failure` if other voices replace those that it names."""

    can_say: bool
    failure: EngineFailure | None


def _failure(packed: Plain) -> EngineFailure:
    return EngineFailure(*packed)


def _packed_failure(failure: EngineFailure) -> Plain:
    return [failure.engine, failure.error, failure.action, failure.next_engine]


SPEAKABLE: Packing[Speakable] = Packing(
    lambda found: [found.can_say, _packed_failure(found.failure) if found.failure else None],
    lambda packed: Speakable(packed[0], _failure(packed[1]) if packed[1] else None),
)


def _in_samples(end_s: float, rate_hz: int) -> int | float:
    """Return a word's end as a whole number of samples if it is one: that takes a third of the bytes."""
    samples = round(end_s * rate_hz)
    return samples if samples / rate_hz == end_s else end_s


class _Pieces:
    """Packs the pieces of one clause. What is said for it is the same for all pieces of a voice, and packed once."""

    def __init__(self) -> None:
        self._said: SpokenText | None = None

    def pack(self, part: Part) -> Plain:
        """Return a piece without its sound."""
        if isinstance(part, EngineFailure):
            return _packed_failure(part)
        said = None
        if part.said is not None and part.said != self._said:
            self._said = part.said
            said = [part.said.written, part.said.text, [list(span) for span in part.said.spans]]
        ends = [_in_samples(end_s, part.sample_rate_hz) for end_s in part.word_ends_s]
        return [len(part.pcm) // 2, part.sample_rate_hz, part.engine, ends, said, part.unsaid]

    def unpack(self, packed: Plain) -> Part:
        """Return a piece as long as it was, of silence."""
        if len(packed) == 4:
            return _failure(packed)
        samples, rate_hz, engine, ends, said, unsaid = packed
        word_ends_s = (end / rate_hz if isinstance(end, int) else end for end in ends)
        if said is not None:
            self._said = SpokenText(said[0], said[1], tuple((start, end) for start, end in said[2]))
        known = None if unsaid else self._said
        return SynthesizedSound(bytes(2 * samples), rate_hz, engine, tuple(word_ends_s), known, unsaid)


class ClauseVoices:
    """The voices of a session at one clause, through its tape; `key` is the clause's id, `text` what is written."""

    def __init__(self, tape: Tape, voices: Voices, settings: Settings, key: str, text: str) -> None:
        self._tape = tape
        self._voices = voices
        self._settings = settings
        self._key = key
        self._text = text

    async def speakable(self) -> Speakable:
        """Return whether the clause can be said, and why other voices say it than the session names, if they do."""

        async def ask() -> Speakable:
            chain, failure = await self._voices.of(self._settings)
            return Speakable(chain.can_say(self._text), failure)

        request = {"tts": self._settings.tts, "voice": self._settings.voice, "text": self._text}
        return await self._tape.result(VOICE, self._key, request, ask, SPEAKABLE)

    def sound(self, text: str, urgent: bool) -> AsyncGenerator[Part, None]:
        """Yield the sound of a text, and a failure for each voice that is not heard."""

        async def ask() -> AsyncGenerator[Part, None]:
            chain, _ = await self._voices.of(self._settings)
            async with aclosing(chain.synthesize(text, urgent=urgent)) as parts:
                async for part in parts:
                    yield part

        pieces = _Pieces()
        request = {"tts": self._settings.tts, "voice": self._settings.voice, "text": text}
        return self._tape.parts(SOUND, self._key, request, ask, Packing(pieces.pack, pieces.unpack))

    async def voiced(self, frames: ClauseFrames) -> VoicedSpan:
        """Return where the voice is heard in all of the sound."""

        async def ask() -> list[int] | None:
            return list(frames.voiced) if frames.voiced is not None else None

        span = await self._tape.result(VOICED, self._key, None, ask, AS_IT_IS)
        return (span[0], span[1]) if span is not None else None
