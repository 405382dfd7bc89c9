"""A conversation with an agent in a plain test: no network, no keys, no sound, and milliseconds a turn."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels, MakeChatModel
from actors.reasoning.shared import Shared
from actors.reasoning.testing.controls import ScriptedControls
from actors.reasoning.testing.copies import Copies, MakeTapes
from actors.reasoning.testing.judge import Judge, Judgement
from actors.reasoning.testing.person import PERSON, ScriptedCaller
from actors.reasoning.testing.process import graph_of_all
from actors.reasoning.testing.script import PlayedScript
from actors.reasoning.testing.stand_ins import ToolRun, WatchedTools
from actors.reasoning.testing.times import Time
from actors.reasoning.testing.turns import TurnResult, WholeConversation
from contracts import events as e
from contracts.answers import Cause, answer
from contracts.events import AgentProfile
from contracts.requests import HANGUP
from infra.agents.loading import Agents
from infra.agents.mcp_tools import McpServers
from infra.agents.tool import Tool
from infra.engines.tokens import TokenCounter
from infra.log.event_log import Fact, now_ns
from infra.log.memory_log import MemoryStore
from infra.log.taped_log import TapedLog
from infra.memory.response_cache import ResponseCache
from infra.process.tasks import ended
from infra.settings import Settings
from infra.tape.untaped import Untaped

T = TypeVar("T")

SESSION = "conversation"


@dataclass(frozen=True, slots=True)
class Setting:
    """Who talks in a conversation, with what: the agents and their model, the person, and how the session is opened.

    `word_s` is how long a word takes to say or hear, in seconds.
    """

    profile: AgentProfile
    agents: Agents
    settings: Settings
    make_model: MakeChatModel
    played: PlayedScript | None
    judge: Judge | None
    user_id: str
    attributes: Mapping[str, str]
    word_s: float
    no_transfer: str
    served: Mapping[str, Sequence[Tool]]
    """The tools of MCP servers; a server that it does not name is away."""
    make_tapes: MakeTapes


class ScriptedConversation(WholeConversation):
    """One person and one agent. Use it in a `with` statement: it opens the session and closes it.

        with conversation(agent, model=[Say("For how many?"), CallTool("book_table", table="4"), Say("Done.")]) as talk:
            assert talk.say("A table for tonight, please.").reply == "For how many?"
            turn = talk.say("Four.")
            assert turn.tools[0].arguments == {"table": "4"}

    Everything that happened is in `facts`; of one turn, in what `say` returns. The end of the `with` block raises
    AssertionError if steps of the script are left, or if something went wrong that no fact tells.
    """

    def __init__(self, setting: Setting, time: Time, runs: WatchedTools) -> None:
        store = MemoryStore(self._stored)
        super().__init__(store)
        self._log = store
        self._setting = setting
        self._time = time
        self._runs = runs
        self._controls = ScriptedControls(TapedLog(store, Untaped("tool")), setting.no_transfer)
        by_text = not setting.profile.speaks
        self._person = ScriptedCaller(TapedLog(store, Untaped("person")), SESSION, setting.word_s, by_text)
        self._copies = Copies(store, setting.make_tapes, self._shared)

    def __enter__(self) -> Self:
        self._time.run(self._opened())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._time.run(self._closed(kind is None))
        finally:
            unnoticed = self._time.close()
        if kind is None:
            self._check_end(unnoticed)

    # -- what the person does

    def say(
        self,
        text: str,
        *,
        draft: str | None = None,
        until_words: int | None = None,
        until_tool: str = "",
        until_keys: bool = False,
    ) -> TurnResult:
        """Say a text, and return when it is answered and the answer was heard to its end.

        While the agent still speaks this interrupts it: `until_words` returns as soon as that many words of the answer
        were heard, `until_tool` as soon as that tool runs, `until_keys` as soon as a tool asks for keys. A draft is
        begun for these words before the turn has ended, as in a call; with `draft` for other words, with an empty one
        for none.
        """
        self._refuse_if_over()
        turn = TurnResult(self._log, self._person.next_turn(), text)
        self.turns.append(turn)
        until = []
        if until_words is not None:
            told = f"fewer than {until_words} words of the answer were heard"
            until.append(Until(self._person.heard_words(turn.turn_id or "", until_words), told))
        if until_tool:
            until.append(Until(self._runs.begun(until_tool), f"{until_tool} did not run"))
        if until_keys:
            until.append(Until(self._controls.are_keys_wanted_anew(), "no tool has asked for keys"))
        self._time.run(self._said(turn, text, text if draft is None else draft, until))
        self._raise_problems()
        return turn

    def press(self, keys: str, *, until_keys: bool = False) -> None:
        """Press keys of the phone for the tool that asks for them (`call.dtmf`); return when all is said and heard.

        With `until_keys` it returns as soon as a tool asks for more.
        """
        self._refuse_if_over()
        if unknown := [key for key in keys if key not in e.DTMF_KEYS]:
            raise ValueError(f"a phone has no key {unknown[0]!r}: {' '.join(e.DTMF_KEYS)}")
        self._time.run(self._pressed(keys, until_keys))
        self._raise_problems()

    def wait(self, seconds: float) -> None:
        """Let time pass; with a scripted model it passes at once."""
        self._time.run(self._waited(seconds))
        self._raise_problems()

    def finish(self) -> None:
        """Wait until everything that was begun is over."""
        self._time.run(self._quiet())
        self._raise_problems()

    def crash(self) -> None:
        """Let the process of reasoning die at once, and another take over; what was begun is then gone on with."""
        self._time.run(self._copies.crash())

    # -- what came of it

    @property
    def tool_runs(self) -> Sequence[ToolRun]:
        """Each time a tool ran: once for each call, unless a process died and it may run again."""
        return self._runs.runs

    @property
    def transfers(self) -> Sequence[str]:
        """Where tools have transferred the call to (`call.transfer`)."""
        return self._controls.transfers

    @property
    def session_id(self) -> str:
        """Its session."""
        return SESSION

    @property
    def stored(self) -> Sequence[Fact]:
        """The facts with their places in the log."""
        return self._log.facts

    @property
    def asked(self) -> Sequence[Sequence[Any]]:
        """The messages of every request to the scripted model."""
        return self._setting.played.asked if self._setting.played is not None else ()

    def judged(self, criterion: str) -> Judgement:
        """Return whether the conversation so far meets a criterion, in the opinion of the judge: a model."""
        if self._setting.judge is None:
            raise ValueError('nobody judges here: give `judge="settings"`, the name of a model, or a function')
        return self._time.run(self._setting.judge(self.transcript, criterion))

    # -- how it happens

    def _stored(self, fact: Fact) -> None:
        self._person.takes(fact)
        self._copies.take(fact)

    async def _opened(self) -> None:
        await self._copies.start()
        log, cause = TapedLog(self._log, Untaped("door")), Cause(SESSION)
        opened: dict[str, Any] = {"door": "test", "user_id": self._setting.user_id, "profile": self._setting.profile}
        await log.append(answer(cause, e.SessionOpened, time_ns=now_ns(), id_from=SESSION, **opened))
        joined: dict[str, Any] = {"participant_id": PERSON, "attributes": dict(self._setting.attributes)}
        await log.append(answer(cause, e.ParticipantJoined, time_ns=now_ns(), id_from=SESSION, **joined))
        await self._quiet()

    def _shared(self) -> Shared:
        setting = self._setting
        agents = {name: self._runs.watched(agent) for name, agent in setting.agents.by_name.items()}
        return Shared(
            setting.settings,
            ChatModels(setting.settings, setting.make_model),
            Backgrounds(None),
            ResponseCache(_no_connection, ttl_s=0),
            TokenCounter(setting.settings),
            graph=graph_of_all(),
            agents=replace(setting.agents, by_name=agents),
            control=self._controls.of,
            keypads=self._controls.keypads,
            servers=McpServers(setting.agents.by_name.values(), self._tools_at),
        )

    async def _tools_at(self, server: str, _: Mapping[str, object]) -> Sequence[Tool]:
        if server not in self._setting.served:
            raise ConnectionError("it is away: name its tools in `mcp`")
        return [self._runs.watch(tool) for tool in self._setting.served[server]]

    async def _said(self, turn: TurnResult, text: str, draft: str, until: Sequence["Until"]) -> None:
        assert turn.turn_id is not None
        waiting = [asyncio.ensure_future(each.reached) for each in until]
        try:
            await self._person.say(turn.turn_id, text, draft)
            await self._quiet(waiting)
            if waiting and not any(each.done() for each in waiting):
                raise AssertionError(f"{until[-1].told}: {turn!r}, {turn.tools}")
        finally:
            await ended(*waiting)

    async def _pressed(self, keys: str, until_keys: bool) -> None:
        wanted = asyncio.ensure_future(self._controls.are_keys_wanted())
        try:
            await self._quiet([wanted])
            if not wanted.done():
                raise AssertionError(f"no tool asks for the keys {keys}: {self.tools}")
        finally:
            await ended(wanted)
        again = [asyncio.ensure_future(self._controls.are_keys_wanted_anew())] if until_keys else []
        try:
            for key in keys:
                await self._person.press(key)
            await self._quiet(again)
            if again and not again[0].done():
                raise AssertionError(f"no tool has asked for keys again: {self.tools}")
        finally:
            await ended(*again)

    async def _quiet(self, reached: Iterable["asyncio.Future[None]"] = ()) -> None:
        """Return when nothing goes on any more, or as soon as one of `reached` is done.

        A call that a tool has ended is over when all was heard.
        """
        while going_on := self._going_on():
            await asyncio.wait({*going_on, *reached}, return_when=asyncio.FIRST_COMPLETED)
            if any(each.done() for each in reached):
                return
        wanted = self.of(e.EndRequested)
        if wanted and not self.of(e.SessionClosed):
            await self._hang_up(wanted[0].reason)

    async def _hang_up(self, reason: str) -> None:
        log, cause = TapedLog(self._log, Untaped("door")), Cause(SESSION)
        await log.append(answer(cause, e.SessionClosed, time_ns=now_ns(), id_from=SESSION, reason=reason))
        await self._quiet()

    def _going_on(self) -> "set[asyncio.Task[None]]":
        return {*self._person.tasks, *self._copies.tasks}

    async def _waited(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def die(self) -> None:
        """Begin the death of the process from within: what calls this goes no further."""
        self._copies.die()

    async def _closed(self, is_in_order: bool) -> None:
        if is_in_order:
            await self._quiet()
            if not self.of(e.SessionClosed):
                await self._hang_up(HANGUP)
        await self._copies.close()

    def _check_end(self, unnoticed: list[str]) -> None:
        self._raise_problems()
        if self._setting.played is not None and (unused := self._setting.played.unused):
            raise AssertionError(f"the model was never asked for the last {len(unused)} of its script: {unused}")
        if unnoticed:
            raise AssertionError(f"tasks failed and nobody noticed: {'; '.join(unnoticed)}")

    def _refuse_if_over(self) -> None:
        if self.of(e.SessionClosed):
            raise AssertionError(f"the call is over: a tool has ended it ({self.ended})")

    def _raise_problems(self) -> None:
        if self._setting.played is not None and self._setting.played.over is not None:
            raise self._setting.played.over
        for problem in self._copies.problems:
            raise problem


def _no_connection() -> Any:
    raise AssertionError("a test has no connection to NATS")


@dataclass(frozen=True, slots=True)
class Until:
    """What `say` returns at, and what is told if it is never `reached`."""

    reached: Coroutine[Any, Any, None]
    told: str
