"""The model of a Piper voice, whose sound can be made in parts.

The model has two halves: one works out what is heard when, as frames of about 12 ms, and the other makes sound of
frames. The second looks only a few frames around each, so a part of the sound is the same whether it is made alone or
with the rest: there is no seam. What is heard first need not wait for the rest.

The only module that imports `piper`, which is GPL-3.0.
"""

import errno
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from piper import PiperVoice
from piper.config import PiperConfig

from infra.engines.onnx_halves import CannotCut, OnnxGraph

Samples = NDArray[np.float32]
Frames = NDArray[np.float32]

SECOND_HALF = "dec.conv_pre.weight"
"""The weight that stands first in the half which makes sound, in every voice that Piper's trainer exports."""

CONTEXTS = (10, 13, 16, 20)
"""How many frames around a part may matter: voices of medium quality need 10, those of high quality 13."""
SAME = 1e-4
"""Parts that differ by less from the whole are the same: an int16 sample has steps of 3e-5."""
TRIED_IDS = 40


class UnusableVoice(ValueError):
    """A file is not a Piper voice; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """One text in a model that cannot be cut: its sound is made at once.

    `id_samples` is how many samples each id of a phoneme takes; None if the model does not tell.
    """

    made: Samples
    id_samples: NDArray[np.int64] | None
    frame_samples: int
    context: int | None = None

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.made) // self.frame_samples

    def sound(self, start: int, end: int) -> Samples:
        """Return the sound of these frames."""
        return self.made[start * self.frame_samples : end * self.frame_samples]


@dataclass(frozen=True, slots=True)
class HalvedRun:
    """One text in a model that is cut: the sound of its frames is made when it is asked for.

    `context` is how many frames around a part are made again for it.
    """

    latents: Frames
    id_samples: NDArray[np.int64] | None
    frame_samples: int
    context: int
    second: onnxruntime.InferenceSession

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return int(self.latents.shape[2])

    def sound(self, start: int, end: int) -> Samples:
        """Return the sound of these frames; blocks while it is made."""
        first, last = max(0, start - self.context), min(self.frames, end + self.context)
        made = _sound_of(self.second, self.latents[:, :, first:last])
        return made[(start - first) * self.frame_samples : (end - first) * self.frame_samples]


Run = WholeRun | HalvedRun


class VoiceModel:
    """A voice of a file, with its settings in `FILE.json` beside it. Raises UnusableVoice.

    Without duration noise the same text always has the same length and word ends: lost sound can be synthesised again.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._load(path)
        except OSError as error:
            missing = error.filename or path
            raise UnusableVoice(f"the voice {path} cannot be used: {missing}: {error.strerror or error}") from error
        except Exception as error:  # ONNX Runtime has its own exceptions, and a file can be wrong in many ways
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise UnusableVoice(f"{path} is not a Piper voice: {type(error).__name__}: {first}") from error

    def _load(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self.config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text(encoding="utf-8")))
        model = path.read_bytes()
        self._second: onnxruntime.InferenceSession | None = None
        try:
            first, second = halves(model)
            self._first, self._second = _session(first), _session(second)
        except CannotCut:
            self._first = _session(with_duration_output(model))
        self._voice = PiperVoice(session=self._first, config=self.config)
        self._context = self._least_context() if self._second is not None else None
        if self._second is not None and self._context is None:
            self._first, self._second = _session(with_duration_output(model)), None

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the sound."""
        return self.config.sample_rate

    @property
    def frame_samples(self) -> int:
        """Samples in a frame."""
        return self.config.hop_length

    @property
    def ids(self) -> Mapping[str, list[int]]:
        """The ids of each phoneme."""
        return {phoneme: list(ids) for phoneme, ids in self.config.phoneme_id_map.items()}

    def phonemes(self, text: str) -> list[list[str]]:
        """Return the phonemes of a text, for each of what espeak takes for a sentence."""
        return self._voice.phonemize(text)

    def run(self, phonemes: list[str]) -> Run:
        """Return a text's run through the model; blocks."""
        made = self._first.run(None, self._inputs(self._voice.phonemes_to_ids(phonemes)))
        id_samples = (made[1].squeeze() * self.frame_samples).astype(np.int64) if len(made) > 1 else None
        if self._second is None or self._context is None:
            return WholeRun(made[0].reshape(-1), id_samples, self.frame_samples)
        return HalvedRun(made[0], id_samples, self.frame_samples, self._context, self._second)

    def _inputs(self, ids: list[int]) -> dict[str, NDArray[np.int64] | NDArray[np.float32]]:
        config = self.config
        inputs: dict[str, NDArray[np.int64] | NDArray[np.float32]] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([config.noise_scale, config.length_scale, 0.0], np.float32),
        }
        if config.num_speakers > 1:
            inputs["sid"] = np.array([config.default_speaker_id], np.int64)
        return inputs

    def _least_context(self) -> int | None:
        """Return how many frames around a part matter, found by trying; None if it is not one of `CONTEXTS`."""
        assert self._second is not None
        known = [number for ids in list(self.config.phoneme_id_map.values())[:TRIED_IDS] for number in ids]
        latents = self._first.run(None, self._inputs(known))[0]
        frames = int(latents.shape[2])
        whole = _sound_of(self._second, latents)
        if len(whole) != frames * self.frame_samples:
            return None
        start, end = frames // 2 - 2, frames // 2 + 2
        expected = whole[start * self.frame_samples : end * self.frame_samples]
        for context in CONTEXTS:
            if start > context:
                part = HalvedRun(latents, None, self.frame_samples, context, self._second).sound(start, end)
                if float(np.max(np.abs(part - expected))) < SAME:
                    return context
        return None


def _sound_of(second: onnxruntime.InferenceSession, latents: Frames) -> Samples:
    (made,) = second.run(None, {second.get_inputs()[0].name: latents})
    sound: Samples = made.reshape(-1)
    return sound


def halves(model: bytes) -> tuple[bytes, bytes]:
    """Return the half of a voice model that works frames (and durations) out, and the half that makes sound of them.

    Raises CannotCut, as for voices of several speakers, whose second half is given the speaker, too.
    """
    graph = OnnxGraph(model)
    between = graph.first_input_of(SECOND_HALF)
    durations = [durations_in(model)] if durations_in(model) else []
    return graph.upto([between, *durations]), graph.after(between, graph.outputs())


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One thread without spinning costs far less CPU than two, and does not stall the other engines.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # lengths differ from run to run
    options.log_severity_level = 3
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        # From a file: a session created from bytes keeps another 60 MB.
        file.write(model)
        file.flush()
        return onnxruntime.InferenceSession(file.name, options, providers=["CPUExecutionProvider"])


_CEIL_NODE = re.compile(rb'\x12([\x01-\x7f])([ -~]{1,127})(?:\x1a[\x01-\x7f][ -~]{1,127})?"\x04Ceil')


def durations_in(model: bytes) -> str:
    """Return the tensor of a voice model with the frames of each phoneme id: the output of its only Ceil node.

    Empty if there is none.
    """
    names = {found[2] for found in _CEIL_NODE.finditer(model) if len(found[2]) == found[1][0]}
    return names.pop().decode() if len(names) == 1 else ""


def with_duration_output(model: bytes) -> bytes:
    """Return a voice model that also outputs the frames of each phoneme id; the same model if it has no such tensor.

    Protocol Buffers merge a message field that occurs twice, so an appended graph with one output adds that output;
    the `onnx` package is not needed.
    """
    name = durations_in(model).encode()
    if not name:
        return model
    value = b"\x0a" + bytes([len(name)]) + name
    graph = b"\x62" + bytes([len(value)]) + value
    return model + b"\x3a" + bytes([len(graph)]) + graph
