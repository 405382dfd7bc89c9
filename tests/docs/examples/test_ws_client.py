"""The example client of the WebSocket protocol, at a real door; and the page about the protocol says what there is."""

import asyncio
import re
import wave
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from bridge.web.websocket_errors import CLOSE_CODES
from bridge.websocket.protocol import ClientMessage, Hello
from contracts.events import SessionClosed, TurnEnded
from docs.examples.ws_client import talk
from docs.examples.ws_speak import speak
from infra.log.connection import connection
from infra.session.index import newest_sessions
from tests.bridge.agent import Agent
from tests.bridge.conftest import OpenDoor, agent, open_door  # noqa: F401 (fixtures)
from tests.waiting import until, until_async

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"


@pytest.mark.parametrize("example", ["ws_client.py", "ws_speak.py"])
def test_the_examples_have_forty_lines_at_most(example: str) -> None:
    assert len((PAGE.parent / "examples" / example).read_text().splitlines()) <= 40


async def test_the_example_types_reads_the_answers_and_comes_back(
    broker: NatsBroker,
    open_door: OpenDoor,  # noqa: F811
    agent: Agent,  # noqa: F811
) -> None:
    answers: list[str] = []
    door = await open_door()
    url = f"ws://127.0.0.1:{door.port}/ws"
    talking = asyncio.create_task(talk(url, "Hello?", "Still there?", answered=answers.append))
    turn = await turn_number(1, agent)
    await agent.reply(turn.session_id, "r-1", "turn-1")
    await until(lambda: answers)
    await turn_number(2, agent)
    await door.close()
    another = (await open_door(port=door.port)).door
    assert another is not None
    await until(lambda: [call for call in another._calls.values() if call._driver.line is not None])
    await agent.reply(turn.session_id, "r-2", "turn-2")
    await asyncio.wait_for(talking, 20)
    assert answers == ["Hello there. How are you?"] * 2
    facts = await agent.facts(turn.session_id)
    assert [fact.text for fact in facts if isinstance(fact, TurnEnded)] == ["Hello?", "Still there?"]
    assert isinstance(facts[-1], SessionClosed)


async def turn_number(n: int, actors: Agent) -> TurnEnded:
    """Wait for the n-th turn of the log."""
    nc = connection(actors.broker)

    async def turns() -> list[TurnEnded]:
        sessions = [listed.event.session_id async for listed in newest_sessions(nc, 10)]
        facts = [fact for session_id in sessions for fact in await actors.facts(session_id)]
        return [fact for fact in facts if isinstance(fact, TurnEnded)]

    async def are_there() -> bool:
        return len(await turns()) >= n

    await until_async(are_there, 20, f"turn {n}")
    return (await turns())[n - 1]


async def test_the_example_speaks_and_keeps_what_is_answered(
    broker: NatsBroker,
    open_door: OpenDoor,  # noqa: F811
    agent: Agent,  # noqa: F811
    tmp_path: Path,
) -> None:
    door = await open_door()
    spoken = PAGE.parents[1] / "tests" / "data" / "hello.wav"
    speaking = asyncio.create_task(speak(f"ws://127.0.0.1:{door.port}/ws", str(spoken), str(tmp_path / "answer.wav")))
    assert door.door is not None
    calls = door.door._calls
    await until(lambda: [call for call in calls.values() if call.state.tracks])
    (session_id,) = calls
    async with agent.hearing(session_id) as frames:
        await until(lambda: len(frames) > 10)
        await agent.reply(session_id, "r-1")
        assert await asyncio.wait_for(speaking, 20) == "Hello there. How are you?"
    with wave.open(str(tmp_path / "answer.wav")) as answer:
        assert (answer.getframerate(), answer.getnframes()) == (24_000, 24_000)
    assert isinstance((await agent.facts(session_id))[-1], SessionClosed)


@pytest.mark.parametrize("code", CLOSE_CODES)
def test_every_error_that_closes_is_in_the_page_with_its_close_code(code: str) -> None:
    table = PAGE.read_text().partition("## Errors, and close codes")[2].splitlines()
    line = next(line for line in table if f"`{code}`" in line)
    assert line.split("|")[1].strip() == str(CLOSE_CODES[code])


def test_every_message_and_field_of_a_client_is_in_the_page() -> None:
    page = PAGE.read_text()
    for message in ClientMessage.__args__:
        for name, field in message.model_fields.items():
            shown = re.search(r"'(\w+)'", str(field.annotation)) if name == "type" else None
            assert f"`{shown.group(1) if shown else name}`" in page, (message, name)
    assert "`replies`" in page
    assert Hello in ClientMessage.__args__


def test_every_message_of_the_server_is_in_the_page() -> None:
    bridge = Path(__file__).parents[3] / "bridge"
    parts = ("call", "playback", "web", "websocket")
    sources = [path.read_text() for part in parts for path in (bridge / part).glob("*.py")]
    told = {kind for source in sources for kind in re.findall(r'"type": ?"([a-z_]+)"', source)}
    assert {"welcome", "fact", "taken", "reply_end"} <= told
    for kind in told | {"pause", "resume", "stop"}:
        assert f"`{kind}`" in PAGE.read_text(), kind
