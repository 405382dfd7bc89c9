"""The recorder on a real log: what was heard is in the recording, where the facts say that it was."""

import io
import time

import av
import numpy as np
import pytest
from faststream.nats import NatsBroker

from actors.persistence import actor
from contracts import events as e
from contracts.topology import AUDIO, RECORDER, VOICE
from infra.log.connection import connection, jetstream
from infra.session.behaviour import profile_of
from infra.session.recordings import NoRecording, chunks_of, drop, pcm_of, webm_of
from infra.settings import Settings, settings
from tests.actors.persistence.recording.recorded_call import AGENT_HZ, USER_HZ, RecordedCall, onsets_ms, quiet, tone
from tests.actors.running import facts_until, running
from tests.waiting import until_async

SECOND_NS = 1_000_000_000


def _stored(facts: list[e.Event]) -> list[e.RecordingStored]:
    return [fact for fact in facts if isinstance(fact, e.RecordingStored)]


async def _talk(call: RecordedCall) -> None:
    """People from 1.5 to 2.5 s; the agent, paused once and cut off, from 3.2 to 3.7 and 4.9 to 5.3 s."""
    await call.open()
    sound = np.concatenate((quiet(1000, 16_000), tone(1000, 16_000, USER_HZ), quiet(9000, 16_000)))
    await call.speak("t", 500, sound)
    await call.answer("r", 2600, tone(700, 24_000, AGENT_HZ), tone(2000, 24_000, AGENT_HZ))
    await call.append(e.PlaybackStarted, 3200, reply_id="r")
    await call.append(e.PlaybackPaused, 4000, reply_id="r", played_samples=12_000)
    await call.append(e.PlaybackResumed, 4900, reply_id="r", played_samples=12_000)
    await call.append(e.PlaybackInterrupted, 5500, reply_id="r", played_samples=21_600, heard_text="a")


@pytest.mark.parametrize("door_ahead_s", [0, 3600, -3600])
async def test_sound_is_where_the_facts_say_that_it_was_heard(broker: NatsBroker, door_ahead_s: int) -> None:
    call = RecordedCall(broker, time.time_ns() + (door_ahead_s - 14) * SECOND_NS)
    await _talk(call)
    await call.close(12_000)
    async with running(actor.make(), "persistence", broker):
        facts = await facts_until(broker, "s", lambda facts: bool(_stored(facts)))
    (stored,) = _stored(facts)
    samples, rate_hz = await pcm_of(connection(broker), "s")
    left, right = onsets_ms(samples[:, 0]), onsets_ms(samples[:, 1])
    # The frames came 20 ms after they were spoken: nobody can know better.
    np.testing.assert_allclose(left, [(1520, 2520)], atol=5)
    np.testing.assert_allclose(right, [(3200, 3700), (4900, 5300)], atol=5)
    assert (rate_hz, stored.channels, stored.codec, stored.start_ns) == (48_000, 2, "opus", call.start_ns)
    assert stored.duration_ms == pytest.approx(len(samples) / 48, abs=0.1)
    assert stored.duration_ms == pytest.approx(12_000, abs=40)
    assert stored.location == "recording.s"
    chunks = [chunk async for chunk in chunks_of(connection(broker), "s")]
    assert (len(chunks), chunks[-1].stored_bytes) == (stored.chunks, stored.size_bytes)


async def test_the_recording_is_a_webm_file_with_its_length_and_can_be_dropped(broker: NatsBroker) -> None:
    call = RecordedCall(broker, time.time_ns() - 14 * SECOND_NS)
    await _talk(call)
    await call.close(12_000)
    async with running(actor.make(), "persistence", broker):
        await facts_until(broker, "s", lambda facts: bool(_stored(facts)))
    nc = connection(broker)
    file = await webm_of(nc, "s")
    assert file == await webm_of(nc, "s")
    with av.open(io.BytesIO(file), "r") as container:
        assert container.duration == pytest.approx(12_000_000, abs=50_000)
        container.seek(4_900_000)
        frame = next(container.decode(audio=0))
        assert frame.time == pytest.approx(4.9, abs=1)
    assert await drop(nc, "s") > 0
    with pytest.raises(NoRecording):
        await webm_of(nc, "s")


async def test_a_session_without_sound_has_no_recording_and_its_job_ends(broker: NatsBroker) -> None:
    call = RecordedCall(broker, time.time_ns())
    await call.open()
    await call.close(100)
    async with running(actor.make(), "persistence", broker):
        await until_async(lambda: _jobs_done(broker))
    with pytest.raises(NoRecording):
        await pcm_of(connection(broker), "s")


async def test_nothing_is_recorded_where_that_is_off(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_RECORD_AUDIO", "false")
    settings.cache_clear()
    call = RecordedCall(broker, time.time_ns() - 14 * SECOND_NS)
    await _talk(call)
    await call.close(12_000)
    async with running(actor.make(), "persistence", broker):
        await until_async(lambda: _jobs_done(broker))
    with pytest.raises(NoRecording):
        await pcm_of(connection(broker), "s")


async def test_a_session_whose_door_forbids_it_is_recorded_by_no_copy(broker: NatsBroker) -> None:
    assert settings().record_audio
    call = RecordedCall(broker, time.time_ns() - 14 * SECOND_NS)
    call.profile = profile_of(Settings(record_audio=False))
    await _talk(call)
    await call.close(12_000)
    async with running(actor.make(), "persistence", broker):
        await until_async(lambda: _jobs_done(broker))
    with pytest.raises(NoRecording):
        await pcm_of(connection(broker), "s")


async def test_the_end_of_the_process_stores_what_was_heard_so_far(broker: NatsBroker) -> None:
    call = RecordedCall(broker, time.time_ns() - 6 * SECOND_NS)
    await _talk(call)
    asked = await connection(broker).subscribe(f"$JS.API.DIRECT.GET.{AUDIO}")
    async with running(actor.make(), "persistence", broker):
        await asked.next_msg(30)  # the sound is read
        await asked.unsubscribe()
    await jetstream(broker).purge_stream(AUDIO)  # a restart of the log's server: its memory is gone
    await call.close(7000)
    async with running(actor.make(), "persistence", broker):
        facts = await facts_until(broker, "s", lambda facts: bool(_stored(facts)))
    samples, _ = await pcm_of(connection(broker), "s")
    np.testing.assert_allclose(onsets_ms(samples[:, 0]), [(1520, 2520)], atol=5)
    np.testing.assert_allclose(onsets_ms(samples[:, 1]), [(3200, 3700), (4900, 5300)], atol=5)
    assert len(_stored(facts)) == 1


async def test_words_that_were_erased_are_recorded_no_more(broker: NatsBroker) -> None:
    call = RecordedCall(broker, time.time_ns() - 14 * SECOND_NS)
    await _talk(call)
    await call.append(e.SessionErased, 11_000)
    async with running(actor.make(), "persistence", broker):
        await until_async(lambda: _jobs_done(broker))
    with pytest.raises(NoRecording):
        await pcm_of(connection(broker), "s")


async def _jobs_done(broker: NatsBroker) -> bool:
    info = await jetstream(broker).consumer_info(VOICE, RECORDER)
    return info.ack_floor is not None and info.ack_floor.stream_seq > 0 and not info.num_pending
