"""The agent's past sound is found by sequences and samples, and nothing is lost between it and what comes."""

import pytest
from faststream.nats import NatsBroker

from actors.transcript.echo import agent_sound
from actors.transcript.echo.agent_sound import AgentSound
from contracts.audio import InFrame, OutFrame
from contracts.topology import AUDIO, audio_out_subject
from infra.log.connection import connection, jetstream
from tests.waiting import until_async

RATE_HZ = 16_000


async def publish(broker: NatsBroker, reply_id: str, seconds: range, session_id: str = "s") -> None:
    for second in seconds:
        frame = OutFrame(reply_id, 0, second * RATE_HZ, RATE_HZ, b"\1\1" * RATE_HZ)
        await connection(broker).publish(audio_out_subject(session_id), frame.pack())
    await connection(broker).flush()


async def stored(broker: NatsBroker, count: int) -> None:
    async def are_stored() -> bool:
        return (await jetstream(broker).stream_info(AUDIO)).state.messages >= count

    await until_async(are_stored)


def known_s(agent: AgentSound, reply_id: str) -> float:
    reply = agent._sound.get(reply_id)
    return 0.0 if reply is None else reply.length / RATE_HZ


async def test_the_newest_reply_is_there_from_its_beginning_however_long(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_sound, "FIRST_STEP", 5)
    await publish(broker, "r-old", range(100))
    await publish(broker, "r-other", range(20), "another")
    await publish(broker, "r-new", range(90))
    await stored(broker, 210)
    async with AgentSound(broker, "s") as agent:
        assert known_s(agent, "r-new") == 90
        assert known_s(agent, "r-other") == 0


async def test_what_comes_while_the_past_is_read_is_not_lost(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(broker, "r", range(5))
    await stored(broker, 5)
    real = AgentSound._kept

    async def slow(self: AgentSound) -> list[OutFrame]:
        kept = await real(self)
        await publish(broker, "r", range(5, 8))

        async def has_come() -> bool:
            return len(self._early or []) == 3

        await until_async(has_come)
        return kept

    monkeypatch.setattr(AgentSound, "_kept", slow)
    async with AgentSound(broker, "s") as agent:
        agent.playback.hear(_frame(), 0)
        await publish(broker, "r", range(8, 9))

        async def is_whole() -> bool:
            return known_s(agent, "r") == 9

        await until_async(is_whole)


async def test_without_any_sound_there_is_none(broker: NatsBroker) -> None:
    async with AgentSound(broker, "s") as agent:
        assert known_s(agent, "r") == 0


def _frame() -> InFrame:
    return InFrame("t", 0, 0, bytes(640))
