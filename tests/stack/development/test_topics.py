"""The profile `topics` beside `core`: everything that is in the log comes into Pulsar, and stays when it is killed."""

import asyncio
import json

import httpx
import pytest

from tests.stack.stack import PAUSE_S, CommandFailed, Stack, needs
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

PROFILES = ("core", "topics")
AS_OPERATOR = ("env", "DAREDEVIL_NATS_USER=operator", "DAREDEVIL_NATS_JETSTREAM_USER=", "sh", "-c")
"""A command with the topics' addresses, which the operator's own container does not have."""


async def says(stack: Stack, text: str) -> None:
    async with httpx.AsyncClient(timeout=150) as http:
        assert (await http.post(f"{stack.http_url}/chat", json={"text": text})).status_code == 200


async def test_topics_agree_with_the_log_and_again_after_pulsar_is_killed(stack: Stack) -> None:
    await needs("pulsar")
    await says(stack, "Hello, is anybody there?")
    await stack.up("pulsar", "projection-pulsar", profiles=PROFILES)
    await come_to_agree(stack)
    pid = await stack.kill("pulsar")
    await says(stack, "And now?")
    await stack.restarted("pulsar", pid)
    await stack.healthy(["projection-pulsar"])
    await come_to_agree(stack)


async def come_to_agree(stack: Stack) -> None:
    """Wait until the projection has caught up: it may still be waiting for Pulsar, and reads on from where it was."""

    async def agree() -> bool:
        try:
            verified = await stack.inside("projection-pulsar", *AS_OPERATOR, "daredevil projections verify --json")
        except CommandFailed:
            await asyncio.sleep(PAUSE_S)
            return False
        [topics] = [json.loads(line) for line in verified.splitlines()]
        assert topics["projection"] == "projection-pulsar"
        return bool(topics["agrees"])

    await until_async(agree, 240, "the topics agree with the log")
