"""The recorder as a process that is killed, and a log that goes away."""

import asyncio
import os
import signal
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.persistence import actor
from contracts import events as e
from contracts.topology import AUDIO
from infra.log.connection import connection, jetstream
from infra.session.recordings import chunks_of, last_chunk, pcm_of
from tests.actors.persistence.recording.recorded_call import AGENT_HZ, USER_HZ, RecordedCall, onsets_ms, quiet, tone
from tests.actors.running import facts_until, running
from tests.servers import NatsServer
from tests.waiting import until_async

pytestmark = pytest.mark.slow

SECOND_NS = 1_000_000_000


async def test_when_a_recorder_is_killed_another_goes_on_behind_what_is_stored(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    environment = os.environ | {"DAREDEVIL_NATS_URL": nats_server.url}
    arguments = (sys.executable, "-m", "faststream", "run", "actors.persistence:app")
    call = RecordedCall(broker, time.time_ns() - 9 * SECOND_NS)
    await call.open()
    await call.speak("t1", 500, np.concatenate((tone(1000, 16_000, USER_HZ), quiet(4000, 16_000))))
    await call.answer("r", 5000, tone(3000, 24_000, AGENT_HZ))
    await call.append(e.PlaybackStarted, 6000, reply_id="r")
    first = await asyncio.create_subprocess_exec(*arguments, env=environment)
    try:
        await until_async(lambda: last_chunk(connection(broker), "s"), within_s=60)
        now_ms = (time.time_ns() - call.start_ns) / 1e6
        await call.append(e.PlaybackFinished, 9000, reply_id="r", played_samples=72_000, heard_text="a")
        await call.speak("t2", now_ms, np.concatenate((quiet(200, 16_000), tone(800, 16_000, USER_HZ))))
        async with running(actor.make(), "persistence", broker):
            first.send_signal(signal.SIGKILL)
            await first.wait()
            await call.close(now_ms + 1500)
            facts = await facts_until(broker, "s", _is_stored)
    finally:
        if first.returncode is None:
            first.kill()
            await first.wait()
    samples, _ = await pcm_of(connection(broker), "s")
    said = [(520, 1520), (now_ms + 220, now_ms + 1020)]
    np.testing.assert_allclose(onsets_ms(samples[:, 0]), said, atol=6)
    np.testing.assert_allclose(onsets_ms(samples[:, 1]), [(6000, 9000)], atol=6)
    chunks = [chunk async for chunk in chunks_of(connection(broker), "s")]
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(after.first_packet >= before.end_packet for before, after in pairwise(chunks))
    assert sum(isinstance(fact, e.RecordingStored) for fact in facts) == 1


async def test_sound_from_before_and_after_an_outage_of_the_log_is_recorded(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    call = RecordedCall(broker, time.time_ns() - 9 * SECOND_NS)
    await call.open()
    await call.speak("t1", 500, np.concatenate((tone(1000, 16_000, USER_HZ), quiet(7000, 16_000))))
    async with running(actor.make(), "persistence", broker):
        await until_async(lambda: last_chunk(connection(broker), "s"))
        await nats_server.stop(signal.SIGKILL)
        await nats_server.start()
        now_ms = (time.time_ns() - call.start_ns) / 1e6
        await until_async(lambda: _has_audio(broker))
        await call.speak("t2", now_ms, np.concatenate((quiet(200, 16_000), tone(800, 16_000, USER_HZ))))
        await call.close(now_ms + 1500)
        await facts_until(broker, "s", _is_stored)
    samples, _ = await pcm_of(connection(broker), "s")
    said = [(520, 1520), (now_ms + 220, now_ms + 1020)]
    np.testing.assert_allclose(onsets_ms(samples[:, 0]), said, atol=6)


def _is_stored(facts: list[e.Event]) -> bool:
    """Whether the recording is stored: not always the last fact, as what a killed recorder had taken is said later."""
    return any(isinstance(fact, e.RecordingStored) for fact in facts)


async def _has_audio(broker: NatsBroker) -> bool:
    """Whether the log is back, and keeps sound again: that was in memory."""
    if not connection(broker).is_connected:
        return False
    try:
        await jetstream(broker).stream_info(AUDIO)
    except (NatsError, TimeoutError):
        return False
    return True
