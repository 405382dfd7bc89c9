"""Graphs of LangGraph that answer instead of a model: which can be used."""

from typing import Any

from infra.agents.errors import BadAgent

MESSAGES = "messages"


def check(graph: Any) -> None:
    """Raise BadAgent if it is no compiled graph over `messages`, or keeps a memory of its own."""
    if not callable(getattr(graph, "astream", None)):
        missing = "call `.compile()` on it" if callable(getattr(graph, "compile", None)) else f"not {graph!r}"
        raise BadAgent(f"graph has to be a compiled graph of LangGraph: {missing}")
    channels = getattr(graph, "channels", None)
    if not isinstance(channels, dict) or MESSAGES not in channels:
        known = sorted(name for name in channels or () if name.isidentifier() and not name.startswith("__"))
        has = f"it has {', '.join(known)}" if known else "it has no state that is known"
        raise BadAgent(f"graph has no `{MESSAGES}` in its state, which is what is said to it: {has}")
    if getattr(graph, "checkpointer", None):
        raise BadAgent("graph has a checkpointer: compile it without one, the log is its memory")
