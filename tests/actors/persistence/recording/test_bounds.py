"""What recordings hold while they cannot keep up, and that they say what is missing."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Gate

import numpy as np
import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy

from actors.persistence import actor
from actors.persistence.recording import session as recorded_session
from actors.persistence.recording.recorder import AT_ONCE, Recorder
from contracts import events as e
from contracts.topology import AUDIO, RECORDINGS
from infra.log.connection import connection, jetstream
from infra.log.event_log import history
from infra.process.tasks import ended
from infra.session.recordings import pcm_of
from tests.actors.persistence.recording.recorded_call import USER_HZ, RecordedCall, onsets_ms, quiet, tone
from tests.actors.running import facts_until, running
from tests.waiting import until

SECOND_NS = 1_000_000_000


async def _spoken(broker: NatsBroker, session_id: str = "s") -> RecordedCall:
    """Return a call that began 14 s ago, with a tone from 1.5 to 2.5 s."""
    call = RecordedCall(broker, time.time_ns() - 14 * SECOND_NS, session_id)
    await call.open()
    await call.speak("t", 500, np.concatenate((quiet(1000, 16_000), tone(1000, 16_000, USER_HZ), quiet(9000, 16_000))))
    return call


async def _opened(broker: NatsBroker, session_id: str) -> e.SessionOpened:
    await _spoken(broker, session_id)
    facts = [fact.event async for fact in history(connection(broker), session_id)]
    opened = facts[0]
    assert isinstance(opened, e.SessionOpened)
    return opened


async def _stored(broker: NatsBroker) -> e.RecordingStored:
    facts = await facts_until(broker, "s", lambda facts: any(isinstance(fact, e.RecordingStored) for fact in facts))
    return next(fact for fact in facts if isinstance(fact, e.RecordingStored))


async def test_the_sound_of_those_that_wait_for_the_encoder_stays_in_the_stream(broker: NatsBroker) -> None:
    calls = [await _opened(broker, f"s-{n}") for n in range(3 * AT_ONCE)]
    readers: set[str] = set()

    async def asked(message: Msg) -> None:
        request = json.loads(message.data)
        readers.add(request.get("next_by_subj", "").split(".")[1] if "next_by_subj" in request else "")
        readers.discard("")

    await connection(broker).subscribe(f"$JS.API.DIRECT.GET.{AUDIO}", cb=asked)
    recorder, gate = Recorder(broker), Gate()
    async with recorder.lifespan():
        encoder = recorder._encoding = ThreadPoolExecutor(1)
        encoder.submit(gate.wait)
        jobs = [job for call in calls if (job := recorder.record(call)) is not None]
        try:
            await until(lambda: encoder._work_queue.qsize() >= AT_ONCE)
            assert len(readers) == AT_ONCE
            gate.set()
            await until(lambda: len(readers) == len(calls))
        finally:
            gate.set()
            await ended(*jobs)
            encoder.shutdown()


async def test_what_cannot_be_stored_is_left_to_the_stream_and_read_again(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_session, "MOST_UNWRITTEN_BYTES", 100_000)
    monkeypatch.setattr(recorded_session, "LEFT_AGAIN_S", 0.05)
    held: list[int] = []
    real = recorded_session._Writer.step

    async def step(self: recorded_session._Writer, hurried: bool) -> bool:
        held.append(self.unwritten_bytes)
        return await real(self, hurried)

    monkeypatch.setattr(recorded_session._Writer, "step", step)
    call = await _spoken(broker)
    js = jetstream(broker)
    as_it_is = (await js.stream_info(RECORDINGS)).config
    await js.update_stream(as_it_is.evolve(max_bytes=100, discard=DiscardPolicy.NEW))  # full
    async with running(actor.make(), "persistence", broker):
        await until(lambda: len(held) > 3)
        await js.update_stream(as_it_is)
        await call.close(12_000)
        stored = await _stored(broker)
    assert max(held) == 0, "each attempt began with nothing held"
    samples, _ = await pcm_of(connection(broker), "s")
    np.testing.assert_allclose(onsets_ms(samples[:, 0]), [(1520, 2520)], atol=5)
    assert stored.missing_ms == 0


async def test_the_recording_says_what_was_dropped_before_it_could_be_read(broker: NatsBroker) -> None:
    call = await _spoken(broker)
    await jetstream(broker).purge_stream(AUDIO, seq=51)  # the first 50 frames
    await call.append(
        e.SoundLost,
        11_000,
        track_id="t",
        participant_id="user",
        start_sample=0,
        end_sample=3200,
        lost_ms=200,
        reason="log-away",
    )
    await call.close(12_000)
    async with running(actor.make(), "persistence", broker):
        assert (await _stored(broker)).missing_ms == 800
