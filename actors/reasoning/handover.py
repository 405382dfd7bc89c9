"""Another agent takes the conversation over, as a tool asked: its profile, what it reads of the past, and the fact."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from langchain_core.messages import HumanMessage, SystemMessage

from actors.reasoning.context import asker_id, heard_messages, zone_of
from actors.reasoning.model_chunks import AskModel, ModelRequest
from actors.reasoning.model_stream import ModelStream
from actors.reasoning.reply_writer import Superseded
from actors.reasoning.session_log import SessionLog
from actors.reasoning.shared import Shared
from contracts import events as e
from contracts.answers import Cause, answer
from contracts.profile import AgentProfile
from infra.agents.agent import Agent
from infra.agents.card import card_of
from infra.agents.choosing import local_time, with_agent, with_share
from infra.agents.errors import BadAgent, UnknownVariable
from infra.agents.handoff import Handoff
from infra.agents.loading import Agents
from infra.agents.running import ToolResult
from infra.log.event_log import now_ns
from infra.session.behaviour import in_share, profile_of
from infra.settings import Settings
from infra.tape.tape import Packing, Plain

MOST_IN_A_REPLY = 3
"""Agents that hand over to one another without end are stopped here: the next one has to answer."""

SUMMED_UP_BY = (
    "Sum up this telephone conversation in at most five sentences for a colleague who takes it over now: who calls, "
    "what they want, what has been done and what is still open. Write only the summary."
)

ENGINES_OF_AGENT = ("prompt", "greeting", "llm", "llm_options", "tts", "tts_options", "voice")
"""What of a profile the next agent decides. Speech to text stays: a track is heard by one engine."""


class Handovers:
    """Carries out what tools of one reply return as Handoff. `say` writes a clause, in the voice of the first agent."""

    def __init__(
        self,
        log: SessionLog,
        shared: Shared,
        cause: Cause,
        reply_id: str,
        ask: Callable[[str], AskModel],
        say: Callable[[str], Awaitable[None]],
    ) -> None:
        self._log = log
        self._shared = shared
        self._cause = cause
        self._reply_id = reply_id
        self._ask = ask
        self._say = say

    async def carry_out(self, called: e.ToolCalled, handoff: Handoff, model: str) -> ToolResult:
        """Append that another agent takes over; return what the tool came to: it fails if there is no such agent.

        `model` sums the conversation up, if that is asked for.
        """
        session = self._log.session
        agent, before = self._shared.agents.of(handoff.to), session.profile
        if agent is None or before is None:
            names = ", ".join(self._shared.agents.by_name) or "none"
            return _failed(f"there is no agent {handoff.to[:80]!r}; there are: {names}")
        here = [handed for handed in session.handed_over if handed.reply_id == self._reply_id]
        if len(here) >= MOST_IN_A_REPLY:
            return _failed("the conversation was handed over often enough: answer now")
        profile, problem = await self._profile(called, handoff, agent, before)
        if profile is None:
            return _failed(problem)
        summary = await self._summary(called, model) if handoff.summary else ""
        if handoff.say.strip():
            with suppress(Superseded):  # the caller has interrupted
                await self._say(handoff.say.strip())
        reply = session.replies[self._reply_id]
        handed = await self._log.append(
            answer(
                self._cause,
                e.HandedOver,
                time_ns=now_ns(),
                id_from=called.call_id,
                reply_id=self._reply_id,
                call_id=called.call_id,
                from_agent=before.agent,
                to_agent=agent.name,
                profile=profile,
                say=handoff.say.strip(),
                summary=summary,
                first_clause=max(reply.clauses, default=-1) + 1,
            )
        )
        return ToolResult("ok", f"the conversation is handed over to {handed.to_agent}")

    async def _profile(
        self, called: e.ToolCalled, handoff: Handoff, agent: Agent, before: AgentProfile
    ) -> tuple[AgentProfile | None, str]:
        """Return the profile with the agent, or what is wrong; through the tape, as it depends on time and settings."""
        session, turn_id = self._log.session, self._cause.turn_id
        first = self._shared.agents.of(before.agent)
        given = _given(before.variables, first.variables if first is not None else {}) | dict(handoff.variables)
        user, zone = asker_id(session, turn_id), zone_of(session, turn_id)

        async def found() -> tuple[AgentProfile | None, str]:
            base = without_agent(before, self._shared.process_settings, session.session_id)
            try:
                card = card_of(agent).model_copy(update={"stt": ""})  # that of the call stays
                profile = with_agent(base, card, given, local_time(now_ns(), zone), user)
                return with_share(profile, session.session_id), ""
            except (UnknownVariable, BadAgent) as error:
                return None, str(error)

        request = {"to": agent.name, "variables": given, "user": user, "zone": zone}
        return await self._log.tape.result("handover", called.call_id, request, found, FOUND)

    async def _summary(self, called: e.ToolCalled, model: str) -> str:
        """Return the conversation as the first agent's model sums it up; empty if that fails."""
        session, turn_id = self._log.session, self._cause.turn_id
        told = heard_messages(session, turn_id, called.time_ns, self._shared.settings.turn_history)
        lines = [f"{message.role}: {message.text}" for message in told]
        lines.append(f"user: {session.replies[self._reply_id].text}")
        if session.summary is not None:
            lines.insert(0, session.summary.summary)
        request = ModelRequest(model, [SystemMessage(SUMMED_UP_BY), HumanMessage("\n".join(lines))])
        stream = ModelStream(self._ask(called.call_id), "", False)
        try:
            return "".join([text async for text in stream.texts(request)]).strip()
        except Exception:  # whatever a provider raises: the other agent reads the conversation itself
            return ""


def warnings_about(agents: Agents) -> list[str]:
    """Return what authors may not expect of their agents: a handover leaves the speech to text of the call."""
    if not any(tool.hands_over for agent in agents.by_name.values() for tool in agent.named_tools.values()):
        return []
    return [
        f"agent {agent.name!r}: its own speech to text ({agent.stt}) is for calls that begin with it: "
        "one that is handed over to it keeps the engine that hears the call"
        for agent in agents.by_name.values()
        if agent.stt
    ]


def without_agent(profile: AgentProfile, settings: Settings, session_id: str) -> AgentProfile:
    """Return a profile with what the settings say in place of what its agent said."""
    said = profile_of(in_share(settings, session_id))
    return profile.model_copy(update={name: getattr(said, name) for name in ENGINES_OF_AGENT} | {"variables": {}})


def takes_over(handed: e.HandedOver) -> str:
    """Return what the model of the other agent is told besides its instructions."""
    said = f' and said to the caller: "{handed.say}"' if handed.say else ""
    by = f" by the agent {handed.from_agent}" if handed.from_agent else ""
    return f"[This conversation was handed over to you{by} just now{said}. Go on with it, without a greeting.]"


def _given(variables: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the session itself gave: those that are not the first agent's own values."""
    return {name: value for name, value in variables.items() if defaults.get(name) != value}


def _failed(error: str) -> ToolResult:
    return ToolResult("failed", error=error)


def _packed(found: tuple[AgentProfile | None, str]) -> Plain:
    profile, problem = found
    return [profile.model_dump(mode="json") if profile is not None else None, problem]


def _unpacked(packed: Plain) -> tuple[AgentProfile | None, str]:
    profile, problem = packed
    return (AgentProfile.model_validate(profile) if profile is not None else None), problem


FOUND: Packing[tuple[AgentProfile | None, str]] = Packing(_packed, _unpacked)
