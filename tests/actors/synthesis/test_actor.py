"""Synthesis on a real log, with engines of the test's own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.synthesis import actor
from contracts.audio import OutFrame, unpack_out
from contracts.codec import encode
from contracts.events import (
    ClauseSynthesized,
    EngineFailed,
    Event,
    ReplyClauseWritten,
    ReplyDiscarded,
    SessionOpened,
    TurnInterrupted,
)
from contracts.topology import sound_again_subject
from infra.engines.tts import TextToSpeech
from infra.engines.voice import SynthesizedSound, Voice
from infra.log.connection import connection, round_trip
from infra.log.event_log import append, now_ns
from infra.session.behaviour import profile_of
from infra.settings import Settings
from tests.actors.running import facts_until, running
from tests.servers import NatsServer

TENTH = b"\x00\x10" * 2400


class ScriptedVoice(Voice):
    """Says 0.1 s for a clause, and what its name and the text ask for."""

    def __init__(self, name: str = "scripted") -> None:
        self.name = name
        self.said: list[str] = []
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def warm_up(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def synthesize(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        self.said.append(text)
        if self.name == "cancelled" and len(self.said) == 1:
            elsewhere: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            elsewhere.cancel()
            await elsewhere
        if self.name == "broken":
            raise ConnectionError("no line")
        if text.startswith("Hold"):
            yield SynthesizedSound(TENTH, 24_000, self.name)
            self.asked.set()
            await self.go_on.wait()
        yield SynthesizedSound(TENTH, 24_000, self.name)


class Ear:
    """Hears the frames of a session."""

    def __init__(self) -> None:
        self.frames: list[OutFrame] = []
        self._news = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        self.frames.append(unpack_out(message.data))
        self._news.set()

    async def until(self, enough: Callable[[list[OutFrame]], bool], timeout_s: float = 15) -> None:
        async with asyncio.timeout(timeout_s):
            while not enough(self.frames):
                self._news.clear()
                await self._news.wait()

    def clauses(self) -> list[tuple[str, int]]:
        return [(frame.reply_id, frame.index) for frame in self.frames if frame.last]


def clause(index: int = 0, text: str = "Hello.", reply: str = "r", session: str = "s") -> ReplyClauseWritten:
    return ReplyClauseWritten(
        event_id=f"{session}-{reply}-{index}", session_id=session, time_ns=now_ns(), turn_id="t",
        reply_id=reply, index=index, text=text,
    )  # fmt: skip


async def ear_for(broker: NatsBroker, session: str = "s") -> Ear:
    ear = Ear()
    await connection(broker).subscribe(f"audio.{session}.out.agent", cb=ear.hear)
    return ear


async def back(broker: NatsBroker) -> None:
    """Return when the connection is there again, with its subscriptions."""
    async with asyncio.timeout(15):
        while True:
            with suppress(NatsError, TimeoutError, OSError):
                return await round_trip(connection(broker), 1)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def synthesis(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, *voices: Voice) -> AsyncIterator[None]:
    monkeypatch.setattr(actor, "load_chain", lambda settings: TextToSpeech(voices))
    async with running(actor.make(), "synthesis", broker):
        yield


def synthesized(facts: list[Event]) -> list[ClauseSynthesized]:
    return [fact for fact in facts if isinstance(fact, ClauseSynthesized)]


async def test_clauses_of_a_session_are_heard_in_order_and_each_is_said_to_be_done(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = await ear_for(broker)
    async with synthesis(broker, monkeypatch, ScriptedVoice()):
        for index in range(5):
            await append(broker, clause(index))
        facts = await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 5)
    assert ear.clauses() == [("r", index) for index in range(5)]
    done = synthesized(facts)
    assert [fact.index for fact in done] == [0, 1, 2, 3, 4]
    assert {(fact.samples, fact.sample_rate_hz, fact.cause_id, fact.turn_id) for fact in done[:1]} == {
        (2400, 24_000, "s-r-0", "t")
    }
    assert done[0].word_end_samples == ear.frames[len(ear.frames) // 5 - 1].word_end_samples == (2400,)


async def test_one_session_does_not_wait_for_another(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = ScriptedVoice()
    async with synthesis(broker, monkeypatch, voice):
        await append(broker, clause(text="Hold it."))
        await voice.asked.wait()
        await append(broker, clause(session="other"))
        await facts_until(broker, "other", lambda facts: bool(synthesized(facts)))
        voice.go_on.set()
        await facts_until(broker, "s", lambda facts: bool(synthesized(facts)))


async def test_a_clause_whose_sound_is_out_is_not_made_again_when_it_is_delivered_again(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = ScriptedVoice()
    await append(broker, clause(0))
    done = ClauseSynthesized(
        event_id="done", session_id="s", time_ns=1, reply_id="r", index=0, text="", samples=9, sample_rate_hz=9
    )
    await append(broker, done)
    await append(broker, clause(1, "Next."))
    async with synthesis(broker, monkeypatch, voice):
        await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 2)
    assert voice.said == ["Next."]


@pytest.mark.parametrize(
    "end",
    [
        TurnInterrupted(event_id="x", session_id="s", time_ns=1, reply_id="r", participant_id="p"),
        ReplyDiscarded(event_id="x", session_id="s", time_ns=1, reply_id="r"),
    ],
)
async def test_an_interrupted_or_discarded_reply_stops_at_once_and_its_later_clauses_are_skipped(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, end: Event
) -> None:
    voice, ear = ScriptedVoice(), await ear_for(broker)
    async with synthesis(broker, monkeypatch, voice):
        await append(broker, clause(0, "Hold it."))
        await voice.asked.wait()
        await append(broker, end)
        await append(broker, clause(1, "Never heard."))
        await append(broker, clause(0, "Heard.", reply="next"))
        facts = await facts_until(broker, "s", lambda facts: bool(synthesized(facts)))
    assert voice.said == ["Hold it.", "Heard."]
    assert [fact.reply_id for fact in synthesized(facts)] == ["next"]
    assert ear.clauses() == [("next", 0)]


async def test_when_every_engine_fails_each_failure_is_a_fact_and_the_call_goes_on(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = await ear_for(broker)
    async with synthesis(broker, monkeypatch, ScriptedVoice("broken"), ScriptedVoice("broken")):
        await append(broker, clause())
        facts = await facts_until(broker, "s", lambda facts: bool(synthesized(facts)))
    failures = [fact for fact in facts if isinstance(fact, EngineFailed)]
    assert [(fact.engine, fact.action) for fact in failures] == [
        ("tts:broken", "used broken"),
        ("tts:broken", "skipped the clause"),
    ]
    assert [fact.samples for fact in synthesized(facts)] == [0]
    assert [(frame.last, frame.pcm) for frame in ear.frames] == [(True, b"")]


async def test_sound_that_was_lost_is_published_again_on_request_and_nothing_is_said_twice(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = await ear_for(broker)
    async with synthesis(broker, monkeypatch, ScriptedVoice()):
        await append(broker, clause())
        await facts_until(broker, "s", lambda facts: bool(synthesized(facts)))
        answer = await connection(broker).request(sound_again_subject("s"), encode(clause()), timeout=5)
        assert answer.data == b""
        await ear.until(lambda frames: len([frame for frame in frames if frame.last]) == 2)
        rubbish = await connection(broker).request(sound_again_subject("s"), b"\xc1", timeout=5)
        assert b"Undecodable" in rubbish.data
        await append(broker, ReplyDiscarded(event_id="x", session_id="s", time_ns=1, reply_id="r"))
        refused = await connection(broker).request(sound_again_subject("s"), encode(clause()), timeout=5)
        assert b"discarded" in refused.data
        facts = await facts_until(broker, "s", lambda facts: True)
    assert len(synthesized(facts)) == 1


async def test_a_clause_that_was_being_said_while_nats_died_is_heard_whole_once_it_is_back(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, ear = ScriptedVoice(), await ear_for(broker)
    async with synthesis(broker, monkeypatch, voice):
        await append(broker, clause(0, "Hold it."))
        await voice.asked.wait()
        await nats_server.stop()
        await nats_server.start()
        await back(broker)  # what is published before the ear is back, nobody hears
        voice.go_on.set()
        await ear.until(lambda frames: bool(frames and frames[-1].last))
        facts = await facts_until(broker, "s", lambda facts: bool(synthesized(facts)))
    heard = {n for frame in ear.frames for n in range(frame.first_sample, frame.first_sample + len(frame.pcm) // 2)}
    assert heard == set(range(4800))
    assert [fact.samples for fact in synthesized(facts)] == [4800]


async def test_what_no_voice_can_say_is_told_once_a_reply_and_not_taken_as_said(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = ScriptedVoice()
    voice.scripts = frozenset({"LATIN"})
    async with synthesis(broker, monkeypatch, voice):
        for index, text in enumerate(("\u4f60\u597d\u3002", "\u4e16\u754c\u3002", " Bye.")):
            await append(broker, clause(index, text))
        facts = await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 3)
    first, second, third = synthesized(facts)
    assert (first.unsaid, second.unsaid, third.unsaid) == (True, True, False)
    assert first.samples > 0
    assert second.samples == 0
    assert [said.partition(",")[0] for said in voice.said] == ["I'm sorry", "Bye."]
    assert [fact.action for fact in facts if isinstance(fact, EngineFailed)] == ["said that it cannot"]


async def test_a_clause_in_which_something_else_was_cancelled_is_said_none_the_less(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice, ear = ScriptedVoice("cancelled"), await ear_for(broker)
    async with synthesis(broker, monkeypatch, voice):
        await append(broker, clause())
        await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 1)
    assert len(voice.said) == 2
    assert ear.clauses() == [("r", 0)]


@pytest.mark.parametrize("process", [{"agent_sample_rate_hz": 8_000}, {"tts_sample_rate_conversion": "none"}])
async def test_copies_with_settings_of_their_own_give_a_session_the_rate_it_was_opened_with(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, process: dict[str, object]
) -> None:
    monkeypatch.setattr(actor, "settings", lambda: Settings.model_validate(process))
    profile = profile_of(Settings(agent_sample_rate_hz=16_000))
    opened = SessionOpened(event_id="o", session_id="s", time_ns=1, door="test", user_id="u", profile=profile)
    async with synthesis(broker, monkeypatch, ScriptedVoice()):
        await append(broker, opened)
        await append(broker, clause())
        facts = await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 1)
    [done] = synthesized(facts)
    assert (done.samples, done.sample_rate_hz) == (1_600, 16_000)
