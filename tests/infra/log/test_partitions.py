"""A log in several partitions: sessions are spread, and each is appended, read, taken and fenced as in one stream."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

from contracts.events import Event
from contracts.topology import DURABLES, OPERATOR, REASONING, TRANSCRIPT, VOICE, jetstream_user, partition_of
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream, round_trip
from infra.log.event_log import ExpectedSequence, StaleWriter, append, append_once, facts_after, read_fact
from infra.log.log_figures import _seen
from infra.log.log_streams import (
    LogStreams,
    NotMapped,
    OtherPartitions,
    check_mapped,
    has_log,
    log_infos,
    streams_of_log,
)
from infra.log.nats_access import connect
from infra.log.nats_users import everybody, mappings, password_of, with_passwords
from infra.log.provisioning import missing_durables, plan, provide, provision
from infra.log.session_feed import SessionFeed
from infra.metrics import table as t
from infra.projection import NeedsOnePartition
from infra.session.index import Wanted, page_of, session_rows
from infra.settings import Settings, settings
from infra.system.doctor import examine
from infra.system.doctor.nats import examine_nats
from infra.system.nats import partitions_on
from infra.system.supervisor import Supervisor
from tests.infra.cli.command import cli_beside
from tests.infra.erasure import talk
from tests.infra.log.copies import a_copy_of, session_closed, track_published, turn_ended
from tests.infra.log.partitioned import SESSIONS, partitioned
from tests.servers import NatsServer, running_nats
from tests.waiting import until


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsServer]:
    async with partitioned(tmp_path / "nats", monkeypatch) as server:
        yield server


@pytest.fixture
async def log(server: NatsServer) -> AsyncIterator[NatsBroker]:
    broker = make_broker("test")
    await broker.connect()
    await provision(jetstream(broker))
    yield broker
    await broker.stop()


async def test_what_was_provisioned_differs_in_nothing_and_says_how_many_partitions_it_has(log: NatsBroker) -> None:
    assert await plan(jetstream(log)) == []
    assert await streams_of_log(connection(log)) == LogStreams(4)
    assert await has_log(connection(log))
    names = {info.config.name for info in await jetstream(log).streams_info()}
    assert {"VOICE_0", "VOICE_1", "VOICE_2", "VOICE_3"} <= names
    assert VOICE not in names


async def test_each_session_is_stored_where_nats_maps_it(log: NatsBroker) -> None:
    for number in range(40):
        assert await append(log, turn_ended(0, f"session-{number}")) > 0
    for number in range(4):
        stored = await jetstream(log).stream_info(f"VOICE_{number}", subjects_filter=">")
        expected = {f"voice.session-{n}.turn.ended" for n in range(40) if partition_of(f"session-{n}", 4) == number}
        assert set(stored.state.subjects or {}) == expected


async def test_a_session_is_fenced_and_read_back_within_its_partition(log: NatsBroker) -> None:
    turns = "voice.s3.turn.*"
    first = await append(log, turn_ended(1, "s3"), ExpectedSequence(turns, 0))
    assert (await append_once(log, turn_ended(1, "s3"))).by_another
    await append(log, turn_ended(1, "s1"))
    second = await append(log, turn_ended(2, "s3"), ExpectedSequence(turns, first))
    with pytest.raises(StaleWriter):
        await append(log, turn_ended(3, "s3"), ExpectedSequence(turns, first))
    assert [fact.sequence for fact in await facts_after(log, "s3")] == [first, second] == [1, 2]
    fact = await read_fact(connection(log), "s3", second)
    assert fact is not None
    assert fact.event.event_id == "s3:t2"


async def test_a_feed_follows_one_session_as_it_grows(log: NatsBroker) -> None:
    await append(log, turn_ended(1, "s3"))
    async with SessionFeed(log, "s3") as feed:
        async for fact in feed:
            if fact.event.event_id == "s3:t2":
                break
            assert fact.event.event_id == "s3:t1"
            await append(log, turn_ended(9, "abc"))
            await append(log, turn_ended(2, "s3"))


async def test_an_actor_takes_the_sessions_of_all_partitions_each_in_order(log: NatsBroker) -> None:
    taken: dict[str, list[str]] = {}

    async def take(event: Event) -> None:
        taken.setdefault(event.session_id, []).append(event.event_id)

    for number in range(5):
        for session in SESSIONS.values():
            await append(log, turn_ended(number, session))
    async with a_copy_of(REASONING, take):
        await until(lambda: sum(map(len, taken.values())) == 20)
        await append(log, session_closed("s1"))
        await until(lambda: len(taken["s1"]) == 6)
    expected = {session: [f"{session}:t{number}" for number in range(5)] for session in SESSIONS.values()}
    assert taken == expected | {"s1": [*expected["s1"], "s1:closed"]}


async def test_jobs_at_the_same_sequence_of_different_partitions_are_different_jobs(log: NatsBroker) -> None:
    taken: list[str] = []
    ended: list[asyncio.Future[None]] = []

    async def take(event: Event) -> asyncio.Task[None]:
        taken.append(event.session_id)
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.append(end)

        async def job() -> None:
            await end

        return asyncio.create_task(job())

    for session in SESSIONS.values():
        assert await append(log, track_published(session)) == 1
    async with a_copy_of(TRANSCRIPT, take):
        await until(lambda: len(taken) == 4)
        for end in ended:
            end.set_result(None)
    assert sorted(taken) == sorted(SESSIONS.values())


async def test_what_one_copy_held_goes_to_another_whatever_the_partition(log: NatsBroker) -> None:
    taken: list[str] = []

    async def hold(event: Event) -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]

    async def take(event: Event) -> None:
        taken.append(event.session_id)

    for session in SESSIONS.values():
        await append(log, track_published(session))
    async with a_copy_of(TRANSCRIPT, hold):
        consumers = [await jetstream(log).consumer_info(name, TRANSCRIPT) for name in SESSIONS]
        assert len(consumers) == 4
    async with a_copy_of(TRANSCRIPT, take):
        await until(lambda: sorted(taken) == sorted(SESSIONS.values()))


async def test_a_durable_that_one_partition_lacks_is_missing(log: NatsBroker) -> None:
    js = jetstream(log)
    assert await missing_durables(js, tuple(durable.name for durable in DURABLES)) == []
    await js.delete_consumer("VOICE_2", REASONING)
    assert await missing_durables(js, (REASONING,)) == [REASONING]
    await provision(js)
    assert await missing_durables(js, (REASONING,)) == []


async def test_figures_are_of_the_whole_log(log: NatsBroker) -> None:
    for session in SESSIONS.values():
        await append(log, turn_ended(0, session))
    seen = await _seen(jetstream(log))
    assert seen[t.LOG_SEQUENCE] == [(4, ())]
    assert (4, (VOICE,)) in seen[t.STREAM_MESSAGES]
    assert {values: count for count, values in seen[t.PENDING]}[(REASONING,)] == 4


async def test_a_server_started_again_on_its_data_has_the_partitions_that_it_had(tmp_path: Path) -> None:
    async with running_nats(tmp_path / "nats", more=everybody(4)) as server:
        nc = await nats.connect(server.url)
        await provision(nc.jetstream(), given=Settings(partitions=4, nats_url=server.url))
        await nc.close()
    assert partitions_on(tmp_path / "nats", 0) == 4
    assert partitions_on(tmp_path / "nats", 2) == 2
    assert partitions_on(tmp_path / "new", 0) == 1


async def test_a_durable_is_told_with_the_partition_that_it_is_of(log: NatsBroker) -> None:
    js = jetstream(log)
    await js.delete_consumer("VOICE_2", REASONING)
    told: list[str] = []
    assert [change.what for change in await plan(js)] == ["durable reasoning of VOICE_2"]
    await provision(js, told.append)
    assert told == ["durable reasoning of VOICE_2: created"]


async def test_another_number_of_partitions_is_refused(
    log: NatsBroker, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(log, turn_ended(0, "s1"))
    monkeypatch.setenv("DAREDEVIL_PARTITIONS", "2")
    settings.cache_clear()
    nc = await nats.connect(server.url)
    for asked in (plan(nc.jetstream()), provision(nc.jetstream()), provide(nc.jetstream(), "test", is_open=True)):
        with pytest.raises(OtherPartitions, match=r"has 4 partitions, and DAREDEVIL_PARTITIONS wants 2\."):
            await asked
    monkeypatch.setenv("DAREDEVIL_PARTITIONS", "0")
    settings.cache_clear()
    await provide(nc.jetstream(), "test", is_open=True)
    assert await streams_of_log(nc) == LogStreams(4)
    await nc.close()
    code, _, said = await cli_beside("provision", "--partitions", "2")
    assert code == 2
    assert "has 4 partitions, and --partitions wants 2." in said
    assert "leave --partitions out, or begin a new log" in said
    assert "DAREDEVIL_PARTITIONS" not in said


async def test_topics_are_refused_for_a_log_that_they_cannot_be_written_from(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAREDEVIL_PULSAR_URL", "pulsar://127.0.0.1:1")
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    nc = await nats.connect(server.url)
    code, _, said = await cli_beside("provision")
    assert code == 2
    assert "the projection pulsar reads a log of one partition, and this one has 4: unset DAREDEVIL_PULSAR_URL" in said
    with pytest.raises(NeedsOnePartition):
        await Supervisor(settings(), parts=[]).start()
    assert not await nc.jetstream().streams_info()
    # A log that is there is put right by `provision`, and not followed.
    await provision(nc.jetstream())
    assert (await cli_beside("provision"))[0] == 0
    monkeypatch.setenv("DAREDEVIL_PARTITIONS", "0")
    settings.cache_clear()
    with pytest.raises(NeedsOnePartition):
        await Supervisor(settings(), parts=[]).start()
    [told] = [each for each in await examine_nats(settings()) if "the projection pulsar" in each.detail]
    assert told.state == "missing"
    await nc.close()


async def test_topics_are_refused_for_an_embedded_log_in_partitions(tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path, port=0, nats_url="", partitions=2, pulsar_url="pulsar://127.0.0.1:1")
    [told] = [each for each in await examine(config) if each.subject == "projection pulsar"]
    assert told.state == "missing"
    with pytest.raises(NeedsOnePartition):
        await Supervisor(config, parts=[]).start()
    assert not (tmp_path / "nats" / "jetstream").exists()


async def test_a_server_without_the_mapping_is_told_of(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAREDEVIL_PARTITIONS", "2")
    settings.cache_clear()
    nc = await nats.connect(nats_server.url)
    with pytest.raises(NotMapped, match=r'mappings: \{ "voice\.\*\.\*\.\*": "fact\.\{\{partition\(2,1\)\}\}'):
        await provision(nc.jetstream())
    await nc.close()


async def test_a_mapping_for_a_log_of_one_stream_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told = (
        tmp_path / "nats",
        r"in 1 partition: remove the mapping of `voice\.\*\.\*\.\*` from the configuration",
    )
    async with running_nats(folder) as server:
        nc = await nats.connect(server.url)
        await provision(nc.jetstream())
        await nc.close()
    async with running_nats(folder, more=mappings(4)) as server:
        nc = await nats.connect(server.url)
        with pytest.raises(NotMapped, match=told):
            await provision(nc.jetstream())
        await nc.close()
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        settings.cache_clear()
        [finding] = [each for each in await examine_nats(settings()) if each.subject == "partitions of the log"]
        assert finding.state == "missing"
        assert re.search(told, finding.detail)


async def test_whether_facts_are_mapped_is_checked_without_storing_or_telling_anything(log: NatsBroker) -> None:
    nc, heard = connection(log), list[str]()

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await nc.subscribe("voice.>", cb=hear)
    await check_mapped(nc, LogStreams(4))
    for partitions in (1, 8):
        with pytest.raises(NotMapped):
            await check_mapped(nc, LogStreams(partitions))
    await round_trip(nc)
    assert not heard
    assert not any(info.state.last_seq for info in await jetstream(log).streams_info())


async def test_an_actor_appends_its_own_facts_to_every_partition_and_no_others(tmp_path: Path) -> None:
    secret = "secret of the supervisor"
    more = with_passwords(secret, partitions=4)
    async with running_nats(tmp_path / "nats", more=more) as server:

        async def connected(user: str) -> Client:
            second = "" if user == OPERATOR else jetstream_user(user)
            given = Settings(
                nats_url=server.url,
                nats_user=user,
                nats_password=password_of(user, secret),
                nats_jetstream_user=second,
            )
            return await connect(server.url, user, given)

        operator, transcript = await connected(OPERATOR), await connected(TRANSCRIPT)
        await provision(operator.jetstream(), given=Settings(partitions=4, nats_url=server.url))
        assert await streams_of_log(transcript) == LogStreams(4)
        for stream, session_id in SESSIONS.items():
            subject = f"voice.{session_id}.speech.started"
            assert (await transcript.jetstream().publish(subject, b"said", stream=stream)).seq == 1
            with pytest.raises(NatsTimeoutError):
                await transcript.jetstream(timeout=0.2).publish(f"voice.{session_id}.reply.clause", b"forged")
            assert (await transcript.jetstream().get_last_msg(stream, subject, direct=True)).data == b"said"
            durable = await transcript.jetstream().pull_subscribe("", TRANSCRIPT, stream=stream)
            await durable.unsubscribe()
        assert [info.state.messages for info in await log_infos(operator)] == [1, 1, 1, 1]
        await operator.close()
        await transcript.close()


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_of_sessions_go_through_all_partitions_from_the_newest_on(log: NatsBroker, limit: int) -> None:
    expected = [f"p-{number}" for number in range(30)][::-1]
    for session_id in expected[::-1]:
        for event in talk.session(session_id, "sam"):
            await append(log, event)
    found: list[str] = []
    before = 0
    while True:
        page = await page_of(connection(log), Wanted(before=before), limit)
        found += [listed.event.session_id for listed in page.sessions]
        assert all(listed.closed for listed in page.sessions)
        before = page.before
        if not before:
            break
    assert found == expected
    rows, total = await session_rows(connection(log), 5)
    assert ([row.session_id for row in rows], total) == (expected[4::-1], 30)
    assert {row.turns for row in rows} == {2}


async def test_the_doctor_tells_of_partitions_and_of_a_mapping_that_is_missing(
    log: NatsBroker, server: NatsServer, tmp_path: Path
) -> None:
    url = Settings(nats_url=server.url)
    found = {finding.subject: finding for finding in await examine_nats(url)}
    assert found["partitions of the log"].detail == "4, and NATS maps sessions to them"
    assert found["streams on NATS"].state == "ok"
    other = {each.subject: each for each in await examine_nats(url.model_copy(update={"partitions": 2}))}
    assert "DAREDEVIL_PARTITIONS wants 2" in other["partitions of the log"].detail
    async with running_nats(tmp_path / "unmapped") as unmapped:
        nc = await nats.connect(unmapped.url)
        with pytest.raises(NotMapped):
            await provision(nc.jetstream())
        await nc.close()
        told = {finding.subject: finding for finding in await examine_nats(Settings(nats_url=unmapped.url))}
        assert told["partitions of the log"].state == "missing"
        assert "mappings:" in told["partitions of the log"].detail
