"""What goes wrong around a whole system: each is answered clearly, and the other calls do not notice."""

import asyncio
import json
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import nats
import numpy as np
import pytest
import pytest_asyncio

from actors.reasoning.endings import APOLOGY
from contracts import events as e
from infra.caller import CallFailed, CallResult, ScriptedUtterance, Sound, place_call, read_wav, write_wav
from infra.settings import Settings
from infra.settings import settings as current_settings
from infra.system.supervisor import Supervisor, running_system
from tests.bridge.caller import Caller
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once, stored_ids
from tests.infra.cli.command import cli_beside

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

Fact = TypeVar("Fact", bound=e.Event)

CALLS = DATA / "calls"
LLM_TIMEOUT_S = 4
AWAY_S = 7
"""Longer than a publish waits for its ack, and than the log leaves messages with those who do not answer."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Supervisor]:
    """A system of these tests' own, since the others keep theirs whole, and less patient than the usual one."""
    data_dir = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=data_dir, port=0, nats_url="", llm_url="")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAREDEVIL_DATA_DIR", str(data_dir))
        environment.setenv("DAREDEVIL_LLM_TIMEOUT_S", str(LLM_TIMEOUT_S))
        environment.setenv("DAREDEVIL_RECONNECT_GRACE_S", "1")
        current_settings.cache_clear()  # commands read them
        async with running_system(settings, warn=print) as supervisor:
            yield supervisor
    current_settings.cache_clear()


async def daredevil(*arguments: str) -> tuple[int, str, str]:
    """Run a command beside the running system, as its user does: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def once(moment: str, do: Callable[[], object]) -> Callable[[str, dict[str, Any]], None]:
    """Return a listener to a call's facts that does something at the first fact of a class."""
    done: list[object] = []

    def listen(name: str, _data: dict[str, Any]) -> None:
        if name == moment and not done:
            done.append(do())

    return listen


def port_of(system: Supervisor) -> int:
    return int(system.page_url.rstrip("/").rpartition(":")[2])


def assert_all_answered(result: CallResult, *words: str) -> None:
    assert len(result.turns) == len(words)
    for turn, word in zip(result.turns, words, strict=True):
        assert word in turn.text.lower()
        assert turn.heard_text
        assert not turn.interrupted


# -- processes


@pytest.mark.parametrize(
    ("victim", "moment"),
    [
        pytest.param("transcript", "SpeechStarted", marks=pytest.mark.nightly),
        pytest.param("transcript", "PlaybackStarted", marks=pytest.mark.nightly),
        pytest.param("reasoning", "ReplyStarted", marks=pytest.mark.nightly),
        ("reasoning", "ReplyClauseWritten"),
        pytest.param("synthesis", "ReplyClauseWritten", marks=pytest.mark.nightly),
        pytest.param("nats", "PlaybackStarted", marks=pytest.mark.nightly),
        ("nats", "TurnEnded"),
        pytest.param("persistence", "TurnEnded", marks=pytest.mark.nightly),
    ],
)
async def test_the_call_goes_on_when_a_process_is_killed(system: Supervisor, victim: str, moment: str) -> None:
    """Each in turn with `kill -9`; the log has each fact once."""
    killed: list[int] = []

    def kill_once(name: str, _data: dict[str, Any]) -> None:
        if name == moment and not killed:
            killed.append(system.pids()[victim])
            os.kill(killed[0], signal.SIGKILL)

    result = await place_call(
        system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"], on_fact=kill_once, answer_timeout_s=40
    )

    assert killed
    assert len(result.turns) == 2
    assert "hello" in result.turns[0].text.lower()
    assert "time" in result.turns[1].text.lower()
    assert all(turn.heard_text and not turn.interrupted for turn in result.turns)
    facts = await facts_of(system.addresses.nats_url, result.session_id)
    assert said_more_than_once(facts) == {}
    ids = await stored_ids(system.addresses.nats_url, result.session_id)
    assert len(ids) == len(set(ids))


# -- clients


@pytest.mark.nightly  # tests/bridge/websocket/test_endpoint.py, tests/actors/transcript/test_track_owner.py
async def test_a_caller_who_vanishes_in_mid_word_disturbs_no_other_call(system: Supervisor) -> None:
    other = asyncio.create_task(place_call(system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"]))
    sound = read_wav(DATA / "story.wav")
    async with Caller.connected(port_of(system)) as caller:
        await caller.hello(sample_rate_hz=sound.rate_hz)
        for at in range(0, sound.rate_hz * 3 // 2, 320):
            await caller.connection.send(sound.samples[at : at + 320].tobytes())
            await asyncio.sleep(0.02)
        await caller.fact("SpeechStarted")
        caller.connection.transport.abort()
        await caller.closed()

    assert_all_answered(await other, "hello", "time")
    closed = await last_fact_of(system, caller.session_id, e.SessionClosed)
    assert closed.reason == "vanished"


async def last_fact_of(system: Supervisor, session_id: str, kind: type[Fact]) -> Fact:
    """Wait until a session has a fact of a class, and return the last."""
    async with asyncio.timeout(20):
        while True:
            facts = await facts_of(system.addresses.nats_url, session_id)
            if found := [fact.event for fact in facts if isinstance(fact.event, kind)]:
                return found[-1]
            await asyncio.sleep(0.1)


async def test_a_call_without_a_word_ends_with_a_clear_message(system: Supervisor) -> None:
    silence = ScriptedUtterance(Sound(np.zeros(8_000, np.int16), 16_000))
    with pytest.raises(CallFailed, match="no answer within 3 s"):
        await place_call(system.page_url, [silence], answer_timeout_s=3)


async def test_a_telephone_quality_recording_is_understood(system: Supervisor, tmp_path: Path) -> None:
    write_wav(tmp_path / "hello.wav", read_wav(DATA / "hello.wav").at_rate(8_000))
    assert_all_answered(await place_call(system.page_url, [tmp_path / "hello.wav"]), "hello")


# -- commands


NO_RATE = b"RIFF\x26\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 0, 0, 2, 16) + b"data\x02\0\0\0\0\0"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "the file is empty", id="empty", marks=pytest.mark.nightly),
        pytest.param(b"words instead of sound", "this is not a WAV file", id="words"),
        pytest.param(NO_RATE, "a rate of 0 Hz", id="no rate", marks=pytest.mark.nightly),
    ],  # each is told apart in tests/infra/caller/test_wav.py
)
async def test_a_wav_that_cannot_be_said_is_exit_code_2(
    system: Supervisor, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "bad.wav").write_bytes(content)
    code, output, errors = await daredevil("say", str(tmp_path / "bad.wav"))
    assert (code, output) == (2, "")
    assert why in " ".join(errors.split())


@pytest.mark.parametrize(
    ("session", "why"), [("a.b", "is not a session id"), ("*", "is not a session id"), ("nobody", "no session nobody")]
)
async def test_events_of_a_session_that_is_not_there_are_exit_code_2(
    system: Supervisor, session: str, why: str
) -> None:
    code, output, errors = await cli_beside("events", session)
    assert (code, output) == (2, "")
    assert why in errors


# -- the log


# That NATS hangs is survived by each part: tests/bridge/call/test_outage.py, tests/actors/reasoning/test_frozen_log.py,
# tests/infra/log/test_inbox.py; that it is killed, by the whole system above.
@pytest.mark.nightly
@pytest.mark.parametrize("moment", ["SpeechStarted", "TurnEnded", "PlaybackStarted"])
async def test_a_call_outlasts_a_log_that_hangs(system: Supervisor, moment: str) -> None:
    hung = system.pids()["nats"]

    def hang() -> None:
        os.kill(hung, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(AWAY_S, os.kill, hung, signal.SIGCONT)

    result = await place_call(
        system.page_url,
        [DATA / "hello.wav", DATA / "what_time.wav"],
        on_fact=once(moment, hang),
        answer_timeout_s=40,
    )

    assert result.seconds > AWAY_S
    assert_all_answered(result, "hello", "time")
    assert said_more_than_once(await facts_of(system.addresses.nats_url, result.session_id)) == {}
    ids = await stored_ids(system.addresses.nats_url, result.session_id)
    assert len(ids) == len(set(ids))


# tests/infra/log/test_dead_letters.py shows it of each durable, tests/infra/cli/test_cli.py of the commands.
@pytest.mark.nightly
async def test_rubbish_in_a_session_is_put_aside_with_the_reason_and_the_call_goes_on(system: Supervisor) -> None:
    writing: list[asyncio.Task[None]] = []

    async def write_rubbish(session_id: str) -> None:
        nc = await nats.connect(system.addresses.nats_url)
        for tail, data in (("foo.bar", b"\x80"), ("turn.ended", b"\xc1 rubbish"), ("session.closed", b"")):
            await nc.jetstream().publish(f"voice.{session_id}.{tail}", data)
        await nc.close()

    def listen(name: str, data: dict[str, Any]) -> None:
        if name == "PlaybackStarted" and not writing:
            writing.append(asyncio.create_task(write_rubbish(data["session_id"])))

    result = await place_call(system.page_url, [DATA / "hello.wav", DATA / "what_time.wav"], on_fact=listen)

    await writing[0]
    assert_all_answered(result, "hello", "time")
    code, output, _ = await cli_beside("dead", "list", "--json")
    letters = {
        (letter["actor"], letter["subject"].removeprefix(f"voice.{result.session_id}.")): letter
        for letter in map(json.loads, output.splitlines())
    }
    assert code == 0
    assert {tail for _, tail in letters} == {"foo.bar", "turn.ended", "session.closed"}
    assert "no event is known" in letters["persistence", "foo.bar"]["reason"]
    assert "not MessagePack" in letters["reasoning", "turn.ended"]["reason"]
    code, _, errors = await cli_beside("dead", "retry", str(letters["persistence", "foo.bar"]["number"]))
    assert code == 1
    assert "no event is known" in " ".join(errors.split())
    assert (await cli_beside("dead", "drop", "--all"))[0] == 0
    assert (await cli_beside("dead"))[1] == ""


# -- the engines


async def test_a_language_model_that_hangs_is_apologised_for_and_the_next_turn_is_answered(
    system: Supervisor,
) -> None:
    hung = system.pids()["llm"]
    os.kill(hung, signal.SIGSTOP)
    wake = once("PlaybackStarted", lambda: os.kill(hung, signal.SIGCONT))
    try:
        result = await place_call(system.page_url, [CALLS / "plain-12.wav", DATA / "hello.wav"], on_fact=wake)
    finally:
        os.kill(hung, signal.SIGCONT)

    first, second = result.turns
    assert first.heard_text == APOLOGY
    assert second.heard_text
    assert APOLOGY not in second.heard_text
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, result.session_id)]
    failures = [fact for fact in facts if isinstance(fact, e.EngineFailed)]
    assert {(failure.actor, failure.turn_id) for failure in failures} == {("reasoning", first.turn_id)}
    # The model's client and reasoning both wait for LLM_TIMEOUT_S: either may be the first to give up.
    too_slow = {f"silent for {LLM_TIMEOUT_S} s", "APITimeoutError: Request timed out."}
    assert {failure.error for failure in failures} <= too_slow
