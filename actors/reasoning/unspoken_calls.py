"""Tool calls that a model writes as bare JSON into its text, and where they end. Pure."""

import json
import re

from actors.reasoning.unspoken_found import NO, WAIT, BlockEnd, Drop, Mark

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


def json_end(text: str, is_last: bool) -> BlockEnd:
    """Return the end of a call in Mistral's format: `[{…}]`, `name{…}` or `name[ARGS]{…}`."""
    before = _BEFORE_JSON.match(text)
    at = before.end() if before is not None else 0
    if at == len(text) or (text[at] == "[" and re.match(r"\[[A-Z_]{0,7}$", text[at:])):
        return BlockEnd(0)
    if text[at] not in "[{":
        return BlockEnd(0, Drop()) if not text[at].isspace() else BlockEnd(0)
    length = _json_length(text[at:])
    return BlockEnd(0) if length is None else BlockEnd(at + length, Drop())


_CALL_KEYS = {"arguments", "parameters", "args", "input", "action_input", "tool_input"}
_WRAPPING_KEYS = {"tool_calls", "tool_uses", "function_call", "tool_call"}


def tool_json_at(text: str, is_last: bool) -> Mark:
    """Return whether a text begins with a call as bare JSON, as Llama writes them."""
    begun = re.match(r"(?:functools)?\[?\s*\{\s*(?:\"(?P<key>[a-z_]*)(?P<end>\")?)?", text)
    if text == "[" or (text and "functools[".startswith(text)):
        return Mark(NO if is_last else WAIT)
    if begun is None:
        return Mark(NO)
    keys = ("name", "type", "function", "tool", "tool_name", "action", "id", "arguments", "parameters", *_WRAPPING_KEYS)
    key = begun["key"] or ""
    if not any(known == key if begun["end"] else known.startswith(key) for known in keys):
        return Mark(NO)
    if not begun["end"] and begun.end() < len(text):
        return Mark(NO)
    before = len("functools") if text.startswith("functools") else 0
    length = _json_length(text[before:])
    if length is None:
        return _cut_call(text) if is_last else Mark(WAIT)
    return Mark(Drop() if _is_call(text[before : before + length]) else NO, before + length)


_CALL_IN_PYTHON = re.compile(
    r"\[\s*[a-z]\w*(?:\.\w+)*\((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*\)(?:\s*,[^\]]*)?\s*\]"
)
_BEGINS_CALL_IN_PYTHON = re.compile(r"\[\s*(?:[a-z]\w*(?:\.\w*)*(?:\(.*)?)?$", re.DOTALL)


def python_call_at(text: str, is_last: bool) -> Mark:
    """Return whether a text begins with calls as a list in Python, as Llama writes them: `[t(a="b")]`."""
    if (call := _CALL_IN_PYTHON.match(text)) is not None:
        return Mark(Drop() if "=" in call.group() or "()" in call.group() else NO, call.end())
    if _BEGINS_CALL_IN_PYTHON.match(text) is None or len(text) > MOST_CALL_CHARS:
        return Mark(NO)
    if not is_last:
        return Mark(WAIT)
    return Mark(Drop(), len(text)) if re.match(r"\[\s*[a-z]\w*\(\w+\s*=", text) else Mark(NO)


MOST_CALL_CHARS = 2000
_FENCE = re.compile(r"(?P<ticks>`{3,})[ \t]*(?P<language>[\w-]*)[ \t]*\n")
_TOOL_LANGUAGES = frozenset({"tool_code", "tool_call", "tool_calls", "tool_outputs", "tool_output", "function_call"})


def fenced_call_at(text: str, is_last: bool, is_first: bool) -> Mark:
    """Return whether a line begins a fenced block of calls: with a tool language, or at the start of the answer."""
    if not text.startswith("`"):
        return Mark(NO)
    begun = _FENCE.match(text)
    if begun is None:
        may_begin = re.match(r"`{1,2}$|`{3,}[ \t]*[\w-]{0,16}[ \t]*$", text) is not None
        return Mark(WAIT if may_begin and not is_last else NO)
    language = begun["language"].lower()
    is_tools = language in _TOOL_LANGUAGES
    if not is_tools and not (is_first and language in ("", "json")):
        return Mark(NO)
    inside = text[begun.end() :]
    end = re.search(rf"^{begun['ticks']}[ \t]*(?:\n|$)", inside, re.MULTILINE)
    if not is_tools and inside.strip() and tool_json_at(inside.lstrip(), is_last).found is NO:
        return Mark(NO)
    if end is None or (end.end() == len(inside) and not is_last and not inside.endswith("\n")):
        if not is_last:
            return Mark(WAIT)
        return Mark(Drop(), len(text)) if is_tools or _names_call(inside) else Mark(NO)
    return Mark(Drop(begins_line=True), begun.end() + end.end())


def _cut_call(text: str) -> Mark:
    return Mark(Drop(), len(text)) if _names_call(text) else Mark(NO)


def _names_call(text: str) -> bool:
    return re.search(r"\"(?:arguments|parameters|args|input|action_input|tool_calls|tool_uses)\"\s*:", text) is not None


def _is_call(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return _names_call(text)
    calls = value if isinstance(value, list) else [value]
    return bool(calls) and all(isinstance(call, dict) and _has_call(call) for call in calls)


def _has_call(call: dict[str, object]) -> bool:
    if len(call) <= 2 and set(call) & _WRAPPING_KEYS:
        return True
    inner = call.get("function")
    keys = set(call) | (set(inner) if isinstance(inner, dict) else set())
    return bool(keys & _CALL_KEYS) and bool(keys & {"name", "tool", "tool_name", "function", "action"})
