"""What all replies of one copy of reasoning share."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.graph import Graph, compile_graph
from actors.reasoning.learned import KNOWN, Known, Learned, ReplyModels
from actors.reasoning.own_graph import name_of as graph_name
from actors.reasoning.session_state import Session
from infra.agents.agent import Agent
from infra.agents.live_control import ControlOf, Keypads, no_control
from infra.agents.loading import DEFAULT, Agents
from infra.agents.mcp_tools import TOLD_OF, McpServers, ToldOf
from infra.engines.llm import model_names
from infra.engines.tokens import TokenCounter
from infra.memory.response_cache import ResponseCache
from infra.session.behaviour import in_session, private_options
from infra.session.people import listed
from infra.settings import Settings
from infra.tape.tape import Tape

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Equipped:
    """An agent with all of its tools; `missing` are MCP servers whose tools it does not have, with the reason."""

    agent: Agent
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What its model is told of tools that it does not have; empty if it has all."""
        if not self.missing:
            return ""
        names = listed(tuple(sorted(self.missing)))
        return (
            f"[Your tools for {names} cannot be reached at the moment. If they are needed, say so, and promise nothing "
            "that only they can do.]"
        )


@dataclass(frozen=True, slots=True)
class Shared:
    """Engines, and what is known about them. A reply asks them through the tape of its session."""

    settings: Settings
    models: ChatModels
    backgrounds: Backgrounds
    cache: ResponseCache
    tokens: TokenCounter
    learned: Learned = field(default_factory=Learned)
    graph: Graph = field(default_factory=compile_graph)
    own: Settings | None = None
    agents: Agents = field(default_factory=lambda: Agents(built_in=BUILT_IN))
    control: ControlOf = no_control
    keypads: Keypads = field(default_factory=Keypads)
    servers: McpServers = field(default_factory=McpServers)

    def of(self, session: Session) -> Self:
        """Return the same for one session: with the behaviour that it was opened with."""
        settings, agent = in_session(self.process_settings, session.profile), self.agent_of(session)
        if agent.llm and session.profile is not None:
            # Keys and addresses of the settings' model are not those of the agent's own.
            said = json.loads(session.profile.llm_options or "{}")
            settings = settings.model_copy(update={"llm_options": private_options(agent.llm_options) | said})
        return replace(self, settings=settings, own=self.process_settings)

    @property
    def process_settings(self) -> Settings:
        """The settings of this process, also where `settings` are those of a session."""
        return self.own or self.settings

    def runs_tools_elsewhere(self, agent: Agent) -> bool:
        """Return whether an agent's tools run in processes of tools, which do not have the one that is built in."""
        return self.settings.tools == "remote" and agent.name != DEFAULT

    async def models_for(self, agent: Agent, tape: Tape, key: str) -> ReplyModels:
        """Return the models that an agent's reply asks, with what is known about them now; a graph counts as one.

        What is known is on the tape, under `key`.
        """
        names = model_names(self.settings.llm) if agent.graph is None else [graph_name(agent)]

        async def known() -> Known:
            return self.learned.about(names)

        return ReplyModels(await tape.result("models", key, names, known, KNOWN), self.learned, names)

    def agent_of(self, session: Session) -> Agent:
        """Return the agent of a session: without tools if this build has none of its name."""
        name = session.profile.agent if session.profile is not None else ""
        if (agent := self.agents.of(name)) is None:
            _warn_of_missing(name, session.session_id)
            return Agent(name=DEFAULT)
        return agent

    async def equipped(self, session: Session, tape: Tape, reply_id: str) -> Equipped:
        """Return the agent of a session with the tools that its MCP servers have told of by now, through the tape."""
        agent = self.agent_of(session)
        if not agent.mcp:
            return Equipped(agent)

        async def known() -> ToldOf:
            return ToldOf(self.servers.tools_of(agent), self.servers.missing_of(agent))

        told = await tape.result("mcp", reply_id, sorted(agent.mcp), known, TOLD_OF)
        return Equipped(replace(agent, tools=(*agent.named_tools.values(), *told.tools)), told.missing)


@lru_cache(maxsize=1000)
def _warn_of_missing(name: str, session_id: str) -> None:
    """Say once a session that this build has no such agent."""
    log.warning(
        "session %s: there is no agent %r here: it is answered without tools; name its file in DAREDEVIL_AGENTS, or as "
        "`daredevil run FILE`",
        session_id,
        name,
    )
