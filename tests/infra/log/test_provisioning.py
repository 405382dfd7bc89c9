"""Streams and durables come from the topology, whoever starts first, and come back."""

import asyncio
import signal
from pathlib import Path

import nats
import pytest
from faststream.nats import NatsBroker
from nats.js.api import ConsumerConfig, DiscardPolicy, StorageType, StoreCompression
from nats.js.errors import NotFoundError

from contracts.topology import AUDIO, BUCKETS, DURABLES, JOURNAL, RECORDINGS, RESPONSE_CACHE, STREAMS, VOICE
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.log.provisioning import missing_durables, plan, provision
from infra.settings import settings
from tests.infra.log.copies import turn_ended
from tests.servers import NatsServer, running_nats
from tests.waiting import until


async def test_every_stream_and_durable_of_the_topology_is_there(broker: NatsBroker) -> None:
    js = jetstream(broker)
    buckets = {bucket.stream for bucket in BUCKETS if bucket != RESPONSE_CACHE}  # answers are not reused
    assert {info.config.name for info in await js.streams_info()} == {stream.name for stream in STREAMS} | buckets
    for durable in DURABLES:
        config = (await js.consumer_info(VOICE, durable.name)).config
        assert tuple(config.filter_subjects or [config.filter_subject]) == durable.filter_subjects
        assert config.ack_wait == durable.ack_wait_s
        assert config.max_deliver == durable.max_deliver


async def test_a_server_is_not_asked_about_each_thing_that_it_cannot_have(nats_server: NatsServer) -> None:
    nc = await nats.connect(nats_server.url)
    changes = await plan(nc.jetstream())
    assert nc.stats["out_msgs"] < len(changes) / 2
    assert all(change.is_new for change in changes)
    await nc.close()


async def test_the_log_is_on_disk_and_refuses_rather_than_forgets(broker: NatsBroker) -> None:
    config = (await jetstream(broker).stream_info(VOICE)).config
    assert config.storage == StorageType.FILE
    assert config.discard == DiscardPolicy.NEW
    assert not config.max_age


async def test_retention_is_applied_to_streams_that_exist_and_taken_back(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    ages = {VOICE: ("LOG_RETENTION_DAYS", "0.5"), AUDIO: ("AUDIO_RETENTION_S", "60")}
    ages[RECORDINGS] = ("RECORDING_RETENTION_DAYS", "7")
    for name, value in ages.values():
        monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    settings.cache_clear()
    await provision(js)
    found = {name: (await js.stream_info(name)).config for name in ages}
    assert {name: config.max_age for name, config in found.items()} == {VOICE: 43_200, AUDIO: 60, RECORDINGS: 604_800}
    # Facts leave by age only, never for want of room; recordings and sound may.
    assert [found[name].discard for name in ages] == [DiscardPolicy.NEW, DiscardPolicy.OLD, DiscardPolicy.OLD]
    for name, _ in ages.values():
        monkeypatch.delenv(f"DAREDEVIL_{name}")
    settings.cache_clear()
    await provision(js)
    assert [(await js.stream_info(name)).config.max_age or 0 for name in ages] == [0, 600, 0]


async def test_what_is_older_than_the_retention_leaves_the_log(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    await append(broker, turn_ended(0))
    monkeypatch.setenv("DAREDEVIL_LOG_RETENTION_DAYS", str(0.2 / 86_400))
    settings.cache_clear()
    await provision(js)
    for _ in range(500):
        if not (await js.stream_info(VOICE)).state.messages:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it is still there")


async def test_many_processes_may_provision_at_once_and_again(broker: NatsBroker) -> None:
    await append(broker, turn_ended(0))
    js = jetstream(broker)
    await js.delete_stream(AUDIO)
    await asyncio.gather(*(provision(js) for _ in range(8)))
    assert (await js.stream_info(VOICE)).state.messages == 1
    assert (await js.stream_info(AUDIO)).state.messages == 0


async def test_a_changed_durable_is_changed_back(broker: NatsBroker) -> None:
    js = jetstream(broker)
    config = (await js.consumer_info(VOICE, "summaries")).config
    await js.add_consumer(VOICE, ConsumerConfig(**{**config.__dict__, "ack_wait": 77, "max_ack_pending": 1}))
    await provision(js)
    assert (await js.consumer_info(VOICE, "summaries")).config.ack_wait == 3


async def test_a_deleted_durable_is_noticed(broker: NatsBroker) -> None:
    js = jetstream(broker)
    assert await missing_durables(js, ("reasoning", "summaries")) == []
    await js.delete_consumer(VOICE, "summaries")
    assert await missing_durables(js, ("reasoning", "summaries")) == ["summaries"]


async def test_the_audio_stream_is_made_again_after_nats_was_killed(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    js = jetstream(broker)
    await connection(broker).publish("audio.s-1.in.p", b"sound")
    await nats_server.stop(signal.SIGKILL)
    await nats_server.start()
    await until(lambda: connection(broker).is_connected)
    for _ in range(500):
        try:
            await js.stream_info(AUDIO)
        except NotFoundError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError("no stream AUDIO")


async def test_the_tape_is_compressed_on_disk_and_goes_by_age_and_size_and_with_the_log(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    config = (await js.stream_info(JOURNAL)).config
    assert (config.storage, config.compression) == (StorageType.FILE, StoreCompression.S2)
    assert (config.max_age, config.max_bytes, config.discard) == (30 * 86_400, 1_024_000_000, DiscardPolicy.OLD)
    for name, value in {"JOURNAL_RETENTION_DAYS": "3", "JOURNAL_MAX_MB": "16", "LOG_RETENTION_DAYS": "2"}.items():
        monkeypatch.setenv(f"DAREDEVIL_{name}", value)
    settings.cache_clear()
    await provision(js)
    config = (await js.stream_info(JOURNAL)).config
    assert (config.max_age, config.max_bytes) == (2 * 86_400, 16_000_000)


async def test_a_server_without_room_for_the_tape_runs_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_nats(tmp_path, max_file_bytes=10_000_000) as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        nc = await nats.connect(server.url)
        try:
            await provision(nc.jetstream())
            with pytest.raises(NotFoundError):
                await nc.jetstream().stream_info(JOURNAL)
            assert (await nc.jetstream().stream_info(VOICE)).state.messages == 0
            assert "stream JOURNAL: NATS has no room for it" in caplog.text
            monkeypatch.setenv("DAREDEVIL_JOURNAL_MAX_MB", "2")
            settings.cache_clear()
            await provision(nc.jetstream())
            assert (await nc.jetstream().stream_info(JOURNAL)).config.max_bytes == 2_000_000
        finally:
            await nc.close()


async def test_no_tape_is_recorded_if_its_size_is_zero(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    js = jetstream(broker)
    await js.delete_stream(JOURNAL)
    monkeypatch.setenv("DAREDEVIL_JOURNAL_MAX_MB", "0")
    settings.cache_clear()
    await provision(js)
    with pytest.raises(NotFoundError):
        await js.stream_info(JOURNAL)
