"""Cuts an ONNX model in two at a tensor, without the `onnx` package: a model is a Protocol Buffers message.

Only the fields that a cut needs are read; everything else is copied as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_GRAPH = 7
"""Field of a model."""
_NODE, _NAME, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
"""Fields of a graph."""
_NODE_INPUT, _NODE_OUTPUT = 1, 2
_TENSOR_NAME, _VALUE_NAME = 8, 1
_FLOAT = 1
"""ONNX's number of the type."""


class CannotCut(ValueError):
    """The model is no ONNX model, or its halves are not connected by that tensor alone."""


@dataclass(frozen=True, slots=True)
class _Node:
    raw: memoryview
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class OnnxGraph:
    """A parsed model. Raises CannotCut."""

    def __init__(self, model: bytes) -> None:
        self._head: list[memoryview] = []
        self._nodes: list[_Node] = []
        self._values: dict[int, dict[str, memoryview]] = {_INITIALIZER: {}, _INPUT: {}, _OUTPUT: {}}
        try:
            for number, raw, body in _fields(memoryview(model)):
                if number == _GRAPH:
                    self._read(body)
                else:
                    self._head.append(raw)
        except (IndexError, UnicodeDecodeError) as error:
            raise CannotCut(f"this is no ONNX model: {error!r}") from error
        self._made_by = {output: place for place, node in enumerate(self._nodes) for output in node.outputs}

    def _read(self, graph: memoryview) -> None:
        for number, raw, body in _fields(graph):
            if number == _NODE:
                self._nodes.append(_Node(raw, _names(body, _NODE_INPUT), _names(body, _NODE_OUTPUT)))
            elif number in self._values:
                (name,) = _names(body, _TENSOR_NAME if number == _INITIALIZER else _VALUE_NAME) or ("",)
                self._values[number][name] = raw

    def first_input_of(self, weight: str) -> str:
        """Return the tensor that is given to the node with this weight. Raises CannotCut if there is no such node."""
        found = next((node.inputs[0] for node in self._nodes if weight in node.inputs[1:]), "")
        if not found:
            raise CannotCut(f"no node has the weight {weight}")
        return found

    def outputs(self) -> list[str]:
        """Return the names of the model's outputs."""
        return list(self._values[_OUTPUT])

    def upto(self, tensors: Sequence[str]) -> bytes:
        """Return a model that works these tensors out."""
        return self._part(tensors, from_tensor="")

    def after(self, tensor: str, outputs: Sequence[str]) -> bytes:
        """Return a model that works the outputs out from a tensor of floats. Raises CannotCut if it needs more."""
        return self._part(outputs, from_tensor=tensor)

    def _part(self, wanted: Sequence[str], from_tensor: str) -> bytes:
        nodes: set[int] = set()
        used: set[str] = set()
        open_tensors = list(wanted)
        while open_tensors:
            tensor = open_tensors.pop()
            if tensor in used or tensor in ("", from_tensor):
                continue
            used.add(tensor)
            place = self._made_by.get(tensor)
            if place is not None:
                open_tensors += self._nodes[place].inputs if place not in nodes else ()
                nodes.add(place)
            elif from_tensor and tensor in self._values[_INPUT]:
                raise CannotCut(f"what follows {from_tensor} needs {tensor}, too")
        graph = b"".join(self._nodes[place].raw for place in sorted(nodes)) + _field(_NAME, b"part")
        for kind in (_INITIALIZER, _INPUT):
            graph += b"".join(raw for name, raw in self._values[kind].items() if name in used)
        if from_tensor:
            of_floats = _field(1, bytes([1 << 3, _FLOAT]))
            graph += _field(_INPUT, _field(_VALUE_NAME, from_tensor.encode()) + _field(2, of_floats))
        for name in wanted:
            graph += self._values[_OUTPUT].get(name) or _field(_OUTPUT, _field(_VALUE_NAME, name.encode()))
        return b"".join(self._head) + _field(_GRAPH, graph)


def _names(message: memoryview, field: int) -> tuple[str, ...]:
    return tuple(str(body, "utf-8") for number, _, body in _fields(message) if number == field)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Yield each field's number, its bytes with their tag, and its content (of a fixed or varint field: empty)."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind = tag & 7
        body = at
        if kind == 2:
            length, body = _varint(message, at)
            at = body + length
        elif kind == 0:
            _, at = _varint(message, at)
            body = at
        elif kind in (1, 5):
            at = body = at + (8 if kind == 1 else 4)
        else:
            raise CannotCut(f"this is no ONNX model: a field of kind {kind}")
        if at > len(message):
            raise CannotCut("this is no ONNX model: it ends within a field")
        yield tag >> 3, message[start:at], message[body:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while message[at] > 127:
        number |= (message[at] & 127) << shift
        shift += 7
        at += 1
    return number | message[at] << shift, at + 1


def _field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | 2) + _as_varint(len(content)) + content


def _as_varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])
