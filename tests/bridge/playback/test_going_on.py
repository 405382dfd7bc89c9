"""A client that comes back tells what it has of a reply: it goes on from there, nothing is said twice or left out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from hypothesis import given
from hypothesis import strategies as st

from bridge.playback.commands import SendSound, Tell
from bridge.playback.reports import HeldReply
from contracts import events as e
from tests.bridge.agent import Agent, frames_of
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect
from tests.bridge.livekit.session_log import names
from tests.bridge.playback.playback_session import MS, Session
from tests.bridge.test_app import running_app
from tests.servers import NatsServer
from tests.waiting import until

REPLY = 24_000
"""Samples of the reply of a `Session`."""


def next_door(first: Session, lines: int | None = None) -> Session:
    second = Session()
    second.now_ns = first.now_ns
    second.playback.disconnect(second.now_ns)
    second.do(second.playback.replay(first.log[:lines], second.now_ns))
    return second


def come_back(session: Session, *held: HeldReply) -> None:
    session.do(session.playback.connect(session.now_ns, held))


def sent(session: Session) -> int:
    return sum(len(command.pcm) // 2 for command in session.commands if isinstance(command, SendSound))


def say_again(session: Session) -> None:
    session.wait(600)
    session.sound(frames_of("a", 0, REPLY, (12_000, REPLY)))


@given(received=st.integers(0, REPLY), is_known=st.booleans(), is_said=st.booleans())
def test_the_rest_and_only_the_rest_is_sent_whatever_the_client_has(
    received: int, is_known: bool, is_said: bool
) -> None:
    first = Session()
    first.reply("a")
    if is_known:
        first.played("a", min(received, 2_400), started=True)
    lines = len(first.log)
    if not is_said:  # the door was killed while the clause was being said
        first.log = [f for f in first.log if not isinstance(f, e.ClauseSynthesized)]
        lines = len(first.log)
    second = next_door(first, lines)
    come_back(second, HeldReply(reply_id="a", received=received, samples=received // 2))
    say_again(second)
    assert sent(second) == REPLY - received
    second.played("a", REPLY, started=True, ended=True)
    last = second.said()[-1]
    assert isinstance(last, e.PlaybackFinished)
    assert (last.heard_text, last.played_samples) == ("one two", REPLY)
    assert "PlaybackInterrupted" not in names(second.said())


def test_a_reply_of_which_the_log_has_no_beginning_is_not_begun_again() -> None:
    first = Session()
    first.reply("a")
    second = next_door(first)
    second.now_ns += 2_000 * MS
    come_back(second, HeldReply(reply_id="a", received=REPLY, samples=9_600, started_ago_ms=1_990))
    started = second.said()[0]
    assert isinstance(started, e.PlaybackStarted)
    assert started.time_ns == second.now_ns - 1_990 * MS, "when it was heard, not when that was told"
    assert second.told() == ["reply a", "resume a", "reply_end a"]
    assert sent(second) == 0


def test_what_was_heard_to_its_end_while_there_was_no_door_has_ended() -> None:
    first = Session()
    first.reply("a")
    second = next_door(first)
    come_back(second, HeldReply(reply_id="a", received=REPLY, samples=REPLY, started_ago_ms=1_500, ended=True))
    assert names(second.said()) == ["PlaybackStarted", "PlaybackFinished"]
    assert second.told() == []


def test_a_client_that_has_lost_its_sound_is_sent_it_from_what_it_has_played() -> None:
    first = Session()
    first.reply("a")
    first.played("a", 2_400, started=True)
    second = next_door(first)
    come_back(second, HeldReply(reply_id="a", received=9_600, samples=9_600, started_ago_ms=400))
    say_again(second)
    (reply,) = (c.message for c in second.commands if isinstance(c, Tell) and c.message["type"] == "reply")
    assert reply["first_sample"] == 9_600
    assert sent(second) == REPLY - 9_600


def test_at_the_same_door_a_reply_goes_on_for_a_client_that_has_nothing_of_it() -> None:
    session = Session()
    session.reply("a")
    session.played("a", 9_600, started=True)
    session.do(session.playback.disconnect(session.now_ns))
    session.commands.clear()
    come_back(session)
    say_again(session)
    assert session.told() == ["reply a", "reply_end a"]
    assert sent(session) == REPLY - 9_600


@pytest.mark.parametrize("is_new_door", [True, False])
def test_a_pause_holds_until_the_speech_is_decided(is_new_door: bool) -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech()
    session.played("a", 4_800)
    session.wait(100)
    if is_new_door:
        session = next_door(session)
    else:
        session.do(session.playback.disconnect(session.now_ns))
    session.commands.clear()
    come_back(session, HeldReply(reply_id="a", received=REPLY, samples=4_800))
    assert session.told() == ["reply a", "pause a", "reply_end a"]
    session.dismissed()
    assert session.told()[-1] == "resume a"
    session.played("a", REPLY, ended=True)
    assert names(session.said()) == ["PlaybackResumed", "PlaybackFinished"]


@pytest.mark.parametrize("is_new_door", [True, False])
@pytest.mark.parametrize("was_speech", [True, False])
def test_what_was_decided_while_nobody_was_there_counts(is_new_door: bool, was_speech: bool) -> None:
    session = Session()
    session.reply("a")
    session.played("a", 2_400, started=True)
    session.speech()
    session.played("a", 4_800)
    session.wait(100)
    session.do(session.playback.disconnect(session.now_ns))
    if was_speech:
        session.turn("t2")
    else:
        session.dismissed()
    if is_new_door:
        session = next_door(session)
    session.commands.clear()
    come_back(session, HeldReply(reply_id="a", received=REPLY, samples=4_800))
    if was_speech:
        assert session.told() == ["stop a"]
        session.played("a", 4_800)
        session.wait(100)
        assert names(session.said()) == ["PlaybackInterrupted"]
    else:
        assert session.told() == ["reply a", "resume a", "reply_end a"]
        assert names(session.said()) == ["PlaybackResumed"]


def test_what_is_over_in_the_log_is_stopped_at_the_client() -> None:
    session = Session()
    come_back(session, HeldReply(reply_id="gone", received=100, samples=50), HeldReply(reply_id="old", ended=True))
    assert session.told() == ["stop gone"]


# -- doors that are killed


@asynccontextmanager
async def killed_door(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Caller]:
    """A caller at a door of its own, which is killed at the end of the block."""
    port_file = tmp_path / "port"
    async with running_app(nats_server, DAREDEVIL_PORT="0", DAREDEVIL_PORT_FILE=str(port_file)) as process:
        # A process starts in its own time on a busy machine.
        await until(lambda: port_file.exists() and port_file.read_text(), 90)
        async with Caller.connected(int(port_file.read_text())) as caller:
            await caller.hello()
            yield caller
            process.kill()
            await caller.closed()


def heard_of(reply_id: str, *callers: Caller) -> bytes:
    return b"".join(caller.sound.get(reply_id, b"") for caller in callers)


WHOLE = (1).to_bytes(2, "little") * 12_000 + (2).to_bytes(2, "little") * 12_000
"""The sound of the agent's reply: each sample says of which clause it is."""


@pytest.mark.slow
@pytest.mark.parametrize("is_started_told", [True, False])
async def test_a_door_killed_in_mid_reply_is_gone_on_from(
    nats_server: NatsServer, broker: NatsBroker, connect: Connect, agent: Agent, tmp_path: Path, is_started_told: bool
) -> None:
    async with killed_door(nats_server, tmp_path) as first:
        session_id = first.session_id
        await agent.append(e.ReplyStarted, session_id, reply_id="r-1", turn_id="turn-1", text="hello")
        await agent.clause(session_id, "r-1", 0, "Hello there.", 12_000, (6_000, 11_000))
        await first.until(lambda: len(heard_of("r-1", first)) == 24_000)
        if is_started_told:
            await first.played("r-1", 2_400, started=True)
            await first.fact("PlaybackStarted")
    await agent.clause(session_id, "r-1", 1, "How are you?", 12_000, (3_000, 6_000, 11_000))
    await agent.append(e.ReplyCompleted, session_id, reply_id="r-1", text="Hello there. How are you?", clauses=2)
    async with agent.synthesizing_again(session_id, 12_000) as asked:
        held = {"reply_id": "r-1", "received": 12_000, "samples": 9_600, "started_ago_ms": 2_000}
        second = await connect(**first.resuming, replies=[held])
        await second.message("reply_end", samples=24_000)
        assert len(heard_of("r-1", first, second)) == len(WHOLE)
        assert [clause.index for clause in asked if isinstance(clause, e.ReplyClauseWritten)] == [1]
    await second.played("r-1", 24_000, ended=True)
    assert (await second.fact("PlaybackFinished"))["heard_text"] == "Hello there. How are you?"
    assert len(second.facts("PlaybackStarted")) == 1
    assert second.facts("PlaybackInterrupted") == []
    assert [m for m in second.messages if m["type"] == "stop"] == []


@pytest.mark.slow
async def test_a_door_killed_in_mid_pause_is_paused_at_the_next(
    nats_server: NatsServer, broker: NatsBroker, connect: Connect, agent: Agent, tmp_path: Path
) -> None:
    speech = {"utterance_id": "u-2", "track_id": "m", "participant_id": "caller", "turn_id": "turn-2"}
    async with killed_door(nats_server, tmp_path) as first:
        session_id = first.session_id
        await agent.reply(session_id, "r-1")
        await first.message("reply_end", reply_id="r-1")
        await first.played("r-1", 2_400, started=True)
        await agent.append(e.SpeechStarted, session_id, **speech, start_sample=0)
        await first.message("pause", reply_id="r-1")
    held = {"reply_id": "r-1", "received": 24_000, "samples": 6_100}
    second = await connect(**first.resuming, replies=[held])
    await second.message("pause", reply_id="r-1")
    await second.played("r-1", 6_100)
    assert (await second.fact("PlaybackPaused"))["played_samples"] == 6_100
    names = {"participant_id": "caller", "utterance_id": "u-2", "turn_id": "turn-2", "reply_id": "r-1"}
    await agent.append(e.InterruptionDismissed, session_id, **names, reason="no-words")
    await second.message("resume", reply_id="r-1")
    await second.played("r-1", 24_000, ended=True)
    assert (await second.fact("PlaybackFinished"))["heard_text"] == "Hello there. How are you?"
    assert second.facts("PlaybackInterrupted") == []


@pytest.mark.slow
async def test_a_door_killed_in_mid_question_hears_on_in_the_same_session(
    nats_server: NatsServer, broker: NatsBroker, connect: Connect, agent: Agent, tmp_path: Path
) -> None:
    async with killed_door(nats_server, tmp_path) as first:
        session_id = first.session_id
        track = (await first.fact("TrackPublished"))["track_id"]
        async with agent.hearing(session_id) as frames:
            await first.connection.send(bytes(640 * 5))
            await wait_for(lambda: len(frames) == 5)
        speech = {"utterance_id": "u-1", "track_id": track, "participant_id": "caller", "turn_id": "turn-1"}
        await agent.append(e.SpeechStarted, session_id, **speech, start_sample=0)
    second = await connect(**first.resuming, replies=[])
    assert (await second.fact("TrackUnpublished"))["track_id"] == track
    async with agent.hearing(session_id) as frames:
        await second.connection.send(bytes(640 * 5))
        await wait_for(lambda: len(frames) == 5)
        assert frames[0].track_id == (await second.fact("TrackPublished", 1))["track_id"] != track
    await agent.append(e.TurnEnded, session_id, turn_id="turn-1", participant_id="caller", text="What is")
    await agent.reply(session_id, "r-1", "turn-1")
    await second.message("reply_end", reply_id="r-1")
    assert heard_of("r-1", second) == WHOLE


@pytest.mark.slow
@pytest.mark.parametrize(
    "ms",
    [pytest.param(0, marks=pytest.mark.nightly), 30, pytest.param(150, marks=pytest.mark.nightly)],
)
async def test_a_text_typed_over_a_reply_as_the_door_is_killed_is_stored_once(
    nats_server: NatsServer, broker: NatsBroker, connect: Connect, agent: Agent, tmp_path: Path, ms: int
) -> None:
    async with killed_door(nats_server, tmp_path) as first:
        session_id = first.session_id
        await agent.reply(session_id, "r-1")
        await first.message("reply_end", reply_id="r-1")
        await first.played("r-1", 2_400, started=True)
        await first.fact("PlaybackStarted")
        await first.send(type="text", text="Stop, please.", id="m-1")
        await asyncio.sleep(ms / 1000)  # the reply's stop is awaited, 300 ms at most: nothing tells how far it is
    held = {"reply_id": "r-1", "received": 24_000, "samples": 6_100}
    second = await connect(**first.resuming, replies=[held])
    await second.send(type="text", text="Stop, please.", id="m-1")
    await second.message("stop", reply_id="r-1")
    await second.played("r-1", 6_100)
    await second.message("taken", id="m-1")
    facts = await agent.facts(session_id)
    assert [type(f).__name__ for f in facts].count("TurnInterrupted") == 1
    assert [f.heard_text for f in facts if isinstance(f, e.PlaybackInterrupted)] == ["Hello"]
    assert [f.text for f in facts if isinstance(f, e.TurnEnded)] == ["Stop, please."]
