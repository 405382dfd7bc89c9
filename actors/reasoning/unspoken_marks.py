"""The marks around what models must not say, and where they begin and end in a text. Pure.

Every answer is certain however the text goes on, or it is WAIT.
"""

import re
from dataclasses import replace

from actors.reasoning.unspoken_calls import json_end
from actors.reasoning.unspoken_found import NO, WAIT, Block, BlockEnd, Drop, Found, MadeUpTurn, Mark

_THOUGHTS = frozenset(
    re.findall(
        r"\S+",
        "think thinking thought thoughts reasoning reflection scratchpad analysis deliberation inner_monologue"
        " inner_thoughts internal_monologue chain_of_thought cot reasoning_content thought_process internal_reasoning",
    )
)
_TOOLS = frozenset(
    re.findall(
        r"\S+",
        "tool_call tool_calls toolcall tool_use tool_code tool_input tool_response tool_responses tool_result"
        " tool_results tool_output tool_outputs function_call function_calls functioncall function_result"
        " function_results function_response function invoke tools tool system system_prompt system_reminder",
    )
)
_WRAPPERS = frozenset(["answer", "final_answer", "final", "response", "output"])
"""Tags around what is to be said: they are removed, the words stay."""
_TURN_TAGS = frozenset(
    re.findall(
        r"\S+",
        "start_of_turn end_of_turn bos eos pad unk s",
    )
)
_SPACES = ("", "|dsml|", "\uff5cdsml\uff5c", "seed:", "antml:", "minimax:", "mm:", "longcat_", "glm:")
"""Prefixes that some models put before the names."""
_NAMES = frozenset(space + name for space in _SPACES for name in (*_THOUGHTS, *_TOOLS, *_WRAPPERS, *_TURN_TAGS)) | {
    "details"
}
_ATTRIBUTES = r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*\s*/?"
_NAME = "(?:[|\uff5c]DSML[|\uff5c])?[A-Za-z][\\w:-]*"
_TAG = re.compile(rf"<(?P<end>/?)\s*(?P<name>{_NAME})(?P<rest>=[\w.:-]+|{_ATTRIBUTES})>")
_BEGINS_TAG = re.compile(rf"</?\s*(?P<name>{_NAME}|[|\uff5c][A-Z]{{0,4}}[|\uff5c]?)?(?P<rest>[\s=/][^<>]*)?$")
_TOKEN = re.compile("<[|\uff5c](?P<name>[^|\uff5c<>\\s]{1,48})[|\uff5c]>")
_BEGINS_TOKEN = re.compile("<[|\uff5c][^|\uff5c<>\\s]{0,48}[|\uff5c]?$")
_MOST_TAG_CHARS = 300

_BRACKETS = {
    "[TOOL_CALLS]": "json",
    "[THINK]": "[/THINK]",
    "[/THINK]": "thought-end",
    "[TOOL_RESULTS]": "[/TOOL_RESULTS]",
    "[/TOOL_RESULTS]": "",
    "[AVAILABLE_TOOLS]": "[/AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]": "",
    "<<SYS>>": "<</SYS>>",
    "<</SYS>>": "",
    "<unused94>": "<unused95>",
    "<unused95>": "thought-end",
    "<|channel>": "<channel|>",
    "<channel|>": "thought-end",
    "<|tool_call>": "<tool_call|>",
    "<tool_call|>": "",
    "<|tool_response>": "<tool_response|>",
    "<tool_response|>": "",
    "<|turn>": "\n",
    "<turn|>": "",
    "[INST]": "[/INST]",
    "[/INST]": "",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
    "\u25c1/think\u25b7": "thought-end",
}
"""Marks without attributes, with the end of their block, `json` if a value follows, or nothing if they stand alone."""

_ROLES = (
    *((own, False) for own in ("assistant", "ai assistant", "voice assistant", "ai", "bot", "chatbot", "agent")),
    *((other, True) for other in ("user", "human", "caller", "customer")),
)
_LABELS = (
    *(
        (f"{before}{role}{after}", is_other)
        for role, is_other in _ROLES
        for before, after in (("", ":"), ("**", ":**"), ("**", "**:"), ("### ", ":"), ("[", "]:"))
    ),
    ("### response:", False),
    ("### instruction:", True),
)
_TURNS = ("assistant", "model", "user", "system")
_QUOTES = "\"'\u201c\u2018\u201e\u00ab"


def mark_at(text: str, before: str, is_last: bool) -> Mark:
    """Return what begins at the first character of `text`; `before` is the text in front of it."""
    for mark, end in _BRACKETS.items():
        if text.startswith(mark):
            return Mark(_bracket(mark, end), len(mark))
        if mark.startswith(text):
            return Mark(WAIT)
    if not text.startswith("<"):
        return Mark(NO)
    if (token := _TOKEN.match(text)) is not None:
        return Mark(_token(token["name"]), token.end())
    if _BEGINS_TOKEN.match(text):
        return Mark(WAIT)
    if (tag := _TAG.match(text)) is not None:
        return _tag(tag, before, text, is_last)
    return Mark(WAIT if _may_become_tag(text) else NO)


def is_broken_mark(text: str) -> bool:
    """Return whether a text that ends here is most of a mark, and nothing else."""
    return len(text) >= 3 and not any(character.isspace() for character in text.strip())


def _bracket(mark: str, end: str) -> Found:
    if end == "json":
        return Block("json")
    if mark == "<|turn>":
        return Block("role", end)
    if end == "thought-end":
        return Drop(ends_thought=True)
    if not end:
        return Drop()
    return Block("thought") if "think" in mark.lower() else Block("mark", end)


def _may_become_tag(text: str) -> bool:
    begun = _BEGINS_TAG.match(text)
    if begun is None or len(text) > _MOST_TAG_CHARS or "\n\n" in text:
        return False
    name = _plain_name(begun["name"] or "")
    if begun["rest"] is not None:
        return name in _NAMES and name not in _WRAPPERS
    return any(known.startswith(name) for known in _NAMES)


def _plain_name(name: str) -> str:
    return name.lower().replace("-", "_")


def _bare(name: str) -> str:
    """Return a tag's name without what some models put before it."""
    plain = _plain_name(name)
    return next((plain.removeprefix(space) for space in _SPACES[1:] if plain.startswith(space)), plain)


def _tag(tag: "re.Match[str]", before: str, text: str, is_last: bool) -> Mark:
    name = _bare(tag["name"])
    if name == "details" and (tag["end"] or "reasoning" not in tag["rest"]):
        return Mark(NO)
    if _plain_name(tag["name"]) not in _NAMES or (name == "s" and not tag["end"] and before):
        return Mark(NO)
    if before and before in _QUOTES:
        if tag.end() == len(text) and not is_last:
            return Mark(WAIT)
        if text[tag.end() : tag.end() + 1] in ('"', "'", "\u201d", "\u2019", "\u201c", "\u00bb"):
            return Mark(NO)  # it is only mentioned
    if name == "start_of_turn" and not tag["end"]:
        return Mark(Block("role", "\n"), tag.end())
    is_alone = tag["end"] or tag["rest"].endswith("/") or name in _WRAPPERS or name in _TURN_TAGS
    if is_alone:
        ends_thought = bool(tag["end"]) and name in _THOUGHTS
        return Mark(Drop(ends_thought, begins_line=name in _TURN_TAGS), tag.end())
    if name in _THOUGHTS:
        return Mark(Block("thought"), tag.end())
    may_be_talk = name in ("function", "tool", "tools", "invoke", "system") and not tag["rest"].strip() and bool(before)
    return Mark(Block("tag", _plain_name(tag["name"]), is_doubtful=may_be_talk), tag.end())


def _token(name: str) -> Found:
    """Return what a special token of a chat template begins."""
    plain = name.lower().replace("\u2581", "_")
    is_end = "end" in plain.split("_") or plain.startswith(("/", "end"))
    if plain in ("user", "human", "system", "observation", "tool_response"):
        return MadeUpTurn()
    if plain == "channel":
        return Block("header")
    if plain == "start":
        return Block("role", "<|")
    if plain == "start_header_id":
        return Block("role", "<|end_header_id|>")
    if plain == "im_start":
        return Block("role", "\n")
    if plain in ("inner_prefix", "inner_suffix"):
        return Block("thought") if plain == "inner_prefix" else Drop(ends_thought=True)
    if re.search("think|thought|reason", plain):
        return Drop(ends_thought=True) if is_end else Block("thought")
    if not is_end and re.search("tool|function|action|python_tag", plain):
        return Block("tokens")
    return Drop(begins_line=True)


_THOUGHT_ENDS = re.compile(
    rf"</\s*(?:{'|'.join(map(re.escape, _SPACES[1:]))})?(?:{'|'.join(sorted(_THOUGHTS, key=len, reverse=True))})\s*>"
    r"|<\|inner_suffix\|>|\[/THINK\]|\u25c1/think\u25b7"
    "|<[|\uff5c](?:/|[^|\uff5c<>]*end[^|\uff5c<>]*)[^|\uff5c<>]*(?:think|thought|reason)[^|\uff5c<>]*[|\uff5c]>",
    re.IGNORECASE,
)
_THOUGHT_BEGINS = re.compile(rf"<(?:{'|'.join(sorted(_THOUGHTS, key=len, reverse=True))})>", re.IGNORECASE)
_TOKENS_END = re.compile(
    "<[|\uff5c](?:/?[^|\uff5c<>]*(?:(?:tool|function|action)[^|\uff5c<>]*end|end[^|\uff5c<>]*(?:tool|function|action))"
    "[^|\uff5c<>]*|/(?:tool|function|action)[^|\uff5c<>]*|eom_id|eot_id|im_end|end|call)[|\uff5c]>",
    re.IGNORECASE,
)
_CHANNEL_ENDS = re.compile(r"<\|(?P<name>end|return|call|start|channel)\|>")
_LONGEST_END = 80


def closed_by(block: Block, text: str, is_last: bool) -> BlockEnd:
    """Return how a block continues: how much of `text` belongs to it, and what ends it."""
    if block.kind == "json":
        return json_end(text, is_last)
    if block.kind == "header":
        return _header_end(text)
    if block.kind == "role":
        return _role_end(block, text, is_last)
    pattern = {
        "thought": _THOUGHT_ENDS,
        "tokens": _TOKENS_END,
        "channel": _CHANNEL_ENDS,
    }.get(block.kind) or re.compile(
        re.escape(block.name) if block.kind == "mark" else rf"</\s*{re.escape(block.name).replace('_', '[_-]')}\s*>",
        re.IGNORECASE,
    )
    end = pattern.search(text)
    if block.kind == "thought" and not block.is_assumed:
        begun = _THOUGHT_BEGINS.search(text)
        if begun is not None and (end is None or begun.start() < end.start()):
            return BlockEnd(begun.end(), replace(block, depth=block.depth + 1))
        if end is not None and block.depth:
            return BlockEnd(end.end(), replace(block, depth=block.depth - 1, is_doubtful=True))
    if end is None:
        return BlockEnd(max(0, len(text) - _LONGEST_END))
    if block.kind != "channel":
        return BlockEnd(end.end(), Drop(ends_thought=block.is_assumed))
    follows: dict[str, Found] = {"start": Block("role", "<|"), "channel": Block("header")}
    return BlockEnd(end.end(), follows.get(end["name"], Drop()))


def _header_end(text: str) -> BlockEnd:
    """Return the end of a channel's name: only the final one is for the caller."""
    name, message, _ = text.partition("<|message|>")
    if not message:
        return BlockEnd(0)
    found: Found = Drop(begins_line=True) if name.strip().startswith("final") else Block("channel")
    return BlockEnd(len(name) + len(message), found)


def _role_end(block: Block, text: str, is_last: bool) -> BlockEnd:
    """Return the end of a role's name: what other roles say is made up."""
    name, end, rest = text.partition(block.name)
    if not end and not is_last:
        return BlockEnd(0)
    if name.strip().lower().split(" ")[0] in ("user", "human", "system", "developer", "tool", "ipython"):
        return BlockEnd(len(text), MadeUpTurn())
    consumed = len(name) if end == "<|" else len(name) + len(end)
    if end == "<|":
        token = _TOKEN.match(text, consumed)
        if token is None and not is_last and len(rest) <= 48:
            return BlockEnd(0)
    return BlockEnd(consumed, Drop(begins_line=True))


def role_at(text: str, is_last: bool) -> Mark:
    """Return what a line begins with: the model's own role, or another whose turn it makes up."""
    lower = text[:40].lower()
    waits = False
    for label, is_other in _LABELS:
        if lower.startswith(label):
            return Mark(MadeUpTurn() if is_other else Drop(), len(label))
        waits = waits or (label.startswith(lower) and not is_last)
    return Mark(WAIT if waits else NO)


def bare_role_at(text: str, is_last: bool, has_said: bool) -> Mark:
    """Return whether only a role's name follows a special token on the line: a new turn, if there was one before."""
    line, end, _ = text.partition("\n")
    if line.strip().lower() in _TURNS and (end or is_last):
        return Mark(MadeUpTurn() if has_said else Drop(begins_line=True), len(line) + len(end))
    return Mark(WAIT if not end and not is_last and any(role.startswith(line.lower()) for role in _TURNS) else NO)
