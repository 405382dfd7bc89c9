"""A voice whose sound can be located to the sample: each letter of each word has its own noise.

`DAREDEVIL_TTS=infra.bench.marked_voice:MarkedTTS`; with `DAREDEVIL_TTS_OPTIONS={"late_s": 2.5, "dry_s": 5}` it is a
slow one: all its clauses but the first start late, and run dry half-way.
"""

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString

RATE_HZ = 24_000
NOISE_RATE_HZ = 8_000
"""The noise lies below 4 kHz: it survives telephone sound and Opus, and can be searched for at this rate."""

LETTER_SAMPLES = RATE_HZ * 60 // 1000
PEAK = 9000

FIRST_CLAUSE = "Morning brings clear water."
ANSWER = (
    f"{FIRST_CLAUSE} Seven yellow lanterns float beyond quiet harbours, while distant thunder rolls, "
    "children gather smooth pebbles under bridges, and evening paints golden windows."
)
"""The text to say: no word occurs twice, so that each sound is unique; a model is given two sentences."""


@dataclass(frozen=True, slots=True)
class LetterMark:
    """A letter's noise: the `letter`-th of the `word`-th word, from sample `first` of the text's sound on."""

    word: int
    letter: int
    first: int
    text: str
    """The word, bare."""


def bare(word: str) -> str:
    """Return a word without the characters that are not spoken."""
    return "".join(character for character in word.casefold() if character.isalnum())


def marks_of(text: str) -> Iterator[LetterMark]:
    """Yield the marks of a text's sound, in order."""
    at = 0
    for number, word in enumerate(text.split()):
        for letter in range(len(bare(word))):
            yield LetterMark(number, letter, at, bare(word))
            at += LETTER_SAMPLES


def noise_of(mark: LetterMark) -> npt.NDArray[np.float32]:
    """Return a mark's noise at NOISE_RATE_HZ, between -1 and 1."""
    made = np.random.default_rng(zlib.crc32(f"{mark.text}:{mark.letter}".encode()))
    return made.uniform(-1, 1, LETTER_SAMPLES * NOISE_RATE_HZ // RATE_HZ).astype(np.float32)


def sound_of(text: str) -> npt.NDArray[np.int16]:
    """Return the sound of a text at RATE_HZ."""
    noises = [noise_of(mark) for mark in marks_of(text)]
    if not noises:
        return np.zeros(0, np.int16)
    # In floats, and clipped: at the higher rate, peaks rise above the samples of the lower one.
    risen = soxr.resample(np.concatenate(noises) * PEAK, NOISE_RATE_HZ, RATE_HZ, quality="HQ")
    sound: npt.NDArray[np.int16] = np.clip(np.rint(risen), -32_768, 32_767).astype(np.int16)
    return sound


class MarkedTTS(tts.TTS[Any]):
    """Says each letter as its noise. All clauses but the first start `late_s` late and run dry for `dry_s` half-way."""

    def __init__(self, late_s: float = 0.0, dry_s: float = 0.0) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_HZ, num_channels=1)
        self.late_s = late_s
        self.dry_s = dry_s

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Return the noise of a clause."""
        return _Marked(self, text, conn_options)


class _Marked(tts.ChunkedStream):
    def __init__(self, voice: MarkedTTS, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=voice, input_text=text, conn_options=conn_options)
        self._late_s, self._dry_s = voice.late_s, voice.dry_s
        if bare(text) and bare(FIRST_CLAUSE).startswith(bare(text)):
            self._late_s = self._dry_s = 0.0

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        text = self._input_text
        output_emitter.initialize(
            request_id=f"marked-{id(self):x}", sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        sound, ends = sound_of(text), {mark.word: mark.first + LETTER_SAMPLES for mark in marks_of(text)}
        end_s = 0.0
        for number, word in enumerate(text.split()):
            end_s = ends[number] / RATE_HZ if number in ends else end_s
            output_emitter.push_timed_transcript(TimedString(word, end_time=end_s))
        await asyncio.sleep(self._late_s)
        half = len(sound) // 2
        output_emitter.push(sound[:half].tobytes())
        if self._dry_s:
            output_emitter.flush()
            await asyncio.sleep(self._dry_s)
        output_emitter.push(sound[half:].tobytes())
