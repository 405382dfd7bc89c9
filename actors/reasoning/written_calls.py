"""The tool calls that a model writes: assembled from its stream, and checked when complete. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from langchain_core.messages.tool import ToolCallChunk

from infra.agents.langchain_tools import at_place
from infra.agents.tool import Tool

MOST_CALLS = 8
"""The most calls in one message that are handled; more are refused."""
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call as it was written: `arguments` if it can be run, else `error` with what is wrong."""

    call_id: str
    """Identifies the call among the messages for the model: unique within a message."""
    name: str
    text: str
    """The arguments as they were written."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(slots=True)
class _Growing:
    """A call that is still being written."""

    index: int | None
    id: str = ""
    name: str = ""
    text: str = ""


class CallStream:
    """Assembles calls from their pieces.

    A piece belongs to the call of its index; one with another id begins a new call even there, as some servers give
    all calls the index 0.
    """

    def __init__(self) -> None:
        self._calls: list[_Growing] = []

    def feed(self, pieces: Iterable[ToolCallChunk]) -> None:
        """Add the pieces of one chunk."""
        for piece in pieces:
            index = piece.get("index")
            place = index if isinstance(index, int) else None
            name, call_id, text = piece.get("name") or "", piece.get("id") or "", piece.get("args") or ""
            call = self._continued(place, name, call_id)
            if call is None:
                call = _Growing(place)
                self._calls.append(call)
            call.id = call.id or call_id
            call.name = name if name.startswith(call.name) else call.name + name
            call.text += text

    def _continued(self, index: int | None, name: str, call_id: str) -> _Growing | None:
        """Return the call that a piece continues; None if it begins one."""
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or (call_id and call.id and call_id != call.id):
            return None
        if index is None and (name or call_id):
            return None  # without an index each is complete
        is_another = bool(name) and not call_id and bool(call.text)
        return None if is_another else call

    @property
    def is_empty(self) -> bool:
        """Whether no call has begun."""
        return not self._calls

    def calls(self, tools: Mapping[str, Tool], empty_is_none: bool = False) -> list[WrittenCall]:
        """Return the calls, checked; with `empty_is_none` the provider writes "no arguments" as an empty text."""
        times = Counter(call.id for call in self._calls)
        taken = set(times)
        checked = []
        for place, call in enumerate(self._calls):
            call_id = call.id
            if not call_id or times[call_id] > 1:
                call_id = next(name for n in range(place + 1, 10_000) if (name := f"call_{n}") not in taken)
                taken.add(call_id)
            text = "{}" if empty_is_none and not call.text.strip() else call.text
            arguments, error = _checked(call.name, text, tools)
            if call.id and times[call.id] > 1:
                error = error or f"{times[call.id]} calls have the id {call.id[:40]!r}: give each an id of its own"
            if place >= MOST_CALLS:
                error = error or f"more than {MOST_CALLS} calls at once are not run"
            name = re.sub(r"[^\w-]", "_", call.name, flags=re.ASCII)[:64] or "unnamed"
            checked.append(WrittenCall(call_id, name, call.text, {} if error else arguments, error))
        return checked


def _checked(name: str, text: str, tools: Mapping[str, Tool]) -> tuple[Mapping[str, Any], str]:
    """Return a call's arguments, or what is wrong with it as a text for the model."""
    if not name:
        return {}, "the call names no tool"
    if (tool := tools.get(name)) is None:
        return {}, f"there is no tool {name[:80]!r}; there are: {', '.join(tools) or 'none'}"
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    if not text.strip():
        return {}, "the arguments are empty: write a JSON object, {} if there are none"
    try:
        arguments = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not valid JSON ({error}): {shown}"
    if not isinstance(arguments, dict):
        return {}, f"the arguments are no JSON object: {shown}"
    if problems := _against_schema(arguments, tool.parameters):
        return {}, f"the arguments do not fit: {problems}"
    return arguments, ""


def _against_schema(arguments: Mapping[str, Any], parameters: Mapping[str, object]) -> str:
    """Return what contradicts the tool's schema; arguments that it does not name are errors."""
    schema = {"additionalProperties": False, **parameters}
    errors = sorted(Draft202012Validator(schema).iter_errors(dict(arguments)), key=lambda error: list(error.path))
    return "; ".join(at_place(error.path, error.message[:200]) for error in errors[:5])


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose names are all different. Raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"{twice[:40]!r} is there twice")
    return found
