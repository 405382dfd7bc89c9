"""`daredevil replay` as a user calls it, on a real log."""

import asyncio
import io
import json
import os
import signal
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from typer.testing import CliRunner

from contracts import events as e
from infra.cli.app import app
from infra.cli.json_output import OUTPUTS
from infra.log.connection import connection
from infra.log.event_log import append
from infra.session.opus import PACKET_SAMPLES, WARM_UP_PACKETS, encode
from infra.session.recordings import Chunk, store
from tests.infra.export.a_call import START_NS, Facts, a_call
from tests.servers import NatsServer
from tests.waiting import until

pytestmark = pytest.mark.slow

LOUD = 8_000
HEEDED = "signal.signal(signal.SIGINT, signal.default_int_handler)"


async def replay(*arguments: str) -> tuple[int, str, str]:
    """Run the command in a thread: it has a loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["replay", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def said(broker: NatsBroker, closed: bool = True) -> Facts:
    call = a_call()
    if closed:
        call.add(e.SessionClosed, 5000, reason="hangup")
    for fact in call.facts:
        await append(broker, fact)
    return call


async def recorded(broker: NatsBroker, packets: int = 250, last: bool = True) -> None:
    """Store a recording: silence, then from 1 s on a tone on the left."""
    samples = np.zeros(((packets + WARM_UP_PACKETS) * PACKET_SAMPLES, 2), np.int16)
    wave_s = np.arange(len(samples)) / 48_000
    samples[:, 0] = LOUD * np.sin(2 * np.pi * 440 * wave_s) * (wave_s > 1 + 0.02 * WARM_UP_PACKETS)
    await store(connection(broker), "s-1", Chunk(0, START_NS, 0, tuple(encode(samples)), {}, 1000, last), 0)


def sound_in(data: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 48_000, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)


async def test_a_conversation_is_shown_with_its_facts_and_captions(broker: NatsBroker) -> None:
    call = await said(broker)
    code, shown, remarks = await replay("s-1", "--speed", "max")
    lines = shown.splitlines()
    assert (code, remarks) == (0, "")
    assert sum(line.split()[1].isdigit() for line in lines) == len(call.facts)
    assert lines[0].split(maxsplit=3)[:3] == ["0.000", "1", "SessionOpened"]
    assert "    1.000                              User: What time is it?" in lines
    assert "the agent is cut off after “It is noon. Time” (barge-in)" in lines[-2]
    assert lines[-1].endswith("SessionClosed         the session ends (hangup)")


async def test_programs_get_one_line_for_each_fact_and_the_remarks_with_the_first(broker: NatsBroker) -> None:
    call = await said(broker, closed=False)
    code, shown, remarks = await replay("s-1", "--speed", "max", "--from-turn", "2", "--json")
    facts = [json.loads(line) for line in shown.splitlines()]
    for fact in facts:
        OUTPUTS["replay"].model().model_validate(fact)
    assert code == 0
    assert "it has no end in the log" in facts[0]["remarks"][0]
    assert not any(fact["remarks"] for fact in facts[1:])
    assert "it has no end in the log" in remarks
    assert (facts[0]["name"], facts[0]["data"]["turn_id"]) == ("TurnEnded", "t1")
    assert [fact["sequence"] for fact in facts] == list(range(facts[0]["sequence"], len(call.facts) + 1))


async def test_its_sound_is_written_from_the_turn_on_at_which_the_replay_begins(
    broker: NatsBroker, tmp_path: Path
) -> None:
    await said(broker)
    await recorded(broker)
    whole = await replay("s-1", "--speed", "max", "-o", "whole.wav")
    part = await replay("s-1", "--speed", "max", "--from-turn", "2", "-o", "part.wav")
    assert (whole[0], part[0]) == (0, 0)
    assert whole[2] == "wrote whole.wav: 5.0 s\n"
    all_of_it, turn = sound_in((tmp_path / "whole.wav").read_bytes()), sound_in((tmp_path / "part.wav").read_bytes())
    assert len(turn) == len(all_of_it) - 48_000
    assert np.abs(all_of_it[:47_000]).max() < LOUD / 10
    # A decoder that begins in the middle comes close to one that began at the start, not equal to it.
    assert np.abs(turn[4_800:].astype(int) - all_of_it[52_800:]).max() < LOUD / 50
    assert np.abs(turn[:, 0]).max() > LOUD / 2 > np.abs(turn[:, 1]).max()


async def test_sound_goes_to_a_player_while_the_conversation_is_shown_beside(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    await said(broker)
    await recorded(broker)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "replay", "s-1", "--speed", "max", "-o", "-"),
        env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    sound, shown = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, shown.decode()
    assert len(sound_in(sound)) == 250 * PACKET_SAMPLES - 312
    assert "User: What time is it?" in shown.decode()


async def test_a_player_that_is_closed_ends_it_without_a_word(broker: NatsBroker, nats_server: NatsServer) -> None:
    await said(broker)
    await recorded(broker)
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m infra.cli replay s-1 -o - | head -c 100; exit ${{PIPESTATUS[0]}}",
        env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url, "PYTHONPATH": str(Path(__file__).parents[3])},
        executable="/bin/bash",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    sound, told = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, len(sound)) == (141, 100)
    assert "Traceback" not in told.decode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a device that is always full")
async def test_sound_for_which_there_is_no_room_is_said(broker: NatsBroker, nats_server: NatsServer) -> None:
    await said(broker)
    await recorded(broker)
    code, shown = await sent_to(os.open("/dev/full", os.O_WRONLY), nats_server)
    assert (code, "Traceback" in shown) == (1, False)
    assert "error: standard output cannot be written: No space left on device" in shown


async def sent_to(descriptor: int, server: NatsServer) -> tuple[int | None, str]:
    """Replay with the sound to `descriptor`, which is closed; return the exit code, and the errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "replay", "s-1", "-o", "-"),
        env=os.environ | {"DAREDEVIL_NATS_URL": server.url, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=descriptor,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(descriptor)
    _, shown = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, shown.decode()


async def test_a_rehearsal_leaves_a_log_that_listens_on_its_port_alone(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    await said(broker)
    before = (await connection(broker).jetstream().stream_info("VOICE")).state.messages
    port = nats_server.url.rsplit(":", 1)[1]
    code, _, told = await replay("s-1", "--rehearse", "--port", port)
    assert code == 2
    assert f"--port {port}: cannot listen on port {port} of 127.0.0.1" in told
    assert (await connection(broker).jetstream().stream_info("VOICE")).state.messages == before


async def test_a_recording_that_is_not_complete_or_not_there_is_said(broker: NatsBroker) -> None:
    await said(broker)
    none = await replay("s-1", "--speed", "max", "-o", "x.wav")
    await recorded(broker, last=False)
    part = await replay("s-1", "--speed", "max", "-o", "x.wav")
    assert none[:2] == (2, "")
    assert "session s-1 has no recording" in none[2]
    assert part[0] == 0
    assert "the recording of s-1 is not complete: 5.0 s of it are stored" in part[2]


async def test_ctrl_c_ends_it_with_one_line(broker: NatsBroker, nats_server: NatsServer) -> None:
    call = await said(broker, closed=False)
    await asyncio.sleep(0.1)  # a distance that takes a hundred seconds at this speed, however slow the machine is
    call.add(e.SessionClosed, 5000, reason="hangup")
    await append(broker, call.facts[-1])
    process = await asyncio.create_subprocess_exec(
        # Not `-m infra.cli` alone: tests that run in the background ignore Ctrl-C, and so would it.
        *(sys.executable, "-c", f"import signal; {HEEDED}; from infra.cli import main; main()"),
        *("replay", "s-1", "--speed", "0.001"),
        env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"SessionOpened" in await asyncio.wait_for(process.stdout.readline(), 60)
    process.send_signal(signal.SIGINT)
    _, problems = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, problems.decode()) == (130, "interrupted\n")


async def test_its_subjects_are_published_again_below_the_prefix(broker: NatsBroker) -> None:
    call, heard = await said(broker), list[Msg]()

    async def take(message: Msg) -> None:
        heard.append(message)

    await connection(broker).subscribe("mine.s-1.>", cb=take)
    code, shown, told = await replay("s-1", "--publish", "--to", "mine", "--speed", "max", "--json")
    await until(lambda: len(heard) == len(call.facts))
    done = json.loads(shown)
    OUTPUTS["replay publish"].model().model_validate(done)
    assert (code, done["facts"], done["subjects"]) == (0, len(call.facts), "mine.s-1.*.*")
    assert told.startswith("publishing on mine.s-1.*.*, as fast as NATS takes them")
    assert [message.subject for message in heard[:2]] == ["mine.s-1.session.opened", "mine.s-1.reply.started"]


async def test_nats_that_is_killed_while_facts_are_published_ends_it_at_once_with_the_reason(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    call, heard = await said(broker), list[Msg]()

    async def take(message: Msg) -> None:
        heard.append(message)

    await connection(broker).subscribe("replay.s-1.>", cb=take)
    # At this speed the next facts are minutes away.
    publishing = asyncio.create_task(replay("s-1", "--publish", "--speed", "0.001"))
    await until(lambda: heard)
    await nats_server.stop(signal.SIGKILL)
    code, _, told = await asyncio.wait_for(publishing, 60)
    await nats_server.start()
    assert code == 1
    assert f"of {len(call.facts)} facts: the connection was lost, and facts with it" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("s",), "the log has no session s: did you mean s-1?"),
        (("1",), "the log has no session 1: did you mean s-1?"),
        (("nobody",), "the log has no session nobody: `daredevil sessions` lists those it has"),
        (("No.Id",), "is not a session id"),
        (("s-1", "--speed", "0"), "--speed 0: give a number from 0.001 to 1000, or max"),
        (("s-1", "--speed", "nan"), "--speed nan: give a number"),
        (("s-1", "--from-turn", "3"), "session s-1 has 2 turns, no turn 3"),
        (("s-1", "--publish", "--to", "voice"), "facts cannot be replayed on 'voice'"),
        (("s-1", "--publish", "-o", "x.wav"), "--publish sends facts, not sound"),
        (("s-1", "--to", "mine"), "--to is where --publish sends facts"),
        (("s-1", "--to", "mine", "--rehearse"), "--to is where --publish sends facts: leave it out"),
        (("s-1", "--port", "4322"), "--port is where the log of --rehearse listens: give both"),
        (("s-1", "--port", "4322", "--publish"), "--port is where the log of --rehearse listens: leave it out"),
        (("s-1", "-o", "no/such/x.wav"), "there is no directory"),
        (("s-1", "-o", "-", "--json"), "both write to standard output"),
        (("s-1", "-o", "-", "--speed", "4"), "sound is played at its own speed"),
    ],
)
async def test_what_cannot_be_replayed_is_said_clearly(
    broker: NatsBroker, arguments: tuple[str, ...], problem: str
) -> None:
    await said(broker)
    code, shown, told = await replay(*arguments)
    assert (code, shown) == (2, "")
    assert problem in told
