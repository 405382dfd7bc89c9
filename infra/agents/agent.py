"""An agent, as its author writes it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infra.agents.errors import BadAgent
from infra.agents.graph import check as check_graph
from infra.agents.guard import TIMEOUT_S, OnFailure
from infra.agents.guard import check as check_guard
from infra.agents.template import names_in
from infra.agents.tool import Tool, ToolLike, tool_of

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What all providers of models accept."""

MCP_TRANSPORTS = ("stdio", "streamable_http", "http", "sse", "websocket")
"""As langchain-mcp-adapters has them."""

NAME_RULE = "lower-case letters, digits, - and _, at most 64"


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent: what it is told, what it can do, how it speaks. What is empty is as the settings say.

    `instructions` and `greeting` are templates: `{restaurant}` is a variable that the session or `variables` gives;
    `{today}`, `{now}` and `{user}` are always there. `graph` is a compiled LangGraph graph over `messages` that answers
    instead of a model. Raises BadAgent.
    """

    name: str
    instructions: str = ""
    tools: Sequence[ToolLike] = ()
    greeting: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of the templates unless the session gives others."""
    numbers: Sequence[str] = ()
    """Telephone numbers that are called to talk with it, such as `+49 30 1234`."""
    llm: str = ""
    llm_options: Mapping[str, object] = field(default_factory=dict)
    stt: str = ""
    tts: str = ""
    voice: str = ""
    graph: Any = None
    mcp: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """MCP servers by name, as langchain-mcp-adapters takes them; `readers` names their tools that change nothing (all
    others are actions), `idempotent` the actions that may run again."""
    output_guard: Callable[..., Any] | None = None
    """Judges each clause before it is said, see `infra.agents.guard`."""
    input_guard: Callable[..., Any] | None = None
    """Judges what a person has said before it is answered."""
    guard_timeout_s: float = TIMEOUT_S
    guard_failure: OnFailure = "withhold"
    """When a guard raises or takes too long: `withhold` what was not checked and apologise, or let it `pass`."""
    filler: str = ""
    """Said in a call when tools have run for `filler_after_ms` and nothing has been said of the answer; or nothing."""
    filler_after_ms: int = 1_500
    silence_after_s: float = 0
    """After this long without a word `silence_text` is said; 0 for never."""
    silence_text: str = "Are you still there?"
    time_limit_s: float = 0
    """The call ends after this long, with `time_limit_text`; 0 for never."""
    time_limit_text: str = "I am sorry, our time is over. Goodbye."
    max_tool_rounds: int = 3
    """After this many rounds of tools in one answer the model has to answer with what it has."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadAgent(f"{self.name!r} is no name for an agent: {NAME_RULE}")
        try:
            self._check()
        except BadAgent as error:
            raise BadAgent(f"agent {self.name!r}: {error}") from error

    def _check(self) -> None:
        names_in(self.instructions)
        names_in(self.greeting)
        self._check_engines()
        for name, value in self.variables.items():
            if not isinstance(value, str):
                raise BadAgent(f"the variable {name!r} has to be a text, not {value!r}")
        if self.filler_after_ms < 0 or self.silence_after_s < 0 or self.time_limit_s < 0 or self.max_tool_rounds < 0:
            raise BadAgent("times and max_tool_rounds are at least 0")
        for name, server in self.mcp.items():
            if (transport := server.get("transport")) not in MCP_TRANSPORTS:
                known = ", ".join(MCP_TRANSPORTS)
                raise BadAgent(f"the MCP server {name!r} has the transport {transport!r}: give it one of {known}")
        self._check_code()
        _ = self.named_tools

    def _check_engines(self) -> None:
        for setting in filter(None, (self.llm, self.stt, self.tts)):
            from infra.shares import shares_of  # takes 6 ms to import: most agents name no engine

            try:
                shares_of(setting)
            except ValueError as error:
                raise BadAgent(str(error)) from error

    def _check_code(self) -> None:
        for which, guard in (("input_guard", self.input_guard), ("output_guard", self.output_guard)):
            if guard is not None:
                check_guard(guard, which)
        if self.guard_timeout_s <= 0 or self.guard_failure not in ("withhold", "pass"):
            raise BadAgent("guard_timeout_s has to be above 0, guard_failure `withhold` or `pass`")
        if self.graph is not None:
            check_graph(self.graph)
            if self.tools:
                raise BadAgent("an agent with a graph has its tools in the graph: leave out `tools`")

    @cached_property
    def named_tools(self) -> Mapping[str, Tool]:
        """What it can do, by the names that the model uses. Raises BadAgent."""
        named: dict[str, Tool] = {}
        for given in self.tools:
            tool = tool_of(given)
            if not TOOL_NAME.fullmatch(tool.name):
                raise BadAgent(f"{tool.name!r} is no name for a tool: letters, digits, - and _, at most 64")
            if tool.name in named:
                raise BadAgent(f"two tools are called {tool.name!r}")
            named[tool.name] = tool
        return named
