"""A tool: what a model is told of it, how it runs, and what running it may change."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from infra.agents.call import Call
from infra.agents.errors import BadAgent

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

TIMEOUT_S = 15.0
BACKOFF_S = 0.5

Run: TypeAlias = Callable[[Mapping[str, object], Call], Awaitable[object]]
"""Runs a tool with the arguments that a model has written."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model sees it (`description`, `parameters` as JSON schema) and as it runs.

    A *reader* changes nothing: it runs for drafts, too, and is cancelled when the caller interrupts. An *action*
    changes the world: it waits until the turn is certain and goes on when interrupted. An `idempotent` one may run
    again with the same key if it is unknown whether it ran. What `run` raises reaches the model as text: ToolFailed
    with its message.
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    run: Run
    kind: Literal["reader", "action"] = "reader"
    idempotent: bool = False
    timeout_s: float = TIMEOUT_S
    retries: int = 0
    """How often it runs again after it failed; an action only if it is idempotent."""
    backoff_s: float = BACKOFF_S
    """Pause before the first retry; it doubles with each."""
    parallel: bool = True
    """Whether it may run while other tools of the same message do."""
    hands_over: bool = False
    """Whether it returns a Handoff, as its annotation says."""

    def __post_init__(self) -> None:
        """Raise BadAgent for limits that make no sense."""
        if self.timeout_s <= 0 or self.retries < 0 or self.backoff_s < 0:
            raise BadAgent(f"tool {self.name!r}: timeout_s has to be above 0, retries and backoff_s at least 0")
        if self.kind == "action" and self.retries and not self.idempotent:
            raise BadAgent(
                f"tool {self.name!r}: only an action that is idempotent is retried: @action(idempotent=True)"
            )

    @property
    def is_action(self) -> bool:
        """Whether it changes the world: it runs once, and never for a draft."""
        return self.kind == "action"

    def schema(self) -> dict[str, object]:
        """Return the declaration that chat models accept."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": dict(self.parameters)},
        }


ToolLike: TypeAlias = "Tool | BaseTool | Callable[..., Any]"
"""What an agent takes as a tool: one of ours, LangChain's, or a function with a docstring."""


def tool_of(given: ToolLike) -> Tool:
    """Return what an agent was given as a tool: a reader unless it is marked. Raises BadAgent."""
    if isinstance(given, Tool):
        return given
    from infra.agents.langchain_tools import tool_from  # LangChain takes 0.3 s to import

    return tool_from(given)


@overload
def action(given: ToolLike, /) -> Tool: ...
@overload
def action(
    *,
    idempotent: bool = False,
    timeout_s: float = TIMEOUT_S,
    retries: int = 0,
    backoff_s: float = BACKOFF_S,
    parallel: bool = True,
) -> Callable[[ToolLike], Tool]: ...
def action(
    given: "ToolLike | None" = None,
    /,
    *,
    idempotent: bool = False,
    timeout_s: float = TIMEOUT_S,
    retries: int = 0,
    backoff_s: float = BACKOFF_S,
    parallel: bool = True,
) -> Tool | Callable[[ToolLike], Tool]:
    """Make a tool of a LangChain tool or a function: one that changes the world. See Tool. Raises BadAgent.

    Use it with arguments (`@action(idempotent=True)`) or without (`@action`).
    """
    return _marked(
        given,
        kind="action",
        idempotent=idempotent,
        timeout_s=timeout_s,
        retries=retries,
        backoff_s=backoff_s,
        parallel=parallel,
    )


@overload
def reader(given: ToolLike, /) -> Tool: ...
@overload
def reader(
    *,
    timeout_s: float = TIMEOUT_S,
    retries: int = 0,
    backoff_s: float = BACKOFF_S,
    parallel: bool = True,
) -> Callable[[ToolLike], Tool]: ...
def reader(
    given: "ToolLike | None" = None,
    /,
    *,
    timeout_s: float = TIMEOUT_S,
    retries: int = 0,
    backoff_s: float = BACKOFF_S,
    parallel: bool = True,
) -> Tool | Callable[[ToolLike], Tool]:
    """Make a tool of a LangChain tool or a function: one that changes nothing. See Tool. Raises BadAgent.

    A tool without a mark is a reader with these defaults.
    """
    return _marked(given, kind="reader", timeout_s=timeout_s, retries=retries, backoff_s=backoff_s, parallel=parallel)


def _marked(given: "ToolLike | None", **marks: Any) -> Tool | Callable[[ToolLike], Tool]:
    def mark(tool: ToolLike) -> Tool:
        return replace(tool_of(tool), **marks)

    return mark if given is None else mark(given)


def text_of(result: object) -> str:
    """Return what a tool has returned as the text that the model reads: JSON unless it is a text."""
    if isinstance(result, str):
        return result
    from pydantic_core import to_json  # takes 40 ms to import

    return "" if result is None else to_json(result, fallback=str).decode()
