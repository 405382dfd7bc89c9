"""How past exchanges are presented to a model. Pure."""

from collections.abc import Iterable

from actors.reasoning.context import shortened
from infra.memory.search import Memory

USER_CHARS, AGENT_CHARS = 400, 200
"""How much of each side of a past exchange is included."""

_BEGINNING = "Earlier conversations with this person:"
SAID, _ANSWERED = "they said:", "You answered:"


def told(memories: Iterable[Memory]) -> str:
    """Return past exchanges as a text for a model, empty if there are none."""
    lines = []
    for memory in memories:
        when = f"On {memory.at:%Y-%m-%d} " if memory.at is not None else ""
        said = f"{when}{SAID} {one_line(memory.user_text, USER_CHARS)}"
        lines.append(said[:1].upper() + said[1:])
        if memory.heard_text.strip():
            lines.append(f"{_ANSWERED} {one_line(memory.heard_text, AGENT_CHARS)}")
    return "\n".join([_BEGINNING, *lines]) if lines else ""


def one_line(text: str, chars: int) -> str:
    """Return a text as one line of at most `chars` characters."""
    return shortened(" ".join(text.split()), chars)
