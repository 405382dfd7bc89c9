"""Handing a conversation over to another agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Handoff:
    """Returned by a tool: from here on the agent `to` has the conversation.

    `say` is spoken first, in the voice of the agent that hands over. With `summary` the other agent reads what was said
    summed up, otherwise all of it. `variables` are added to those of the session, for its instructions and greeting.
    """

    to: str
    say: str = ""
    summary: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
