"""The profile `core` in containers: calls, an upgrade with calls in progress, and each container of ours killed."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from contracts import events as e
from infra.caller import CallFailed, CallResult, place_call
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of, said_more_than_once, stored_ids
from tests.stack.stack import IMAGE, OURS, Stack
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

HELLO, WHAT_TIME = DATA / "hello.wav", DATA / "what_time.wav"
ANSWER_TIMEOUT_S = 150
"""A container that was killed loads its engines again, on a machine that may be busy."""

READERS_FIRST = (
    ("projection-postgres", "persistence", "summaries", "tools"),
    ("synthesis", "reasoning"),
    ("transcript",),
    ("http", "bridge"),
)
"""The order of an upgrade, step by step: nobody writes a fact before those who read it know it."""

PLAYBACK_ENDED = (e.PlaybackFinished, e.PlaybackInterrupted)

sessions: list[str] = []
"""The sessions of all calls of this file: what is kept of them is compared at the end."""


async def call(stack: Stack, on_fact: Callable[[str, dict[str, Any]], None] = lambda _name, _data: None) -> CallResult:
    """Say two things, and be answered. As a page does it, call again if the door is away, and resume a broken call."""
    calling = partial(
        place_call, stack.page_url, [HELLO, WHAT_TIME], on_fact=on_fact, answer_timeout_s=ANSWER_TIMEOUT_S
    )
    try:
        result = await calling()
    except CallFailed as broken:
        await stack.healthy(["bridge"])
        begun = broken.result if broken.result is not None and broken.result.session_id else None
        result = await (_resumed(stack, begun) if begun is not None else calling())
    sessions.append(result.session_id)
    return result


async def _resumed(stack: Stack, before: CallResult) -> CallResult:
    return await place_call(
        stack.page_url,
        [WHAT_TIME],
        session_id=before.session_id,
        resume_token=before.resume_token,
        only_resume=True,
        answer_timeout_s=ANSWER_TIMEOUT_S,
    )


async def assert_answered(stack: Stack, result: CallResult, turns: int = 2) -> None:
    """Check that each turn was answered and heard, and that the log has everything once."""
    facts = await facts_of(stack.nats_url, result.session_id)
    ended = [fact.event for fact in facts if isinstance(fact.event, e.TurnEnded)]
    assert len(ended) >= turns
    assert "hello" in ended[0].text.lower()
    assert "time" in ended[-1].text.lower()
    heard = {fact.event.turn_id: type(fact.event) for fact in facts if isinstance(fact.event, PLAYBACK_ENDED)}
    assert ended[0].turn_id in heard  # whole, unless its door has ended meanwhile
    assert heard[ended[-1].turn_id] is e.PlaybackFinished
    assert said_more_than_once(facts) == {}
    ids = await stored_ids(stack.nats_url, result.session_id)
    assert len(ids) == len(set(ids))


def once(moment: str, do: Callable[[], object]) -> Callable[[str, dict[str, Any]], None]:
    """Return a listener to a call's facts that does something at the first fact of a class."""
    done: list[object] = []

    def listen(name: str, _data: dict[str, Any]) -> None:
        if name == moment and not done:
            done.append(do())

    return listen


async def test_text_is_answered_over_http_by_the_version_before(stack: Stack) -> None:
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S) as http:
        answer = await http.post(f"{stack.http_url}/chat", json={"text": "Hello, who are you?"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["text"]
    facts = await facts_of(stack.nats_url, said["session_id"])
    assert [fact.event.text for fact in facts if isinstance(fact.event, e.TurnEnded)] == ["Hello, who are you?"]


async def test_calls_are_answered_while_each_service_is_upgraded(stack: Stack) -> None:
    """Step by step, one copy of each service: whoever calls meanwhile waits, and loses nothing."""
    stack.image = IMAGE

    async def upgrade() -> None:
        for services in READERS_FIRST:
            await stack.replace(*services)

    upgrading = asyncio.create_task(upgrade(), name="upgrade")
    results = []
    try:
        while not upgrading.done():
            results.append(await call(stack))
    finally:
        await upgrading
    assert results
    for result in results:
        await assert_answered(stack, result)
    for services in READERS_FIRST:
        for service in services:
            assert (await stack.container(service))["ImageName"] == IMAGE


async def test_our_containers_may_do_no_more_than_they_need(stack: Stack) -> None:
    for service in OURS:
        container = await stack.container(service)
        assert container["Config"]["User"] == "10001:10001", service
        assert container["HostConfig"]["ReadonlyRootfs"], service
        assert not container["EffectiveCaps"], service
        assert "no-new-privileges" in container["HostConfig"]["SecurityOpt"], service
        assert container["HostConfig"]["Memory"] > 0, service
        assert container["HostConfig"]["PidsLimit"] > 0, service
    assert "Read-only file system" in await stack.inside("reasoning", "sh", "-c", "touch /opt/x 2>&1 || true")
    assert await stack.inside("reasoning", "sh", "-c", "command -v pip uv gcc cc ld make || true") == ""


async def test_a_process_cannot_store_anothers_fact(stack: Stack) -> None:
    said = await stack.refused_by_nats("synthesis", "voice.stack.turn.ended")
    assert 'permissions violation for publish to "voice.stack.turn.ended"' in said
    assert await facts_of(stack.nats_url, "stack") == []


@pytest.mark.parametrize(
    "kills",
    [
        {"SpeechStarted": ("transcript",), "PlaybackFinished": ("persistence", "summaries", "tools")},
        {"ReplyStarted": ("reasoning",), "PlaybackFinished": ("llm", "projection-postgres")},
        {"ReplyClauseWritten": ("synthesis",), "PlaybackFinished": ("http", "postgres")},
        {"TurnEnded": ("nats",)},
    ],
    ids=lambda kills: "-".join(name for names in kills.values() for name in names),
)
async def test_a_call_goes_on_when_containers_are_killed(stack: Stack, kills: dict[str, tuple[str, ...]]) -> None:
    killed: dict[str, asyncio.Task[int]] = {}
    kinds = dict(kills)

    def kill(name: str, _data: dict[str, Any]) -> None:
        for service in kinds.pop(name, ()):
            killed[service] = asyncio.create_task(stack.kill(service), name=f"kill {service}")

    result = await call(stack, kill)

    assert set(killed) == {service for services in kills.values() for service in services}
    await assert_answered(stack, result)
    for service, pid in killed.items():
        await stack.restarted(service, await pid)


async def test_a_call_is_resumed_when_the_door_is_killed(stack: Stack) -> None:
    pids: list[asyncio.Task[int]] = []
    result = await call(stack, once("PlaybackStarted", lambda: pids.append(asyncio.create_task(stack.kill("bridge")))))
    await assert_answered(stack, result)
    await stack.restarted("bridge", await pids[0])


async def test_nothing_of_all_these_calls_is_lost_and_the_tables_agree_with_the_log(stack: Stack) -> None:
    assert len(sessions) >= 6

    async def lacking(session: str) -> str:
        facts = await facts_of(stack.nats_url, session)
        kinds = {type(fact.event) for fact in facts}
        said = {fact.event.turn_id: fact.event.text for fact in facts if isinstance(fact.event, e.TurnEnded)}
        stored = {fact.event.turn_id for fact in facts if isinstance(fact.event, e.TurnRecorded)}
        lacks = [kind.__name__ for kind in (e.SessionClosed, e.RecordingStored) if kind not in kinds]
        lacks += [f"a record of {text!r}" for turn, text in said.items() if turn not in stored]
        return ", ".join(lacks + [f"a turn for the record {turn}" for turn in stored - said.keys()])

    async def is_recorded(session: str) -> bool:
        return not await lacking(session)

    for session in sessions:
        try:
            await until_async(partial(is_recorded, session), 120)
        except AssertionError as error:
            raise AssertionError(f"{session} lacks {await lacking(session)}") from error
    assert await stack.as_operator("daredevil", "dead", "list", "--json") == ""
    verified = await stack.as_operator("daredevil", "projections", "verify", "--json")
    [tables] = [json.loads(line) for line in verified.splitlines()]
    assert tables["agrees"], tables


async def test_containers_end_by_themselves_when_they_are_told_to(stack: Stack) -> None:
    """Within their grace: nothing has to be killed with SIGKILL, whose exit code would be 137."""
    services = ("summaries", "tools")
    await stack.compose("stop", *services)
    for service in services:
        assert (await stack.container(service))["State"]["ExitCode"] == 0, service
    await stack.up(*services)
