"""Calls of tools while their processes are killed and callers interrupt: what ran twice, what is lost."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faststream.nats import NatsBroker
from nats.errors import TimeoutError as NoAnswer

from contracts import events as e
from contracts.codec import Undecodable, decode
from contracts.profile import AgentProfile
from contracts.topology import REASONING, TOOLS, health_subject, live_event_subject
from infra.bench.order_ledger import OrderLedger
from infra.bench.statistics import percentile
from infra.bench.tools_agent import AGENT, MODEL
from infra.log.broker import make_broker
from infra.log.connection import connection
from infra.log.event_log import append, history, now_ns
from infra.session.tool_calls import ToolCall, tool_calls
from infra.settings import settings
from infra.system.own_nats import own_nats
from infra.system.processes import ForkServerClient, Running

COPIES = 2
"""Of each process that is killed."""

AT_A_TIME = 24
"""Calls in progress at a time."""

START_S = 60.0
REPLY_S = 120.0
"""Longest wait for an answer: a copy that is killed is missed after 3 s, and may be killed again meanwhile."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is tried: with `remote`, tools run in processes of their own, which are killed, too."""

    calls: int
    kills: int
    interruptions: int
    remote: bool = False

    @property
    def processes(self) -> tuple[str, ...]:
        """The processes that are killed."""
        return (REASONING, TOOLS) if self.remote else (REASONING,)


@dataclass(frozen=True, slots=True)
class ToolFigures:
    """What came of the calls. All lists hold orders; those that are not empty say what is wrong.

    `unknown`: nobody knows whether they took effect, and the log and the model are told so. `again`: idempotent, they
    ran again with the same key. `lost`: they took effect, and neither a result nor `unknown` is in the log, or the
    model was not given it in the next turn. `own_ms`: from the end of the model's call of a tool that takes no time to
    the next question to the model. `import_cpu_ms`, `turns_cpu_s`, `tool_turns_cpu_s`: processor time of importing what
    an agent is written with, and of conversation tests, without and with a tool in each turn.
    """

    calls: int
    kills: int
    interruptions: int
    unknown: int
    again: int
    own_ms_p50: float
    own_ms_p95: float
    seconds: float
    run_twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    import_cpu_ms: float = 0
    turns_cpu_s: float = 0
    tool_turns_cpu_s: float = 0

    @property
    def is_good(self) -> bool:
        """Whether everything ran once and nothing is lost."""
        return not (self.run_twice or self.lost or self.unanswered)


async def measure_tools(folder: Path, environment: Mapping[str, str], amounts: Amounts, report: Report) -> ToolFigures:
    """Have actions called while their processes are killed, then while callers interrupt, then readers.

    It runs a log and two copies of each process of its own, with their data in `folder`. Raises RuntimeError if they do
    not start, nats errors.
    """
    began_s = time.monotonic()
    async with own_nats(folder) as log:
        told = {
            **environment,
            "DAREDEVIL_NATS_URL": log.url,
            "DAREDEVIL_DATA_DIR": str(folder),
            "DAREDEVIL_AGENTS": "infra.bench.tools_agent",
            "DAREDEVIL_LLM": MODEL,
            "DAREDEVIL_TOOLS": "remote" if amounts.remote else "local",
            "DAREDEVIL_RESPONSE_CACHE_TTL_S": "0",
            "BENCH_LEDGER": str(folder / "ledger"),
        }
        os.environ["DAREDEVIL_NATS_URL"] = log.url  # brokers of this process find the log by it
        settings.cache_clear()
        broker = make_broker("bench-tools")
        await broker.connect()
        bench = _Bench(broker, told, folder, amounts.processes)
        try:
            await bench.start()
            await bench.ordered([f"k{n}" for n in range(amounts.calls)], amounts.kills, report)
            await bench.interrupted([f"i{n}" for n in range(amounts.interruptions)], report)
            await bench.timed(60)
            figures = await bench.figures(amounts, time.monotonic() - began_s)
        finally:
            await bench.stop()
            await broker.stop()
    return figures


class _Bench:
    """The copies under test, and callers who say one thing after another."""

    def __init__(
        self, broker: NatsBroker, environment: Mapping[str, str], folder: Path, processes: tuple[str, ...]
    ) -> None:
        self._processes = processes * COPIES
        self._broker = broker
        self._environment = environment
        self._folder = folder
        self._forks = ForkServerClient(environment, folder / "forks.log")
        self._copies: list[Running] = []
        self._chance = random.Random(7)
        self._waiting: dict[tuple[str, str], asyncio.Future[e.Event]] = {}
        self._unanswered: list[str] = []
        self._over = 0
        self._one_is_over = asyncio.Condition()

    async def start(self) -> None:
        """Start the copies, and listen."""
        for event_class in (e.ReplyCompleted, e.ToolCalled):
            await connection(self._broker).subscribe(live_event_subject(event_class), cb=self._heard)
        self._copies = [await self._copy(process) for process in self._processes]

    async def stop(self) -> None:
        """End the copies."""
        for copy in self._copies:
            copy.send(signal.SIGKILL)
        await self._forks.stop()

    async def _copy(self, process: str, **more: str) -> Running:
        environment, log = {**self._environment, **more}, self._folder / f"{process}.log"
        return await self._forks.fork(process, f"actors.{process}:app", "infra.log.inbox", environment, log)

    async def _is_up(self, process: str, copy: Running) -> None:
        """Wait until a copy answers that it is up. Raises TimeoutError."""
        nc = connection(self._broker)
        answers = await nc.subscribe(inbox := nc.new_inbox())
        try:
            async with asyncio.timeout(START_S):
                while True:
                    await nc.publish(health_subject(process), b"", reply=inbox)
                    with contextlib.suppress(NoAnswer):
                        while int((await answers.next_msg(timeout=0.2)).data or 0) != copy.pid:
                            pass
                        return
        finally:
            await answers.unsubscribe()

    async def _heard(self, message: Any) -> None:
        try:
            event = decode(message.subject, message.data)
        except Undecodable:
            return
        waiting = self._waiting.get((event.session_id, f"{type(event).__name__} {event.turn_id}"))
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _awaiting(self, session: str, event_class: type[e.Event], turn: str) -> "asyncio.Future[e.Event]":
        future: asyncio.Future[e.Event] = asyncio.get_running_loop().create_future()
        self._waiting[session, f"{event_class.__name__} {turn}"] = future
        return future

    async def _open(self, session: str) -> None:
        profile = AgentProfile(agent=AGENT, prompt="Take orders.", llm=MODEL, stt="local", tts="local", speaks=False)
        common: dict[str, Any] = {"session_id": session, "time_ns": now_ns()}
        opened = e.SessionOpened(event_id=f"{session}-open", door="bench", user_id="", profile=profile, **common)
        await append(self._broker, opened)

    async def _say(self, session: str, turn: str, text: str) -> None:
        fields: dict[str, Any] = {"session_id": session, "time_ns": now_ns(), "turn_id": turn, "participant_id": "p"}
        ended = e.TurnEnded(event_id=f"{session}-{turn}", text=text, source="text", **fields)
        await append(self._broker, ended)

    async def _ask(self, session: str, turn: str, text: str) -> bool:
        """Say something and wait for the answer; return whether it came."""
        answered = self._awaiting(session, e.ReplyCompleted, turn)
        await self._say(session, turn, text)
        return await self._came(session, answered)

    async def _came(self, session: str, answered: "asyncio.Future[e.Event]") -> bool:
        try:
            await asyncio.wait_for(answered, REPLY_S)
        except TimeoutError:
            self._unanswered.append(session)
            return False
        return True

    async def _each(self, sessions: list[str], conversation: Callable[[str], Awaitable[None]]) -> None:
        limit = asyncio.Semaphore(AT_A_TIME)

        async def one(session: str) -> None:
            async with limit:
                await conversation(session)
            async with self._one_is_over:
                self._over += 1
                self._one_is_over.notify_all()

        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(one(session))

    async def ordered(self, sessions: list[str], kills: int, report: Report) -> None:
        """Have each order carried out, and asked about in the next turn, while copies are killed."""
        killing = asyncio.create_task(self._kill(kills, len(sessions), report), name="killing")
        await self._each(sessions, self._order)
        await killing

    async def _order(self, session: str) -> None:
        await self._open(session)
        if await self._ask(session, "t1", f"{tool_of(session)} {session}"):
            await self._ask(session, "t2", "How did it go?")

    async def _kill(self, kills: int, sessions: int, report: Report) -> None:
        """Kill one copy after the other, spread over the orders, at random moments of them."""
        for kill in range(kills):
            place = kill % len(self._copies)
            await self._is_up(self._processes[place], self._copies[place])
            await self._are_over(kill * sessions // (kills + 1))
            await asyncio.sleep(self._chance.uniform(0, 0.3))
            self._copies[place].send(signal.SIGKILL)
            await self._copies[place].wait()
            self._copies[place] = await self._copy(self._processes[place])
            if (kill + 1) % 10 == 0:
                report(f"{kill + 1} kills, {self._over} of {sessions} conversations are over")

    async def _are_over(self, conversations: int) -> None:
        async with self._one_is_over:
            await self._one_is_over.wait_for(lambda: self._over >= conversations)

    async def interrupted(self, sessions: list[str], report: Report) -> None:
        """Have each caller interrupt while the tool runs, and ask later what came of it."""
        await self._each(sessions, self._interrupt)
        report(f"{len(sessions)} interruptions")

    async def _interrupt(self, session: str) -> None:
        called = self._awaiting(session, e.ToolCalled, "t1")
        answered = self._awaiting(session, e.ReplyCompleted, "t1")
        await self._open(session)
        await self._say(session, "t1", f"{tool_of(session)} {session}")
        if not await self._came(session, called):
            return
        await asyncio.sleep(self._chance.uniform(0, 0.1))
        event = called.result()
        assert isinstance(event, e.ToolCalled)
        fields: dict[str, Any] = {"session_id": session, "time_ns": now_ns(), "turn_id": "t2", "participant_id": "p"}
        stop = e.TurnInterrupted(event_id=f"{session}-stop", reply_id=event.reply_id, text="Wait.", **fields)
        await append(self._broker, stop)
        await self._came(session, answered)
        await self._ask(session, "t2", "Wait.")
        await asyncio.sleep(0.2)  # as long as a tool takes at most
        await self._ask(session, "t3", "How did it go?")

    async def timed(self, calls: int) -> None:
        """Have readers called one after the other, on a copy that notes when its model was asked."""
        for copy in self._copies:
            copy.send(signal.SIGKILL)
            await copy.wait()
        self._copies = [await self._copy(process, BENCH_TIMES="1") for process in set(self._processes)]
        for number in range(calls):
            session = f"r{number}"
            await self._open(session)
            await self._ask(session, "t1", f"look up {session}")

    async def figures(self, amounts: Amounts, seconds: float) -> ToolFigures:
        """Compare the log with what was done."""
        ledger = OrderLedger(self._folder / "ledger")
        effects, runs = ledger.effects(), ledger.runs()
        found = {
            call.session_id: call
            for call in await tool_calls(connection(self._broker))
            if call.attempts or call.is_unknown
        }
        orders = [*(f"k{n}" for n in range(amounts.calls)), *(f"i{n}" for n in range(amounts.interruptions))]
        lost = [order for order in orders if await self._is_lost(order, effects[order], found.get(order))]
        own_ms = sorted(own_times(ledger.model_times()))
        return ToolFigures(
            amounts.calls,
            amounts.kills,
            amounts.interruptions,
            unknown=sum(call.outcome == "unknown" for call in found.values()),
            again=sum(runs[order] > 1 and effects[order] == 1 for order in orders),
            own_ms_p50=round(percentile(own_ms, 0.5), 1),
            own_ms_p95=round(percentile(own_ms, 0.95), 1),
            seconds=round(seconds, 1),
            run_twice=[order for order in orders if effects[order] > 1],
            lost=lost,
            unanswered=self._unanswered,
        )

    async def _is_lost(self, order: str, effects: int, call: ToolCall | None) -> bool:
        """Return whether the log, or the model in the last turn, was not told what came of an order."""
        if call is None or call.outcome == "open":
            return True
        if effects and not (call.result or call.outcome == "unknown"):
            return True
        contexts = [
            fact.event.context
            async for fact in history(connection(self._broker), order)
            if isinstance(fact.event, e.ReplyStarted)
        ]
        told = [message.text for message in contexts[-1] if message.role == "tool"] if contexts else []
        return (call.result or call.error) not in told


def tool_of(order: str) -> str:
    """Return which tool carries an order out: every other one may run again with its key."""
    return "book" if int(order[1:]) % 2 else "charge"


def own_times(times: list[tuple[int, int, bool]]) -> list[float]:
    """Return the ms between the model's call of a tool and the question that follows with its result."""
    return [
        (later[0] - earlier[1]) / 1e6 for earlier, later in itertools.pairwise(times) if not earlier[2] and later[2]
    ]
