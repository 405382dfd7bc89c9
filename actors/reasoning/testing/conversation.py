"""A conversation with an agent in a plain test: no network, no keys, no sound, and milliseconds a turn."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels, MakeChatModel
from actors.reasoning.shared import Shared
from actors.reasoning.testing.judge import Judge, Judgement
from actors.reasoning.testing.person import PERSON, ScriptedCaller
from actors.reasoning.testing.process import Process, graph_of_all
from actors.reasoning.testing.script import PlayedScript
from actors.reasoning.testing.stand_ins import ToolRun, WatchedTools
from actors.reasoning.testing.times import Time
from actors.reasoning.testing.turns import Facts, TurnResult
from contracts import events as e
from contracts.answers import Cause, answer
from contracts.events import AgentProfile
from contracts.topology import REASONING
from infra.agents.loading import Agents
from infra.engines.tokens import TokenCounter
from infra.log.event_log import Fact, now_ns
from infra.log.memory_log import MemoryStore
from infra.log.taped_log import TapedLog
from infra.memory.response_cache import ResponseCache
from infra.settings import Settings
from infra.tape.tape import Tapes
from infra.tape.untaped import Untaped

T = TypeVar("T")

SESSION = "conversation"
GREETING = "greeting"
TAKEN_OVER_S = 3.0
"""Time until another process gets what a dead one held, as JetStream has it."""

MakeTapes = Callable[[str], Tapes]
"""Returns the tapes of a process, by its name."""


class ScriptedConversation(Facts):
    """One person and one agent. Use it in a `with` statement: it opens the session and closes it.

        with conversation(agent, model=[Say("For how many?"), CallTool("book_table", table="4"), Say("Done.")]) as talk:
            assert talk.say("A table for tonight, please.").reply == "For how many?"
            turn = talk.say("Four.")
            assert turn.tools[0].arguments == {"table": "4"}

    Everything that happened is in `facts`; of one turn, in what `say` returns. The end of the `with` block raises
    AssertionError if steps of the script are left, or if something went wrong that no fact tells.
    """

    def __init__(
        self,
        profile: AgentProfile,
        agents: Agents,
        settings: Settings,
        make_model: MakeChatModel,
        time: Time,
        runs: WatchedTools,
        played: PlayedScript | None,
        judge: Judge | None,
        user_id: str,
        attributes: Mapping[str, str],
        word_s: float,
        make_tapes: MakeTapes = Untaped,
    ) -> None:
        store = MemoryStore(self._stored)
        super().__init__(store)
        self._log = store
        self._profile = profile
        self._agents = agents
        self._settings = settings
        self._make_model = make_model
        self._time = time
        self._runs = runs
        self._played = played
        self._judge = judge
        self._user_id = user_id
        self._attributes = attributes
        self._make_tapes = make_tapes
        self._person = ScriptedCaller(TapedLog(store, Untaped("person")), SESSION, word_s, not profile.speaks)
        self._processes: list[Process] = []
        self._deaths: set[asyncio.Task[None]] = set()
        self.turns: list[TurnResult] = []
        """What came of each turn of the person."""

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
        self, text: str, *, draft: str | None = None, until_words: int | None = None, until_tool: str = ""
    ) -> TurnResult:
        """Say a text, and return when it is answered and the answer was heard to its end.

        While the agent still speaks this interrupts it: `until_words` returns as soon as that many words of the answer
        were heard, `until_tool` as soon as that tool runs. A draft is begun for these words before the turn has
        ended, as in a call; with `draft` for other words, with an empty one for none.
        """
        turn = TurnResult(self._log, self._person.next_turn(), text)
        self.turns.append(turn)
        drafted = text if draft is None else draft
        self._time.run(self._said(turn, text, drafted, until_words, until_tool))
        self._raise_problems()
        return turn

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
        self._time.run(self._crashed())

    # -- what came of it

    @property
    def greeting(self) -> str:
        """What the agent said first."""
        turns = {turn.turn_id for turn in self.turns}
        begun = [event.turn_id for event in self.of(e.ReplyStarted) if event.turn_id not in turns]
        return Facts(self._log, begun[0]).reply if begun else ""

    @property
    def tool_runs(self) -> Sequence[ToolRun]:
        """Each time a tool ran: once for each call, unless a process died and it may run again."""
        return self._runs.runs

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
        return self._played.asked if self._played is not None else ()

    def judged(self, criterion: str) -> Judgement:
        """Return whether the conversation so far meets a criterion, in the opinion of the judge: a model."""
        if self._judge is None:
            raise ValueError('nobody judges here: give `judge="settings"`, the name of a model, or a function')
        return self._time.run(self._judge(self.transcript, criterion))

    @property
    def transcript(self) -> str:
        """What was said and heard, line by line."""
        lines = [f"Agent: {self.greeting}"] if self.greeting else []
        for turn in self.turns:
            lines += [f"Person: {turn.said}", *(f"[{call}]" for call in turn.tools)]
            lines += [f"Agent: {turn.heard}"] if turn.heard else []
        return "\n".join(lines)

    # -- how it happens

    def _stored(self, fact: Fact) -> None:
        self._person.takes(fact)
        for process in self._processes[-1:]:
            process.take(fact)

    async def _opened(self) -> None:
        await self._started()
        log, cause = TapedLog(self._log, Untaped("door")), Cause(SESSION)
        opened: dict[str, Any] = {"door": "test", "user_id": self._user_id, "profile": self._profile}
        await log.append(answer(cause, e.SessionOpened, time_ns=now_ns(), id_from=SESSION, **opened))
        joined: dict[str, Any] = {"participant_id": PERSON, "attributes": dict(self._attributes)}
        await log.append(answer(cause, e.ParticipantJoined, time_ns=now_ns(), id_from=SESSION, **joined))
        await self._quiet()

    async def _started(self) -> None:
        tapes = self._make_tapes(f"{REASONING}-{len(self._processes)}")
        process = Process(self._log, tapes, self._shared())
        await process.open()
        self._processes.append(process)

    def _shared(self) -> Shared:
        settings = self._settings
        cache = ResponseCache(_no_connection, ttl_s=0)
        models = ChatModels(settings, self._make_model)
        return Shared(
            settings,
            models,
            Backgrounds(None),
            cache,
            TokenCounter(settings),
            graph=graph_of_all(),
            agents=replace(self._agents, by_name={n: self._runs.watched(a) for n, a in self._agents.by_name.items()}),
        )

    async def _said(self, turn: TurnResult, text: str, draft: str, words: int | None, tool: str) -> None:
        assert turn.turn_id is not None
        reached: list[Coroutine[Any, Any, None]] = []
        if words is not None:
            reached.append(self._person.heard_words(turn.turn_id, words))
        if tool:
            reached.append(self._runs.begun(tool))
        waiting = [asyncio.ensure_future(each) for each in reached]
        try:
            await self._person.say(turn.turn_id, text, draft)
            await self._quiet(waiting)
            if waiting and not any(each.done() for each in waiting):
                what = f"{tool} did not run" if tool else f"fewer than {words} words of the answer were heard"
                raise AssertionError(f"{what}: {turn!r}, {turn.tools}")
        finally:
            for each in waiting:
                each.cancel()

    async def _quiet(self, reached: Iterable["asyncio.Future[None]"] = ()) -> None:
        """Return when nothing goes on any more, or as soon as one of `reached` is done."""
        while going_on := self._going_on():
            await asyncio.wait({*going_on, *reached}, return_when=asyncio.FIRST_COMPLETED)
            if any(each.done() for each in reached):
                return

    def _going_on(self) -> "set[asyncio.Task[None]]":
        return {*self._person.tasks, *self._deaths, *self._processes[-1].tasks}

    async def _waited(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _crashed(self) -> None:
        self.die()
        await asyncio.gather(*self._deaths)

    def die(self) -> None:
        """Begin the death of the process from within: what calls this goes no further."""
        self._processes[-1].die()
        death = asyncio.get_running_loop().create_task(self._taken_over())
        self._deaths.add(death)
        death.add_done_callback(self._deaths.discard)

    async def _taken_over(self) -> None:
        dead = self._processes[-1]
        await dead.buried()
        await asyncio.sleep(TAKEN_OVER_S)
        await self._started()
        for fact in dead.unhandled:
            self._processes[-1].deliver(fact)

    async def _closed(self, is_in_order: bool) -> None:
        if is_in_order:
            await self._quiet()
            log, cause = TapedLog(self._log, Untaped("door")), Cause(SESSION)
            await log.append(answer(cause, e.SessionClosed, time_ns=now_ns(), id_from=SESSION, reason="hangup"))
            await self._quiet()
        for process in self._processes:
            with contextlib.suppress(Exception):
                await process.close()

    def _check_end(self, unnoticed: list[str]) -> None:
        self._raise_problems()
        if self._played is not None and (unused := self._played.unused):
            raise AssertionError(f"the model was never asked for the last {len(unused)} of its script: {unused}")
        if unnoticed:
            raise AssertionError(f"tasks failed and nobody noticed: {'; '.join(unnoticed)}")

    def _raise_problems(self) -> None:
        if self._played is not None and self._played.over is not None:
            raise self._played.over
        for process in self._processes:
            for problem in process.problems:
                raise problem


def _no_connection() -> Any:
    raise AssertionError("a test has no connection to NATS")
