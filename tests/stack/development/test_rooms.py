"""The profile `rooms` beside `core`: a call in a LiveKit room."""

import pytest

from contracts import events as e
from tests.e2e.the_log import facts_of, said_more_than_once
from tests.stack.rooms import called_in_a_room
from tests.stack.stack import COMPOSE, Stack, needs

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

DEVELOPMENT_SECRET = "development-only-0123456789abcdef0123"
"""Of compose.override.yaml."""


async def test_a_caller_in_a_room_is_answered(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    await needs("livekit")
    assert DEVELOPMENT_SECRET in (COMPOSE / "compose.override.yaml").read_text()
    rooms = ("redis", "livekit", "bridge-livekit")
    await stack.up(*rooms, profiles=("core", "rooms"))
    livekit_url = f"ws://127.0.0.1:{stack.ports['LIVEKIT_PORT']}"
    result = await called_in_a_room(livekit_url, DEVELOPMENT_SECRET, stack.nats_url, monkeypatch)
    [turn] = result.turns
    assert "hello" in turn.text.lower()
    assert turn.heard_text
    facts = await facts_of(stack.nats_url, result.session_id)
    assert any(isinstance(fact.event, e.PlaybackFinished) for fact in facts)
    assert said_more_than_once(facts) == {}
