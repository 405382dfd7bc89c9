"""What production adds to rooms: LiveKit with its keys in files, and a relay for whoever cannot send UDP out."""

import pytest

from contracts import events as e
from tests.e2e.the_log import facts_of
from tests.stack.production.files import NODE_IP, ProductionFiles, log_url
from tests.stack.rooms import called_in_a_room
from tests.stack.stack import CommandFailed, Stack, needs
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(1200)]


async def test_a_caller_in_a_room_is_answered(
    production: Stack, files: ProductionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    await needs("livekit")
    rooms = ("redis", "livekit", "bridge-livekit")
    await production.compose("up", "-d", "--no-deps", *rooms, profiles=("core", "rooms"))
    await production.healthy(rooms)
    url = await log_url(production, "nats")
    secret = files.secret("livekit_secret")
    result = await called_in_a_room(f"ws://{NODE_IP}:7880", secret, url, monkeypatch)
    [turn] = result.turns
    assert turn.heard_text
    facts = await facts_of(url, result.session_id)
    assert any(isinstance(fact.event, e.PlaybackFinished) for fact in facts)


async def asked_for_a_relay(production: Stack, secret: str, port: int) -> str:
    """Ask coturn for an address and send through it to a peer of this machine; return what its own client says."""
    command = ("turnutils_uclient", "-n", "1", "-m", "1", "-u", "sam", "-W", secret, "-p", str(port), "-e", "127.0.0.1")
    try:
        return await production.inside("coturn", "sh", "-c", " ".join((*command, "127.0.0.1", "-v", "2>&1")))
    except CommandFailed as refused:
        return str(refused)


async def test_the_relay_is_for_those_with_its_secret_and_leads_to_no_network_of_its_own(
    production: Stack, files: ProductionFiles
) -> None:
    await needs("coturn")
    await production.compose("up", "-d", "--no-deps", "coturn", profiles=("rooms",))

    async def answers() -> bool:
        try:
            await production.inside("coturn", "turnutils_stunclient", "-p", str(files.turn_port), "127.0.0.1")
        except CommandFailed:
            return False
        return True

    await until_async(answers, 60, "coturn answers")
    said = await asked_for_a_relay(production, files.secret("turn_secret"), files.turn_port)
    assert "Cannot complete Allocation" not in said
    assert "403" in said  # the peer is of this machine
    refused = await asked_for_a_relay(production, "another", files.turn_port)
    assert "Cannot complete Allocation" in refused
