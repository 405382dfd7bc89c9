"""Tool calls that a model writes as bare JSON into its text, and where they end. Pure."""

import json
import re

from actors.reasoning.unspoken_found import NO, WAIT, Drop, End, Mark

_STRING_OR_BRACE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[\[\]{}]|\"", re.DOTALL)
_BEFORE_JSON = re.compile(r"\s*(?:[\w.-]+\s*)?(?:\[(?:CALL_ID|ARGS)\][\w.-]*\s*)*")


def _json_length(text: str) -> int | None:
    """Return how long the JSON object or array at the beginning of a text is; None if its end has not come."""
    depth = 0
    for piece in _STRING_OR_BRACE.finditer(text):
        if piece[0] in "[{":
            depth += 1
        elif piece[0] in "]}":
            depth -= 1
            if depth <= 0:
                return piece.end()
        elif piece[0] == '"':
            return None  # a string that has not ended
    return None


def json_end(text: str, is_last: bool) -> End:
    """Return the end of a call in Mistral's way: `[{…}]`, `name{…}` or `name[ARGS]{…}`."""
    before = _BEFORE_JSON.match(text)
    at = before.end() if before is not None else 0
    if at == len(text) or (text[at] == "[" and re.match(r"\[[A-Z_]{0,7}$", text[at:])):
        return End(0)
    if text[at] not in "[{":
        return End(0, Drop()) if not text[at].isspace() else End(0)
    length = _json_length(text[at:])
    return End(0) if length is None else End(at + length, Drop())


_CALL_KEYS = {"arguments", "parameters", "args", "input"}


def tool_json_at(text: str, is_last: bool) -> Mark:
    """Return whether a text begins with a call as bare JSON, as Llama writes them."""
    begun = re.match(r"\[?\s*\{\s*(?:\"(?P<key>[a-z_]*)(?P<end>\")?)?", text)
    if text == "[":
        return Mark(NO if is_last else WAIT)
    if begun is None:
        return Mark(NO)
    keys = ("name", "type", "function", "tool", "tool_name")
    key = begun["key"] or ""
    if not any(known == key if begun["end"] else known.startswith(key) for known in keys):
        return Mark(NO)
    if not begun["end"] and begun.end() < len(text):
        return Mark(NO)
    length = _json_length(text)
    if length is None:
        return _cut_call(text) if is_last else Mark(WAIT)
    return Mark(Drop() if _is_call(text[:length]) else NO, length)


def _cut_call(text: str) -> Mark:
    return Mark(Drop(), len(text)) if _names_call(text) else Mark(NO)


def _names_call(text: str) -> bool:
    return re.search(r"\"(?:arguments|parameters|args|input)\"\s*:", text) is not None


def _is_call(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return _names_call(text)
    calls = value if isinstance(value, list) else [value]
    return bool(calls) and all(isinstance(call, dict) and _has_call(call) for call in calls)


def _has_call(call: dict[str, object]) -> bool:
    inner = call.get("function")
    keys = set(call) | (set(inner) if isinstance(inner, dict) else set())
    return bool(keys & _CALL_KEYS) and bool(keys & {"name", "tool", "tool_name", "function"})
