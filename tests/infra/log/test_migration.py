"""What is on NATS already is compared with what should be, field by field, and changed where that is possible."""

import json
from dataclasses import replace
from pathlib import Path

import nats
import pytest
from faststream.nats import NatsBroker
from nats.js import JetStreamContext
from nats.js.api import StorageType

from contracts.topology import AUDIO, DURABLES, JOURNAL, REASONING, RECORDINGS, STREAMS, SUMMARIES, VOICE
from infra.log.connection import jetstream
from infra.log.event_log import append
from infra.log.provisioning import FieldOnNats, NotProvisioned, missing_durables, plan, provide, provision
from infra.log.wanted_streams import stream_config
from infra.settings import Settings, settings
from tests.infra.cli.command import cli_beside
from tests.infra.log.copies import turn_ended
from tests.servers import NatsServer


def setting(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"DAREDEVIL_{name.upper()}", str(value))
    settings.cache_clear()


async def test_what_was_just_provisioned_differs_in_nothing(broker: NatsBroker) -> None:
    assert await plan(jetstream(broker)) == []
    assert await provision(jetstream(broker)) == []


async def test_all_that_is_missing_is_created_and_told(nats_server: NatsServer) -> None:
    nc = await nats.connect(nats_server.url)
    js, told = nc.jetstream(), list[str]()
    missing = await plan(js)
    assert all(change.is_new for change in missing)
    await provision(js, told.append)
    assert sorted(told) == sorted(f"{change.what}: created" for change in missing)
    assert {"stream VOICE: created", "bucket rooms: created", "durable reasoning of VOICE: created"} <= set(told)
    assert await plan(js) == []
    await nc.close()


async def test_each_difference_is_shown_and_then_changed_with_its_messages_kept(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    await append(broker, turn_ended(0))
    config = (await js.consumer_info(VOICE, SUMMARIES)).config
    await js.add_consumer(VOICE, replace(config, max_ack_pending=7))
    voice = (await js.stream_info(VOICE)).config
    await js.update_stream(voice.evolve(republish=None, subjects=["voice.*.*.*", "old.>"], max_msgs=10_000))
    setting(monkeypatch, log_retention_days=2, journal_max_mb=5)
    found = {(change.kind, change.name): change for change in await plan(js)}
    assert {key: [each.field for each in change.differences] for key, change in found.items()} == {
        ("stream", VOICE): ["subjects", "max_age", "republish"],
        ("stream", JOURNAL): ["max_age", "max_bytes"],
        ("durable", SUMMARIES): ["max_ack_pending"],
    }
    assert found["stream", VOICE].differences[1] == FieldOnNats("max_age", "unlimited", "2 days")
    assert (await js.stream_info(VOICE)).config.max_age == 0  # nothing was changed by looking
    assert await provision(js) == []
    assert await plan(js) == []
    info = await js.stream_info(VOICE)
    assert info.state.messages == 1
    assert info.config.max_msgs == 10_000  # a limit of the operator's stays


async def test_what_cannot_be_changed_is_left_and_says_what_to_do(broker: NatsBroker) -> None:
    js = jetstream(broker)
    await js.delete_stream(RECORDINGS)
    row = stream_config(next(stream for stream in STREAMS if stream.name == RECORDINGS), Settings())
    await js.add_stream(row.evolve(storage=StorageType.MEMORY))
    await js.delete_consumer(VOICE, "tools")
    await js.add_consumer(VOICE, durable_name="tools", filter_subject="voice.*.tool.called", deliver_policy="all")
    left = await provision(js)
    assert {change.name for change in left} == {RECORDINGS, "tools"}
    assert "nats stream rm RECORDINGS" in left[0].remedy
    assert "nats consumer rm VOICE tools" in left[1].remedy
    assert (await js.stream_info(RECORDINGS)).config.storage == StorageType.MEMORY


async def test_replicas_without_a_cluster_are_refused_in_words(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, nats_replicas=3)
    nc = await nats.connect(nats_server.url)
    with pytest.raises(NotProvisioned, match=r"kept 3 times \(DAREDEVIL_NATS_REPLICAS\): this server is in no cluster"):
        await provision(nc.jetstream())
    await nc.close()


async def test_replicas_without_a_cluster_are_left_for_streams_that_are_there_and_looking_says_so(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    setting(monkeypatch, nats_replicas=3)
    planned = await plan(js)
    assert {(change.kind, change.is_new) for change in planned} == {("stream", False), ("bucket", False)}
    for change in planned:
        assert change.remedy.startswith("it cannot be kept 3 times, as this server is in no cluster: add servers, or")
    assert await provision(js) == planned
    assert (await js.stream_info(VOICE)).config.num_replicas == 1


async def test_an_actor_creates_all_that_is_missing_where_everybody_may(broker: NatsBroker) -> None:
    js = jetstream(broker)
    await lose(js)
    await provide(js, REASONING, is_open=True)
    assert await plan(js) == []


async def test_where_credentials_count_an_actor_creates_only_what_is_in_memory(broker: NatsBroker) -> None:
    js = jetstream(broker)
    await js.delete_stream(AUDIO)
    await provide(js, REASONING, is_open=False)  # has nothing to do with sound
    assert [change.name for change in await plan(js)] == [AUDIO]
    await provide(js, "synthesis", is_open=False)
    assert await plan(js) == []
    await js.delete_consumer(VOICE, REASONING)
    await provide(js, "synthesis", is_open=False)
    with pytest.raises(NotProvisioned, match=r"durable reasoning is missing on NATS.* run `daredevil provision`"):
        await provide(js, REASONING, is_open=False)
    await lose(js)
    with pytest.raises(NotProvisioned, match="stream RECORDINGS is missing"):
        await provide(js, "synthesis", is_open=False)


async def lose(js: JetStreamContext) -> None:
    for name in (AUDIO, RECORDINGS):
        if name in {info.config.name for info in await js.streams_info()}:
            await js.delete_stream(name)
    if not await missing_durables(js, (REASONING,)):
        await js.delete_consumer(VOICE, REASONING)


async def test_the_command_shows_does_and_then_finds_nothing(
    broker: NatsBroker, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, data_dir=tmp_path, audio_retention_s=60)
    code, shown, errors = await cli_beside("provision", "--dry-run")
    assert code == 0, errors
    assert "stream AUDIO: differs\n    max_age: 600 s → 60 s\n" in shown
    assert "nothing was changed" in errors
    _, made, errors = await cli_beside("provision", "--json")
    [line] = [json.loads(line) for line in made.splitlines()]
    assert (line["name"], line["differences"][0]["wanted"], line["remedy"]) == (AUDIO, "60 s", "")
    assert "stream AUDIO: changed" in errors
    code, again, errors = await cli_beside("provision")
    assert (code, again) == (0, "")
    assert "everything is as it should be" in errors
    await jetstream(broker).delete_stream(AUDIO)
    code, made, errors = await cli_beside("provision")
    assert (code, made) == (0, "stream AUDIO: created\n")
    assert len(DURABLES) == len(await jetstream(broker).consumers_info(VOICE))
