"""`daredevil say --door livekit --token …` with tokens that do not let in: one clear line, and no token in it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from infra.livekit.tokens import join_token
from tests.infra.livekit.test_refusals import wrong_tokens
from tests.infra.livekit.test_tokens import ACCESS, HOUR
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer

pytestmark = pytest.mark.slow

HELLO = Path(__file__).parents[2] / "data" / "hello.wav"


async def say(*options: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "say", str(HELLO), "--door", "livekit", *options),
        env=os.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode(), errors.decode()


async def test_an_expired_token_is_one_clear_line(livekit_server: LiveKitServer, nats_server: NatsServer) -> None:
    token = wrong_tokens(livekit_server)["has expired"]
    code, output, errors = await say("--url", livekit_server.url, "--token", token)
    assert (code, output) == (1, "")
    assert (
        errors.split()
        == (
            f"error: the room at {livekit_server.url} cannot be joined: the token has expired: make another with "
            "`daredevil token`"
        ).split()
    )


async def test_a_token_of_another_room_is_refused_before_anybody_is_called() -> None:
    token = join_token(ACCESS, "kitchen", "sam", HOUR)
    code, output, errors = await say("--url", "ws://127.0.0.1:9", "--room", "hall", "--token", token)
    assert (code, output) == (2, "")
    assert errors.startswith("error: the token is for room kitchen, not for hall: make another")
    assert "Traceback" not in errors
