"""Conversations in which all that the actor waits for goes on in an order by chance, and what a replay makes of them.

The same seed is the same conversation: reasoning runs in a loop without threads, where nothing happens by itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import PrivateAttr

from actors.reasoning.background import Backgrounds
from actors.reasoning.chat_models import ChatModels
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.end_scoring import EndScoring, Scorer
from actors.reasoning.shared import Shared
from actors.reasoning.testing.process import Process, graph_of_all
from contracts import events as e
from contracts.journal import decode_chunk
from contracts.topology import REASONING, journal_subject
from infra.agents.loading import Agents
from infra.engines.tokens import TokenCounter
from infra.log.event_log import Appended, ExpectedSequence, Fact, StaleWriter
from infra.log.memory_log import MemoryStore
from infra.memory.response_cache import ResponseCache
from infra.process.virtual_loop import VirtualLoop
from infra.replay.actors import ReplayedActor
from infra.replay.orders import run_in_some_order
from infra.replay.reasoning import replayed_reasoning
from infra.replay.schedule import Outcome, TapedStretch
from infra.settings import Settings
from infra.tape.deliveries import Delivery
from infra.tape.live import LiveTapes
from tests.actors.reasoning.facts import SESSION, about
from tests.actors.reasoning.models import ScriptedModel

COPY = "reasoning-1"

THROUGH = 200
"""After so many steps the code has come as far as it can."""


class Gates:
    """What the actor waits for, by name. Each goes on when it is told to, in any order; `slowest` after all others."""

    def __init__(self, chance: Random, slowest: str = "") -> None:
        self.chance = chance
        self._slowest = slowest
        self._alone = 0
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def passed(self, name: str) -> None:
        """Wait until told to go on."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((name, waiting))
        await waiting

    @property
    def are_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def has(self, name: str) -> bool:
        """Return whether something of this name waits."""
        return any(name == each for each, _ in self._waiting)

    def let_one_go_on(self) -> None:
        """Let one of those that wait go on."""
        quick = [each for each in self._waiting if each[0] != self._slowest]
        self._alone = 0 if quick else self._alone + 1
        if not quick and self._alone < THROUGH:
            return
        found = self.chance.choice(quick or self._waiting)
        self._waiting.remove(found)
        if not found[1].done():
            found[1].set_result(None)


@dataclass(frozen=True, slots=True)
class _Sent:
    """An event on its way to the log."""

    event: e.Event
    expected: ExpectedSequence | None
    stored: "asyncio.Future[Appended]"


class SlowStore(MemoryStore):
    """Stores and reads at gates, and answers at others.

    As in NATS events arrive in the order in which they were sent, also those whose sender no longer waits.
    """

    def __init__(self, stored: Any, gates: Gates) -> None:
        super().__init__(stored)
        self._gates = gates
        self._sent: deque[_Sent] = deque()
        self._arriving: set[asyncio.Task[None]] = set()

    async def append_once(self, event: e.Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        if not event.appended_by:  # by others, who do not wait
            return await super().append_once(event, expected, patience_s)
        stored: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._sent.append(_Sent(event, expected, stored))
        arriving = asyncio.create_task(self._arrive(f"stored {type(event).__name__}"))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)
        appended = await stored
        await self._gates.passed("told")
        return appended

    async def _arrive(self, name: str) -> None:
        """Store the event that was sent first."""
        await self._gates.passed(name)
        sent = self._sent.popleft()
        try:
            appended = await super().append_once(sent.event, sent.expected, 1)
        except StaleWriter as stale:
            if not sent.stored.done():
                sent.stored.set_exception(stale)
        else:
            if not sent.stored.done():
                sent.stored.set_result(appended)

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        await self._gates.passed("read")
        facts = await super().facts_after(session_id, after, patience_s, subjects)
        await self._gates.passed("told")
        return facts


Script = Callable[[Sequence[BaseMessage]], Sequence[Any]]
"""Returns what a model answers to its messages."""


class SlowModel(ScriptedModel):
    """Writes each piece of its answer, and ends it, at a gate."""

    _gates: Gates = PrivateAttr()
    _script: Script = PrivateAttr()

    @classmethod
    def at(cls, gates: Gates, script: Script) -> "SlowModel":
        """Return a model that answers as `script` says."""
        model = cls()
        model._gates, model._script = gates, script
        return model

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        playing = ScriptedModel.playing(list(self._script(messages)))
        async for chunk in ScriptedModel._astream(playing, messages, *args, **kwargs):
            await self._gates.passed("model")
            yield chunk
        await self._gates.passed("model")


@dataclass(frozen=True, slots=True)
class Talk:
    """What happens in a conversation, and whom it happens to.

    The functions are given the gates at which their engines wait. `interruptions` and `freezes` (the process loses what
    it is doing) come at moments by chance, so many at most; with `stops_at` when something of this name waits.
    `slowest` is what goes on only when nothing else waits.
    """

    events: Sequence[e.Event]
    model: Callable[[Gates], ScriptedModel]
    llm: str = "fake:m0"
    agents: Callable[[Gates], Agents] = lambda gates: Agents(built_in=BUILT_IN)
    scorer: Callable[[Gates], Scorer] | None = None
    interruptions: int = 0
    freezes: int = 0
    stops_at: str = ""
    slowest: str = ""


def recorded(talk: Talk, seed: int) -> tuple[list[Fact], TapedStretch]:
    """Hold a conversation, and return what reasoning left behind."""
    loop = VirtualLoop()
    try:
        found = loop.finish(loop.create_task(_Conversation(talk, Random(seed)).held()))
    finally:
        loop.end()
    assert loop.errors == []
    return found


class _Conversation:
    def __init__(self, talk: Talk, chance: Random) -> None:
        self._talk = talk
        self._chance = chance
        self._gates = Gates(chance, talk.slowest)
        self._left = list(talk.events)
        self._pace = chance.choice([0.02, 0.05, 0.4])
        """How likely the next fact comes at each step of the code: it gets far, or not, before the next turn."""
        self._quickness = chance.choice([0.1, 0.3, 1.0])
        """How likely something that waits goes on at each step."""
        self._interruptions, self._freezes = talk.interruptions, talk.freezes
        self._chunks: list[bytes] = []
        clock = iter(range(1_000, 1_000_000_000, 1_000))
        self._tapes = LiveTapes(REASONING, COPY, "test", self._keep, lambda: next(clock), lambda: 0)
        self._store = SlowStore(self._stored, self._gates)
        scorer = talk.scorer(self._gates) if talk.scorer is not None else None
        scoring = EndScoring(scorer) if scorer is not None else None
        self._process: Process = Process(self._store, self._tapes, _shared(talk, self._gates), scoring)

    async def held(self) -> tuple[list[Fact], TapedStretch]:
        await self._process.open()
        while self._left or not self._gates.are_empty or any(not task.done() for task in self._process.tasks):
            await asyncio.sleep(0)  # the next thing happens while the code is still on its way
            await self._next()
        assert self._process.problems == []
        await self._process.close()
        await self._tapes.finish()
        return list(self._store.facts), TapedStretch(REASONING, COPY, tuple(self._deliveries()))

    async def _next(self) -> None:
        chance = self._chance.random
        if self._freezes and self._is_now(0.03):
            self._freezes -= 1
            await self._process.freeze()
        if self._interruptions and self._is_now(0.06) and (stop := self._interruption()) is not None:
            self._interruptions -= 1
            await self._store.append_once(stop, None, 1)
        if self._left and chance() < self._pace:
            await self._store.append_once(self._left.pop(0), None, 1)
        elif not self._gates.are_empty and chance() < self._quickness:
            self._gates.let_one_go_on()

    def _is_now(self, probability: float) -> bool:
        if self._talk.stops_at:
            return self._gates.has(self._talk.stops_at)
        return self._chance.random() < probability

    def _interruption(self) -> e.TurnInterrupted | None:
        """Return that somebody interrupts what is said last, if that may be heard."""
        events = [fact.event for fact in self._store.facts]
        kept = {each.reply_id for each in events if isinstance(each, e.ReplyCommitted)}
        kept |= {each.reply_id for each in events if isinstance(each, e.ReplyStarted) and not each.draft}
        over = {each.reply_id for each in events if isinstance(each, e.ReplyDiscarded | e.TurnInterrupted)}
        said = [each.reply_id for each in events if isinstance(each, e.ReplyStarted) and each.reply_id in kept - over]
        if not said or any(isinstance(each, e.SessionClosed) for each in events):
            return None
        by = next((each for each in self._left if isinstance(each, e.TurnEnded)), None)
        turn = {"turn_id": by.turn_id, "participant_id": by.participant_id} if by is not None else {}
        stop: e.TurnInterrupted = about(
            e.TurnInterrupted, said[-1], **{"turn_id": "t-last", "participant_id": "p", **turn}
        )
        return stop

    def _stored(self, fact: Fact) -> None:
        self._process.take(fact)

    async def _keep(self, _session_id: str, chunk: bytes) -> bool:
        self._chunks.append(chunk)
        return True

    def _deliveries(self) -> list[Delivery]:
        chunks = [decode_chunk(journal_subject(SESSION, REASONING), chunk) for chunk in self._chunks]
        return [each for chunk in chunks for each in chunk.deliveries]


def _shared(talk: Talk, gates: Gates) -> Shared:
    settings = Settings(llm=talk.llm)
    model = talk.model(gates)
    models = ChatModels(settings, lambda name, config: model)
    cache = ResponseCache(_nobody, ttl_s=0)
    backgrounds, tokens, agents = Backgrounds(None), TokenCounter(settings), talk.agents(gates)
    return Shared(settings, models, backgrounds, cache, tokens, graph=graph_of_all(), agents=agents)


def _nobody() -> Any:
    raise AssertionError("nobody is asked here")


def replayed(talk: Talk, facts: list[Fact], stretch: TapedStretch) -> Outcome:
    """Run the tape of a conversation again."""
    agents = talk.agents(Gates(Random(0)))
    return run_in_some_order(stretch, SESSION, facts, ReplayedActor(partial(replayed_reasoning, agents=agents)))


def assert_same(facts: list[Fact], came: Outcome) -> None:
    """Check that each fact of the copy came out again, and nothing else."""
    assert [f"{each.what} at {each.at}: {each.inputs[-4:]}" for each in came.differences] == []
    assert came.errors == []
    assert came.same == {each.sequence for each in facts if each.event.appended_by == COPY}


def assert_comes_out_the_same(talk: Talk, seed: int) -> None:
    """Hold a conversation, and check that each fact of the copy comes out again."""
    facts, stretch = recorded(talk, seed)
    assert_same(facts, replayed(talk, facts, stretch))
