"""The example client of the WebSocket protocol, at a real door; and the page about the protocol says what there is."""

import asyncio
import re
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from bridge.protocol import CLOSE_CODES, ClientMessage, Hello
from contracts.events import TurnEnded
from docs.examples.ws_client import TextClient
from tests.bridge.agent import Agent
from tests.bridge.conftest import OpenDoor, agent, open_door  # noqa: F401 (fixtures)
from tests.waiting import until

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"


async def test_the_example_types_reads_the_answer_and_comes_back(
    broker: NatsBroker,
    open_door: OpenDoor,  # noqa: F811
    agent: Agent,  # noqa: F811
) -> None:
    door = await open_door()
    client = TextClient(f"ws://127.0.0.1:{door.port}/ws")
    running = asyncio.create_task(client.run())
    await client.say("Hello?")
    await until(lambda: not client.unsaid)
    session_id = client._session["session_id"]
    await agent.reply(session_id, "r-1")
    assert await asyncio.wait_for(client.answers.get(), 10) == "Hello there. How are you?"
    first = client._socket
    assert first is not None
    first.transport.abort()
    await until(lambda: client._socket not in (None, first))
    await client.say("Still there?")
    await until(lambda: not client.unsaid)
    turns = [fact.text for fact in await agent.facts(session_id) if isinstance(fact, TurnEnded)]
    assert turns == ["Hello?", "Still there?"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


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
    sources = (path.read_text() for path in (Path(__file__).parents[3] / "bridge").glob("*.py"))
    told = {kind for source in sources for kind in re.findall(r'"type": "([a-z_]+)"', source)}
    assert {"welcome", "fact", "taken", "reply_end"} <= told
    for kind in told | {"pause", "resume", "stop"}:
        assert f"`{kind}`" in PAGE.read_text(), kind
