"""The files for k6 at a real door: k6 is not among the dependencies, so Node.js runs them with what they use of it."""

import asyncio
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from bridge.web_server import WebServer
from contracts import events as e
from contracts.codec import decode
from infra.log.connection import connection, round_trip
from tests.actors.reasoning.models import ScriptedModel
from tests.bridge.agent import Agent
from tests.bridge.http.answering import persistence, reasoning

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "infra" / "deploy" / "load" / "k6"


async def iteration(script: str, door: str, folder: Path) -> dict[str, Any]:
    """Run a script once, as one of k6's users does; return what it has measured and checked."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    shutil.copytree(Path(__file__).parent / "k6", folder / "node_modules" / "k6")
    shutil.copy(SCRIPTS / script, folder / "script.mjs")
    command = (node, "--experimental-websocket", "node_modules/k6/run.js", folder / "script.mjs", door)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(output)
    return found


async def test_a_conversation_by_text(door: WebServer, tmp_path: Path) -> None:
    async with reasoning(ScriptedModel.playing(["Yes."])), persistence():
        seen = await iteration("chat.js", f"http://127.0.0.1:{door.port}", tmp_path)
    assert seen["checks"] == [True] * 4
    *asked, (path, status) = seen["answers"]
    assert asked == [["/chat", 200]] * 4
    assert (path.endswith("/close"), status) == (True, 200)


async def test_a_call_that_types(broker: NatsBroker, door: WebServer, agent: Agent, tmp_path: Path) -> None:
    replies = itertools.count()

    async def answer(message: Msg) -> None:
        turn = decode(message.subject, message.data)
        assert isinstance(turn, e.TurnEnded)
        await agent.reply(turn.session_id, f"reply-{next(replies)}", turn.turn_id or "")

    await connection(broker).subscribe("voice.*.turn.ended", cb=answer)
    await round_trip(connection(broker))
    seen = await iteration("ws.js", f"ws://127.0.0.1:{door.port}", tmp_path)
    assert seen["checks"] == [True]
    assert {name: len(values) for name, values in seen["trends"].items()} == {"first_sound": 3, "answer_heard": 3}
