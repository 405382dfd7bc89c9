"""Guards: functions of an agent that judge what people say and what the agent is about to say."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from infra.agents.call import Call
from infra.agents.errors import BadAgent

TIMEOUT_S = 2.0

OnFailure: TypeAlias = Literal["withhold", "pass"]
"""What happens to words that could not be checked, because the guard raised or took too long."""


@dataclass(frozen=True, slots=True)
class Drop:
    """These words are left out. A dropped turn is not answered, and no model reads it."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Other words take their place: the model reads them, or the agent says them."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent says this instead of an answer, or of the rest of it."""

    text: str


Verdict: TypeAlias = Drop | Replace | Answer | None
"""What a guard returns: None lets the words pass."""

GuardFunction: TypeAlias = Callable[..., Verdict | Awaitable[Verdict]]
"""`def guard(text: str)` or `def guard(text: str, call: Call)`, also `async`."""


class GuardFailed(RuntimeError):
    """The guard raised, took too long, or returned no verdict."""


def name_of(guard: GuardFunction) -> str:
    """Return the name by which facts tell a guard."""
    return str(getattr(guard, "__qualname__", type(guard).__qualname__))


def check(guard: GuardFunction, which: str) -> None:
    """Raise BadAgent if it cannot be called with a text, or with a text and the call."""
    if not callable(guard):
        raise BadAgent(f"{which} has to be a function, not {guard!r}")
    try:
        takes = inspect.signature(guard)
    except (TypeError, ValueError):  # one written in C tells nothing
        return
    try:
        takes.bind(*arguments_for(guard, "", Call("")))
    except TypeError as error:
        raise BadAgent(f"{which} {name_of(guard)} has to take a text, or a text and the call: {error}") from error


def arguments_for(guard: GuardFunction, text: str, call: Call) -> tuple[Any, ...]:
    """Return what a guard is called with: the text, and the call if it takes that."""
    try:
        takes = inspect.signature(guard).parameters.values()
    except (TypeError, ValueError):
        return (text,)
    places = [each for each in takes if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    wants_call = len(places) > 1 and (places[1].default is places[1].empty or places[1].annotation in (Call, "Call"))
    return (text, call) if wants_call else (text,)
