"""A door's playback runs again over its tape: the same facts, byte for byte; a change shows where it is."""

import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from contracts import events as e
from contracts.codec import encode
from contracts.topology import BRIDGE
from contracts.topology.facts import EVENTS
from infra.log.connection import connection
from infra.log.event_log import ExpectedSequence, Fact, history, now_ns
from infra.log.taped_log import EventLog
from infra.replay.actors import Replayed, Seat
from infra.replay.doors import DECIDED, DOOR, GIVEN, replayed_door
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome
from infra.session.heard_words import PlacedWord, SaidClause, _words_of
from infra.session.response_gap import Gap, Milestones, breakdown
from infra.settings import Settings
from tests.bridge.agent import Agent, frames_of
from tests.bridge.caller import Caller
from tests.infra.replay.taped_doors import KeptTapes

OpenTaped = Callable[[str], Awaitable[tuple[WebServer, KeptTapes]]]


@pytest.fixture
async def open_taped(broker: NatsBroker) -> AsyncIterator[OpenTaped]:
    """Opens doors with tapes of their own, by the name of the copy."""
    async with AsyncExitStack() as stack:

        async def open_taped(instance: str) -> tuple[WebServer, KeptTapes]:
            tapes = KeptTapes(BRIDGE, instance)
            listener = WebServer(broker, Settings(port=0, reconnect_grace_s=5), tapes=tapes)
            await listener.open()
            stack.push_async_callback(listener.close)
            return listener, tapes

        yield open_taped


def client_clock_ms() -> float:
    """Return the time on a clock of the client's own."""
    return time.monotonic() * 1000 - 5_000.123


class TapedCall:
    """A call at a door, with an agent and a client that counts, both played by the test."""

    def __init__(self, agent: Agent, caller: Caller) -> None:
        self.agent, self.caller = agent, caller
        self.session_id = caller.session_id

    async def speech(self, n: int) -> None:
        await self.agent.append(
            e.SpeechStarted,
            self.session_id,
            utterance_id=f"u-{n}",
            track_id="m",
            participant_id="caller",
            turn_id=f"turn-{n}",
            start_sample=0,
        )

    async def count(self, reply_id: str, samples: int, **flags: bool) -> None:
        """Report a count with the client's own times, which are no whole microseconds."""
        clock_ms = client_clock_ms()
        times = {"at_ms": clock_ms - 1.000_456, "clock_ms": clock_ms}
        await self.caller.send(type="played", reply_id=reply_id, samples=samples, **times, **flags)

    async def fact(self, name: str, reply_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.caller.until(
            lambda: next((each for each in self.caller.facts(name) if each["reply_id"] == reply_id), None)
        )
        return found

    async def turn(self, turn_id: str) -> None:
        """End a spoken turn: the gap to its answer has parts."""
        ended_ns = now_ns()
        evidence = e.TurnEvidence(
            silence_ms=300,
            end_of_turn_probability=0.9,
            required_silence_ms=300,
            speech_ended_ns=ended_ns - 300_000_000,
            text_ready_ns=ended_ns - 100_000_000,
        )
        names = {"participant_id": "caller", "text": "hi", "turn_id": turn_id, "source": "speech"}
        await self.agent.append(e.TurnEnded, self.session_id, **names, evidence=evidence)

    async def heard_to_its_end(self, reply_id: str, turn_id: str) -> None:
        """Prepare a reply as a draft, commit it, and play it."""
        await self.agent.reply(self.session_id, reply_id, turn_id, draft=True)
        await self.agent.append(e.ReplyCommitted, self.session_id, reply_id=reply_id, turn_id=turn_id)
        await self.caller.message("reply_end", reply_id=reply_id)
        await self.count(reply_id, 0, started=True)
        await self.count(reply_id, 12_000)
        await self.count(reply_id, 24_000, ended=True)
        await self.fact("PlaybackFinished", reply_id)

    async def begun(self, reply_id: str, turn_id: str) -> None:
        await self.agent.reply(self.session_id, reply_id, turn_id)
        await self.caller.message("reply_end", reply_id=reply_id)
        await self.count(reply_id, 0, started=True)
        await self.count(reply_id, 4_800)
        await self.fact("PlaybackStarted", reply_id)

    async def paused_and_resumed(self, reply_id: str, n: int) -> None:
        await self.begun(reply_id, f"turn-{n - 1}")
        await self.speech(n)
        await self.caller.message("pause", reply_id=reply_id)
        await self.count(reply_id, 7_200)
        await self.fact("PlaybackPaused", reply_id)
        names = {"participant_id": "caller", "utterance_id": f"u-{n}", "turn_id": f"turn-{n}", "reply_id": reply_id}
        await self.agent.append(e.InterruptionDismissed, self.session_id, **names, reason="no-words")
        await self.caller.message("resume", reply_id=reply_id)
        await self.count(reply_id, 24_000, ended=True)
        await self.fact("PlaybackFinished", reply_id)

    async def cut_off(self, reply_id: str, n: int) -> None:
        await self.begun(reply_id, f"turn-{n - 1}")
        await self.speech(n)
        await self.caller.message("pause", reply_id=reply_id)
        await self.count(reply_id, 7_200)
        names = {"participant_id": "caller", "reply_id": reply_id, "turn_id": f"turn-{n}"}
        await self.agent.append(e.TurnInterrupted, self.session_id, **names)
        await self.caller.message("stop", reply_id=reply_id)
        await self.count(reply_id, 7_200)
        await self.fact("PlaybackInterrupted", reply_id)
        await self.agent.append(
            e.TurnEnded, self.session_id, participant_id="caller", text="no", turn_id=f"turn-{n}", source="speech"
        )

    async def cut_off_by_text(self, reply_id: str, turn_id: str) -> None:
        await self.begun(reply_id, turn_id)
        await self.caller.send(type="text", text="stop it")
        await self.caller.message("stop", reply_id=reply_id)
        await self.count(reply_id, 6_000)
        await self.fact("PlaybackInterrupted", reply_id)
        await self.caller.until(lambda: [each for each in self.caller.facts("TurnEnded") if each["source"] == "text"])

    async def opener(self, n: int, is_taken_back: bool) -> None:
        """Begin a turn with an opener, which is heard to its end or taken back by what the caller says next."""
        await self.speech(n)
        names = {"participant_id": "caller", "turn_id": f"turn-{n}", "reply_id": f"o-{n}"}
        why = {"text": "Well,", "reason": "between", "silence_ms": 210, "required_silence_ms": 700}
        async with self.agent.synthesizing_again(self.session_id, 9_600) as asked:
            ended_ns = now_ns() - 250_000_000
            await self.agent.append(e.OpenerCued, self.session_id, **names, **why, speech_ended_ns=ended_ns)
            await self.caller.message("reply_end", reply_id=f"o-{n}")
        assert [clause.reply_id for clause in asked if isinstance(clause, e.ReplyClauseWritten)] == [f"o-{n}"]
        await self.count(f"o-{n}", 0, started=True)
        if is_taken_back:
            await self.count(f"o-{n}", 2_400)
            await self.agent.append(e.OpenerRetracted, self.session_id, **names, went_on_ns=now_ns())
            await self.caller.message("stop", reply_id=f"o-{n}")
            await self.count(f"o-{n}", 4_800)
        else:
            await self.count(f"o-{n}", 9_600, ended=True)
        assert (await self.fact("OpenerPlayed", f"o-{n}")).get("retracted", False) is is_taken_back
        await self.turn(f"turn-{n}")
        await self.heard_to_its_end(f"a-{n}", f"turn-{n}")

    async def with_lost_sound(self, reply_id: str, turn_id: str) -> None:
        names = {"reply_id": reply_id, "index": 0, "text": "One two."}
        async with self.agent.synthesizing_again(self.session_id, 24_000):
            await self.agent.append(
                e.ReplyStarted, self.session_id, reply_id=reply_id, turn_id=turn_id, draft=False, text="?"
            )
            await self.agent.append(e.ReplyClauseWritten, self.session_id, **names)
            await self.agent.publish(self.session_id, frames_of(reply_id, 0, 24_000, (12_000, 24_000))[3:])
            await self.agent.append(
                e.ClauseSynthesized, self.session_id, **names, samples=24_000, sample_rate_hz=24_000
            )
            await self.agent.append(e.ReplyCompleted, self.session_id, reply_id=reply_id, text="One two.", clauses=1)
            await self.caller.message("reply_end", reply_id=reply_id)
        await self.count(reply_id, 0, started=True)
        await self.count(reply_id, 24_000, ended=True)
        await self.fact("PlaybackFinished", reply_id)


@asynccontextmanager
async def call_at(listener: WebServer, agent: Agent, **hello: object) -> AsyncIterator[TapedCall]:
    async with Caller.connected(listener.port) as caller:
        await caller.hello(clock_ms=client_clock_ms(), **hello)
        yield TapedCall(agent, caller)


async def facts_of(broker: NatsBroker, session_id: str) -> list[Fact]:
    return [fact async for fact in history(connection(broker), session_id)]


def decided(facts: list[Fact]) -> list[Fact]:
    """Return the facts that a door has decided on, by their classes."""
    played = (
        e.PlaybackStarted,
        e.PlaybackStalled,
        e.PlaybackPaused,
        e.PlaybackResumed,
        e.PlaybackFinished,
        e.PlaybackInterrupted,
        e.OpenerPlayed,
    )
    return [
        fact
        for fact in facts
        if isinstance(fact.event, played) or (isinstance(fact.event, e.TurnEnded) and fact.event.source == "text")
    ]


def shown(outcome: Outcome) -> list[str]:
    """Return what differs, the class of each fact and its fields."""
    found = []
    for difference in outcome.differences:
        what = difference.what
        assert isinstance(what, FactDifference), what
        event = what.now or (what.then.event if what.then else None)
        fields = ",".join(field.path for field in what.fields)
        found.append(f"{type(event).__name__} {what.change} {fields}".strip())
    return found


@pytest.mark.slow
async def test_a_call_comes_out_byte_for_byte(open_taped: OpenTaped, broker: NatsBroker) -> None:
    listener, tapes = await open_taped("bridge-1")
    async with call_at(listener, Agent(broker)) as call:
        await call.turn("turn-1")
        await call.heard_to_its_end("r-1", "turn-1")
        await call.paused_and_resumed("r-2", 3)
        await call.cut_off("r-3", 4)
        await call.with_lost_sound("r-4", "turn-4")
        await call.cut_off_by_text("r-5", "turn-5")
        await call.opener(6, is_taken_back=False)
        await call.opener(7, is_taken_back=True)
        await call.caller.send(type="hangup")
        await call.caller.closed()
    facts = await facts_of(broker, call.session_id)
    noted: list[NotedLog] = []

    def build(seat: Seat) -> AbstractAsyncContextManager[Replayed]:
        noted.append(NotedLog(seat.log))
        return replayed_door(dataclasses.replace(seat, log=noted[-1]))

    outcome = await tapes.replayed(call.session_id, facts, dataclasses.replace(DOOR, build=build))
    assert shown(outcome) == []
    assert outcome.errors == []
    expected = decided(facts)
    assert len(expected) >= 20
    assert [fact.event.retracted for fact in expected if isinstance(fact.event, e.OpenerPlayed)] == [False, True]
    assert {fact.sequence for fact in expected} <= outcome.same
    made = {event.event_id: event for event in noted[0].events}
    for fact in expected:
        assert encode(made[fact.event.event_id]) == encode(unstamped(fact.event))


def unstamped(event: e.Event) -> e.Event:
    """Return an event without what is stamped when it is appended."""
    return event.model_copy(update={"basis": 0, "appended_by": ""})


class NotedLog:
    """The log of a replay, which keeps the events as the code made them."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.events: list[e.Event] = []

    async def in_turn(self, event: e.Event) -> None:
        await self._log.in_turn(event)

    async def append(self, event: e.Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        self.events.append(event)
        return await self._log.append(event, expected, patience_s)

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        raise AssertionError("playback reads no facts by itself")


async def test_a_client_that_comes_back_and_another_door_that_takes_over(
    open_taped: OpenTaped, broker: NatsBroker
) -> None:
    agent = Agent(broker)
    (first, first_tapes), (second, second_tapes) = await open_taped("bridge-1"), await open_taped("bridge-2")
    async with call_at(first, agent) as call:
        await call.begun("r-1", "turn-1")
    held = {"reply_id": "r-1", "received": 24_000, "samples": 9_600, "started_ago_ms": 400.5}
    async with call_at(first, agent, **call.caller.resuming, replies=[held]) as again:
        await again.count("r-1", 24_000, ended=True)
        await again.fact("PlaybackFinished", "r-1")
        await again.begun("r-2", "turn-2")
        resuming = again.caller.resuming
        held = {"reply_id": "r-2", "received": 24_000, "samples": 9_600, "started_ago_ms": 500.0}
        async with call_at(second, agent, **resuming, replies=[held]) as there:
            await there.speech(3)
            await there.caller.message("pause", reply_id="r-2")
            await there.count("r-2", 12_000)
            await there.fact("PlaybackPaused", "r-2")
            await there.caller.send(type="hangup")
            await there.caller.closed()
    facts = await facts_of(broker, call.session_id)
    outcomes = [await tapes.replayed(call.session_id, facts, DOOR) for tapes in (first_tapes, second_tapes)]
    assert [shown(outcome) for outcome in outcomes] == [[], []]
    assert {fact.sequence for fact in decided(facts)} <= outcomes[0].same | outcomes[1].same
    assert outcomes[1].same


@pytest.mark.slow
async def test_a_client_that_counts_nothing(open_taped: OpenTaped, broker: NatsBroker) -> None:
    listener, tapes = await open_taped("bridge-1")
    async with call_at(listener, Agent(broker)) as call:
        await call.agent.reply(call.session_id, "r-1")
        finished = await call.fact("PlaybackFinished", "r-1")
        assert (await call.fact("PlaybackStarted", "r-1"))["estimated"] is True
        assert finished["played_samples"] == 24_000
    facts = await facts_of(broker, call.session_id)
    outcome = await tapes.replayed(call.session_id, facts, DOOR)
    assert shown(outcome) == []
    assert {fact.sequence for fact in decided(facts)} <= outcome.same


async def recorded(open_taped: OpenTaped, broker: NatsBroker) -> tuple[KeptTapes, str, list[Fact]]:
    """Record one call in which each planted change has its case."""
    listener, tapes = await open_taped("bridge-1")
    async with call_at(listener, Agent(broker)) as call:
        await call.turn("turn-1")
        await call.heard_to_its_end("r-1", "turn-1")
        await call.paused_and_resumed("r-2", 3)
        await call.cut_off("r-3", 4)
        await call.begun("r-4", "turn-4")
        await call.speech(5)
        await call.caller.message("pause", reply_id="r-4")
        await call.count("r-4", 7_200)
        # Nobody decides what that speech was: it goes on 4 s later.
        await call.caller.until(lambda: [x for x in call.caller.facts("PlaybackResumed") if x["paused_ms"] > 3_500])
    return tapes, call.session_id, await facts_of(broker, call.session_id)


@pytest.mark.slow
async def test_a_change_of_behaviour_is_reported_at_the_fact_that_it_changes(
    open_taped: OpenTaped, broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tapes, session_id, facts = await recorded(open_taped, broker)

    async def first_with(target: str, value: object) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(target, value)
            outcome = await tapes.replayed(session_id, facts, DOOR)
        assert outcome.differences, target
        what = outcome.differences[0].what
        assert isinstance(what, FactDifference)
        if what.now is not None:
            assert outcome.differences[0].places[0].function.startswith("PlaybackDriver.")
        event = what.now or (what.then.event if what.then else None)
        fields = ", ".join(field.path for field in what.fields)
        changed = ": " + fields if fields else ""
        return f"{type(event).__name__} of {getattr(event, 'reply_id', '')} {what.change}{changed}"

    assert shown(await tapes.replayed(session_id, facts, DOOR)) == []
    paused, resumed, cut_off = "PlaybackPaused of r-2", "PlaybackResumed of r-4", "PlaybackInterrupted of r-3"
    playback, current = "bridge.playback.playback", "bridge.playback.current_reply.CurrentReply"
    assert await first_with("bridge.playback.reply.CROSSING_NS", 0) == f"{paused} differs: time_ns"
    impatient = await first_with(f"{playback}.DECISION_PATIENCE_NS", 3_000_000_000)
    assert impatient == f"{resumed} differs: time_ns, paused_ms"
    assert await first_with("infra.session.heard_words._words_of", words_when_begun) == f"{cut_off} differs: heard_text"
    assert await first_with(f"{current}.say_paused", lambda *_: []) == f"{paused} not appended now"
    assert await first_with(f"{playback}.Playback._on_speech", lambda *_: []) == f"{paused} not appended now"
    parts = "PlaybackStarted of r-1 differs: parts.bus_ms, parts.playback_ms"
    assert await first_with("bridge.playback.events.breakdown", bus_booked_as_playback) == parts


def words_when_begun(clause: SaidClause, pace: float) -> Iterator[PlacedWord]:
    """Count a word as heard when it begins."""
    return (dataclasses.replace(word, end_sample=word.first_sample + 1) for word in _words_of(clause, pace))


def bus_booked_as_playback(milestones: Milestones) -> Gap:
    """Leave out when the sound reached the door."""
    return breakdown(dataclasses.replace(milestones, at_door_ns=None, sound_at_door_ns=None))


def test_each_event_of_a_door_is_decided_or_given() -> None:
    said = {row.event for row in EVENTS if BRIDGE in row.publishers}
    assert said == {*DECIDED, *GIVEN}
    assert not {*DECIDED} & {*GIVEN}
