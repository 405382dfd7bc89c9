"""Opens a conversation with an agent in a test."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from langchain_core.language_models import BaseChatModel

from actors.reasoning.chat_models import MakeChatModel
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.testing.conversation import ScriptedConversation, Setting
from actors.reasoning.testing.copies import MakeTapes
from actors.reasoning.testing.judge import Judge, judge_of
from actors.reasoning.testing.person import WORD_S
from actors.reasoning.testing.script import PlayedScript, Script, ScriptedModel
from actors.reasoning.testing.stand_ins import StandIn, WatchedTools
from actors.reasoning.testing.times import RealTime, Time, VirtualTime
from contracts.events import AgentProfile
from infra.agents.agent import Agent
from infra.agents.card import card_of
from infra.agents.choosing import with_agent
from infra.agents.loading import Agents
from infra.agents.tool import ToolLike, tool_of
from infra.engines.llm import chat_model, model_names
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.settings import settings as process_settings
from infra.tape.untaped import Untaped

SCRIPTED = "test:scripted"
"""Name of the scripted model in the facts."""
AS_IN_SETTINGS = "settings"


def conversation(
    agent: Agent | Sequence[Agent] = BUILT_IN,
    model: Script | str = (),
    *,
    tools: Mapping[str, StandIn] | None = None,
    mcp: Mapping[str, Sequence[ToolLike]] | None = None,
    variables: Mapping[str, str] | None = None,
    user_id: str = "caller",
    attributes: Mapping[str, str] | None = None,
    by_text: bool = False,
    no_transfer: str = "",
    judge: Judge | str | None = None,
    now: datetime | None = None,
    settings: Mapping[str, object] | None = None,
    make_tapes: MakeTapes = Untaped,
) -> ScriptedConversation:
    """Return a conversation with an agent; of several, with the first, which may hand over to the others.

    `model` is what its model says: a script, one step for each request, or a function from messages to a step. A text
    is the name of a real model instead (`openai:gpt-…`; `settings` for the agent's own, or that of the settings): then
    time is real, and answers are heard at once. `tools` replaces tools by name. `mcp` has the tools of the
    agents' MCP servers, as none is asked: one that it does not name is away. `variables` are those of the agent's
    templates, `attributes` what the door knows about the caller. `by_text`: nobody speaks, they write. `no_transfer` is
    why `call.transfer` fails, if it is to fail. `judge` is a real model that `judged` asks, likewise. `now` is when it
    begins (default: now). `settings` are other settings than the defaults (with a real model: than the process's).
    Raises BadAgent, UnknownVariable.
    """
    agents = [agent] if isinstance(agent, Agent) else list(agent)
    is_real = isinstance(model, str)
    begin = now or datetime.now(UTC).astimezone()
    chosen = _settings(agents[0], model, settings or {})
    has_graph = any(each.graph is not None for each in agents)  # whose nodes may be no coroutines, and wait
    time: Time = RealTime() if is_real else VirtualTime(begin, with_threads=has_graph)
    played = None if isinstance(model, str) else PlayedScript(model)
    talk: list[ScriptedConversation] = []
    runs = WatchedTools(tools or {}, lambda: talk[0].die())
    served = {name: [tool_of(tool) for tool in found] for name, found in (mcp or {}).items()}
    runs.check(agents, (tool for found in served.values() for tool in found))
    setting = Setting(
        _profile(agents[0], chosen, variables or {}, begin, user_id, by_text),
        Agents({each.name: each for each in agents}, built_in=BUILT_IN),
        chosen,
        chat_model if played is None else _scripted(played),
        played,
        _judge(judge),
        user_id,
        attributes or {},
        0 if is_real or by_text else WORD_S,
        no_transfer,
        served,
        make_tapes,
    )
    talk.append(ScriptedConversation(setting, time, runs))
    return talk[0]


def _settings(agent: Agent, model: Script | str, others: Mapping[str, object]) -> Settings:
    """Return the settings: of the process for a real model, else the defaults, whatever the environment says."""
    if not isinstance(model, str):
        return Settings.model_construct(llm=SCRIPTED).model_copy(update=dict(others))
    ours = process_settings()
    name = (agent.llm or ours.llm) if model == AS_IN_SETTINGS else model
    return ours.model_copy(update={"llm": name, **others})


def _profile(
    agent: Agent, settings: Settings, variables: Mapping[str, str], begin: datetime, user_id: str, by_text: bool
) -> AgentProfile:
    card = card_of(agent).model_copy(update={"llm": ""})  # the settings name the model of the test
    profile = profile_of(settings).model_copy(update={"speaks": not by_text})
    return with_agent(profile, card, variables, begin, user_id)


def _scripted(played: PlayedScript) -> MakeChatModel:
    model = ScriptedModel.of(played)
    return lambda name, settings: model


def _judge(judge: Judge | str | None) -> Judge | None:
    if not isinstance(judge, str):
        return judge
    name = judge

    def make() -> BaseChatModel:
        ours = process_settings()
        return chat_model(model_names(ours.llm)[0] if name == AS_IN_SETTINGS else name, ours)

    return judge_of(make)
