import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, quants
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from actors.reasoning.small_model.examples import EXAMPLES
from infra.settings import Settings
from infra.system import llm, weights
from infra.system.nats import free_port
from infra.system.weights import BLOCK, Weights, best_weights, shipped_weights, split

halves = st.floats(-100, 100, width=16)


@given(
    scale=arrays(np.float16, (3, 2, 1), elements=halves),
    low=arrays(np.float16, (3, 2, 1), elements=halves),
    pairs=arrays(np.uint8, (3, 2, BLOCK // 2)),
)
def test_a_tensor_in_two_parts_is_the_same_tensor(scale: Any, low: Any, pairs: Any) -> None:
    whole = np.concatenate([scale.view(np.uint8), low.view(np.uint8), pairs], axis=2).reshape(3, -1)
    packed, rest = split(whole)
    parts = quants.dequantize(packed, GGMLQuantizationType.Q4_0) + np.repeat(rest, BLOCK, axis=1)
    # As exact as single precision is for the numbers that are added.
    rounding = np.repeat(1e-6 * (16 * abs(scale) + abs(low)).reshape(3, -1).astype(np.float32), BLOCK, axis=1)
    assert (abs(parts - quants.dequantize(whole, GGMLQuantizationType.Q4_1)) <= rounding).all()


@pytest.mark.engines
def test_files_of_an_earlier_version_are_replaced_by_ones_that_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, rest, earlier = (tmp_path / "made" / name for name in ("fast.gguf", "rest.gguf", "earlier.gguf"))
    earlier.parent.mkdir()
    earlier.write_bytes(b"")
    for name, path in (("FAST_FILE", fast), ("REST_FILE", rest), ("_EARLIER_FILE", earlier)):
        monkeypatch.setattr(weights, name, path)
    assert best_weights() == Weights(shipped_weights()), "a half of them would be wrong"
    weights.main()
    assert set(fast.parent.iterdir()) == {fast, rest}
    assert best_weights() == Weights(fast, rest)
    _compare(shipped_weights(), fast, rest)


def _compare(shipped: Path, fast: Path, rest: Path) -> None:
    """Assert that the parts add up to what was shipped, but for the rounding of the rests."""
    fasts, rests = ({tensor.name: tensor for tensor in GGUFReader(path).tensors} for path in (fast, rest))
    for tensor in GGUFReader(shipped).tensors:
        found = fasts.pop(tensor.name)
        if tensor.tensor_type != GGMLQuantizationType.Q4_1:
            assert found.tensor_type == tensor.tensor_type
            assert np.array_equal(found.data, tensor.data)
            continue
        sums, adds = (rests.pop(f"{tensor.name}.{suffix}") for suffix in ("lora_a", "lora_b"))
        added = quants.dequantize(adds.data, adds.tensor_type) @ quants.dequantize(sums.data, sums.tensor_type)
        whole = quants.dequantize(tensor.data, tensor.tensor_type)
        lost = abs(quants.dequantize(found.data, found.tensor_type) + added - whole)
        # Half a step of 127, and a step in half precision.
        assert (lost <= abs(added).max(axis=1, keepdims=True) / 220 + 1e-5).all(), tensor.name
    assert not fasts
    assert not rests


@pytest.mark.engines
def test_the_next_words_are_as_likely_as_with_the_shipped_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for used in (best_weights(), Weights(shipped_weights())):
        monkeypatch.setattr(llm, "best_weights", lambda used=used: used)
        port = free_port()
        server = llm.serve(port)
        found.append([_next_words(port, question) for question in ("What is the capital of France?", "I am so tired.")])
        del server
    for ours, theirs in zip(*found, strict=True):
        assert max(ours, key=ours.__getitem__) == max(theirs, key=theirs.__getitem__)
        assert max(abs(ours.get(word, 0) - share) for word, share in theirs.items()) < 0.1


def _next_words(port: int, question: str) -> dict[str, float]:
    """Return how likely each beginning of an answer is."""
    messages = [{"role": "system", "content": Settings().prompt}]
    messages += [{"role": role, "content": text} for role, text in (*EXAMPLES, ("user", question))]
    prompt = _post(port, "/apply-template", {"messages": messages})["prompt"]
    asked = {"prompt": prompt, "n_predict": 1, "n_probs": 40, "temperature": 0}
    likely = _post(port, "/completion", asked)["completion_probabilities"][0]["top_logprobs"]
    return {each["token"]: float(np.exp(each["logprob"])) for each in likely}


def _post(port: int, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
