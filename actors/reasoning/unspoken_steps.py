"""Thoughts and actions that a model writes as plain lines: ReAct's steps, and channels without their tokens. Pure."""

import re

from actors.reasoning.unspoken_calls import MOST_CALL_CHARS
from actors.reasoning.unspoken_found import NO, WAIT, Block, Drop, Mark

_REACT = re.compile(
    r"Thought:[^\n]*\n+(?=Action:|Final Answer:)|Action:[^\n]*\n+Action Input:[^\n]*(?:\n+|$)|Final Answer:[ \t]*"
)
_OBSERVED = re.compile(r"(?:Observation|Thought):[^\n]*(?:\n+|$)")
_BEGINS_REACT = re.compile(
    r"Thought:[^\n]*(?:\n+[A-Z]?[A-Za-z ]{0,12}:?)?$|Action:[^\n]*(?:\n+[A-Za-z ]{0,12}:?[^\n]*)?$"
)
_REACT_LABELS = ("Thought:", "Action:", "Final Answer:")


def react_at(text: str, is_last: bool, in_steps: bool) -> Mark:
    """Return whether a text begins with a step of ReAct: a thought, an action and its input, a made-up observation.

    `in_steps`: there was one before.
    """
    labels = (*_REACT_LABELS, "Observation:") if in_steps else _REACT_LABELS
    if not is_last and any(label.startswith(text) for label in labels):
        return Mark(WAIT)
    step = (_OBSERVED.match(text) if in_steps else None) or _REACT.match(text)
    if step is not None and (is_last or step.end() < len(text)):
        return Mark(Drop(begins_line=True), step.end())
    if not is_last and len(text) <= MOST_CALL_CHARS and (step or _BEGINS_REACT.match(text)):
        return Mark(WAIT)
    return Mark(NO)


_BARE_CHANNEL = re.compile(r"(?:analysis|commentary)(?=[A-Z])")


def bare_channel_at(text: str, is_last: bool) -> Mark:
    """Return whether an answer begins with a harmony channel whose tokens a server has removed."""
    if (channel := _BARE_CHANNEL.match(text)) is not None:
        return Mark(Block("mark", "assistantfinal"), channel.end())
    return Mark(WAIT if not is_last and any(name.startswith(text) for name in ("analysis", "commentary")) else NO)
