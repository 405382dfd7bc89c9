"""A call in a room of a stack's LiveKit."""

import asyncio

import pytest

from infra.caller import CallFailed, CallResult, ScriptedUtterance, read_wav
from infra.caller.room import Admission, minted, place_room_call
from infra.settings import Settings
from infra.settings import settings as current_settings
from tests.e2e.conftest import DATA
from tests.stack.stack import PAUSE_S
from tests.waiting import until_async


async def called_in_a_room(livekit_url: str, secret: str, nats_url: str, monkeypatch: pytest.MonkeyPatch) -> CallResult:
    """Say hello in a room of its own, and be answered. Raises CallFailed, AssertionError."""
    monkeypatch.setenv("DAREDEVIL_NATS_URL", nats_url)
    current_settings.cache_clear()
    try:
        settings = Settings(livekit_url=livekit_url, livekit_api_key="daredevil", livekit_api_secret=secret)
        return await _called_when_it_takes_rooms(minted(settings, "stack", "caller"))
    finally:
        current_settings.cache_clear()


async def _called_when_it_takes_rooms(admission: Admission) -> CallResult:
    """Call; again while LiveKit refuses: some seconds after its start it finds no node, not even itself, for a room."""
    results: list[CallResult] = []

    async def is_called() -> bool:
        hello = ScriptedUtterance(read_wav(DATA / "hello.wav"))
        try:
            results.append(await place_room_call(admission, [hello], answer_timeout_s=120, agent_timeout_s=90))
        except CallFailed as failed:
            if "cannot be joined" not in str(failed):
                raise
            await asyncio.sleep(PAUSE_S)
            return False
        return True

    await until_async(is_called, 60, "LiveKit takes rooms")
    return results[0]
