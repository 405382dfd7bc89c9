"""Cutting a model in two: on models written by hand, run by ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest

from infra.engines.onnx_halves import CannotCut, OnnxGraph


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def node(kind: str, inputs: str, output: str) -> bytes:
    named = b"".join(field(1, name.encode()) for name in inputs.split())
    return field(1, named + field(2, output.encode()) + field(4, kind.encode()))


def weight(name: str, value: float) -> bytes:
    raw = np.array([value], "<f4").tobytes()
    return field(5, b"\x08\x01" + b"\x10\x01" + field(9, raw) + field(8, name.encode()))


def value(number: int, name: str) -> bytes:
    shape = field(2, field(1, field(2, b"n")))
    return field(number, field(1, name.encode()) + field(2, field(1, b"\x08\x01" + shape)))


def model(*parts: bytes) -> bytes:
    """Return a model of ONNX's version 8 with operators of version 15."""
    return b"\x08\x08" + field(7, b"".join(parts) + field(2, b"g")) + field(8, field(1, b"") + b"\x10\x0f")


CHAIN = model(
    node("Mul", "x twice", "doubled"),
    node("Add", "doubled one", "y"),
    weight("twice", 2),
    weight("one", 1),
    value(11, "x"),
    value(12, "y"),
)


def worked_out(made: bytes, **given: float) -> float:
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {name: np.array([number], np.float32) for name, number in given.items()})
    return float(result[0])


def test_the_halves_work_out_what_the_whole_does() -> None:
    graph = OnnxGraph(CHAIN)
    between = graph.first_input_of("one")
    assert between == "doubled"
    assert worked_out(CHAIN, x=5) == 11
    assert worked_out(graph.upto([between]), x=5) == 10
    assert worked_out(graph.after(between, graph.outputs()), doubled=10) == 11


def test_a_half_holds_only_the_weights_that_it_needs() -> None:
    graph = OnnxGraph(CHAIN)
    assert b"twice" not in graph.after("doubled", ["y"])
    assert b"one" not in graph.upto(["doubled"])


def test_a_second_half_that_needs_an_input_of_the_whole_cannot_be_cut_off() -> None:
    skipping = model(
        node("Mul", "x twice", "doubled"),
        node("Add", "doubled x", "y"),
        weight("twice", 2),
        value(11, "x"),
        value(12, "y"),
    )
    with pytest.raises(CannotCut, match="needs x, too"):
        OnnxGraph(skipping).after("doubled", ["y"])


@pytest.mark.parametrize("made", [CHAIN[:-1], CHAIN[:40], b"\x0b\x01", b"\xff" * 20])
def test_what_is_no_model_is_refused(made: bytes) -> None:
    with pytest.raises(CannotCut):
        OnnxGraph(made)


def test_a_weight_that_no_node_has_is_refused() -> None:
    with pytest.raises(CannotCut, match=r"no node has the weight three"):
        OnnxGraph(CHAIN).first_input_of("three")
