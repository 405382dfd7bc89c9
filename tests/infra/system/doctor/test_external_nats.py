"""What the doctor says of an external NATS."""

from dataclasses import replace
from pathlib import Path

import nats
import pytest
from nats.js.api import AccountInfo, AccountLimits, APIStats, StorageType, StreamConfig

from infra.log.provisioning import FieldOnNats, NotProvisioned, StreamChange, provision
from infra.settings import Settings
from infra.system.doctor.finding import Finding
from infra.system.doctor.nats import Sync, examine_nats, limits, promise, sync_of
from infra.system.doctor.nats_room import room
from tests.servers import NatsServer, running_nats


async def asked(server: NatsServer, **values: object) -> dict[str, Finding]:
    findings = await examine_nats(Settings(nats_url=server.url, **values))  # type: ignore[arg-type]
    return {finding.subject: finding for finding in findings}


async def test_a_server_that_syncs_now_and_then_does_not_promise_what_one_does_that_syncs_always(
    tmp_path: Path,
) -> None:
    async with running_nats(tmp_path, is_monitored=True) as server:
        unseen = await asked(server)
        assert "cannot be seen" in unseen["acknowledged facts"].detail
        assert "DAREDEVIL_NATS_MONITOR_URL" in unseen["acknowledged facts"].remedy
        assert "stream VOICE" in unseen["streams on NATS"].detail
        nc = await nats.connect(server.url)
        await provision(nc.jetstream())
        await nc.close()
        seen = await asked(server, nats_monitor_url=server.monitor_url)
        assert seen["streams on NATS"].state == "ok"
        facts = seen["acknowledged facts"]
        assert facts.state == "warning"
        assert "within 120 s: it survives the kill of the process, not a power cut" in facts.detail
        assert "sync_interval: always" in facts.remedy
    async with running_nats(tmp_path / "two", is_monitored=True, sync="always") as server:
        facts = (await asked(server, nats_monitor_url=server.monitor_url))["acknowledged facts"]
        assert (facts.state, facts.remedy) == ("ok", "")
        assert "survives a power cut" in facts.detail


async def test_a_server_that_is_away_is_missing(tmp_path: Path) -> None:
    async with running_nats(tmp_path) as server:
        pass
    [away] = (await asked(server)).values()
    assert away.state == "missing"


@pytest.mark.parametrize(
    ("more", "said", "remedy"),
    [
        ("authorization { user: sam, password: secret }\n", "it lets nobody in without credentials: set", ""),
        ("accounts { A { users: [{user: sam}] } }\nno_auth_user: sam\n", "it has no JetStream", ""),
    ],
)
async def test_what_a_server_refuses_is_told_once_and_not_put_down_to_something_else(
    tmp_path: Path, more: str, said: str, remedy: str
) -> None:
    async with running_nats(tmp_path, more=more) as server:
        [found] = (await asked(server)).values()
    assert (found.state, said in found.detail, found.remedy) == ("missing", True, remedy), found


ONE_MEGABYTE = 'accounts { A { jetstream: {max_mem: 1M}, users: [{user: sam, password: ""}] } }\nno_auth_user: sam\n'


async def test_too_little_memory_is_seen_before_provisioning_fails(tmp_path: Path) -> None:
    async with running_nats(tmp_path / "account", more=ONE_MEGABYTE) as server:
        found = await examine_nats(Settings(nats_url=server.url))
        [audio] = [each for each in found if "stream AUDIO takes 268 MB" in each.detail]
        assert (audio.subject, audio.state, audio.remedy) == (
            "NATS: memory",
            "missing",
            "raise `max_mem` of the account",
        )
        assert audio.detail.startswith("the account has 1 of 1 MB left")
        nc = await nats.connect(server.url)
        with pytest.raises(NotProvisioned, match="insufficient memory"):
            await provision(nc.jetstream())
        await nc.close()


def test_what_is_reserved_for_others_is_no_room() -> None:
    def new(name: str, size: int, storage: StorageType, is_optional: bool = False) -> StreamChange:
        config = StreamConfig(name=name, max_bytes=size, storage=storage, num_replicas=3)
        return StreamChange("stream", name, (), config, is_optional)

    changes = [
        new("TAPE", 400_000_000, StorageType.FILE, is_optional=True),
        new("CACHE", 50_000_000, StorageType.MEMORY, is_optional=True),
        new("AUDIO", 100_000_000, StorageType.MEMORY),
        new("VOICE", -1, StorageType.FILE),
    ]
    assert list(room(changes, {"limits": {"max_memory": -1, "max_storage": -1}}, {})) == []
    account = {"limits": {"max_memory": 300_000_000, "max_storage": -1}}
    assert [(each.state, "CACHE" in each.detail) for each in room(changes, account, {})] == [("warning", True)]
    server = {
        "config": {"max_memory": 512_000_000, "max_storage": 1_000_000_000},
        "stats": {"reserved_memory": 450_000_000, "storage": 700_000_000},
    }
    found = [(each.subject, each.state, each.remedy) for each in room(changes, {}, {"http://a": {"jetstream": server}})]
    assert found == [
        ("NATS: memory", "missing", "raise `max_memory_store` of the server"),
        ("NATS: storage", "warning", "raise `max_file_store` of the server"),
    ]
    roomy = {"config": {"max_memory": 512_000_000, "max_storage": 2_000_000_000}, "stats": {}}
    servers = {"http://a": {"jetstream": server}, "http://b": {"jetstream": roomy}, "http://c": {}}
    short = list(room(changes, {}, servers))
    assert {each.remedy.partition(" of ")[2] for each in short} == {"the server at http://a"}
    # What is there has its room already.
    there = [replace(change, differences=(FieldOnNats("max_age", "0", "1"),)) for change in changes]
    assert list(room(there, account, {"http://a": {"jetstream": server}})) == []


SURE, LATE, LATER = Sync(True, 120), Sync(False, 10), Sync(False, 120)


@pytest.mark.parametrize(
    ("syncs", "replicas", "state", "said"),
    [
        ({"a": SURE}, 1, "ok", "survives a power cut; one server keeps it, and with its disk it is lost"),
        ({"a": SURE, "b": SURE, "c": SURE}, 3, "ok", "a power cut; 3 servers keep it, and it survives the loss of 1"),
        ({"a": SURE}, 3, "warning", "So says the monitoring of a; 2 of 3 servers were not looked at"),
        ({"a": SURE, "b": None, "c": SURE}, 3, "warning", "the monitoring of a, c; 1 of 3 servers were not looked at"),
        ({"a": LATER}, 3, "warning", "within 120 s (a): a power cut of all servers may lose it; 3 servers keep it"),
        ({"a": LATE, "b": SURE, "c": LATER}, 3, "warning", "within 120 s (a, c): a power cut of all servers"),
        ({"a": LATE}, 1, "warning", "within 10 s: it survives the kill of the process, not a power cut"),
        ({}, 5, "warning", "cannot be seen from here; 5 servers keep it, and it survives the loss of 2"),
        ({"a": None}, 1, "warning", "cannot be seen from here; one server keeps it"),
    ],
)
def test_what_is_promised_says_which_servers_were_looked_at(
    syncs: dict[str, Sync | None], replicas: int, state: str, said: str
) -> None:
    found = promise(syncs, replicas)
    assert (found.state, said in found.detail) == (state, True), found


def test_a_monitoring_that_does_not_answer_is_named() -> None:
    assert "nothing is answered at http://b" in promise({"http://a": SURE, "http://b": None}, 3).remedy
    assert "nothing is answered at http://b" in promise({"http://b": None}, 1).remedy


async def test_each_server_of_a_cluster_is_looked_at(tmp_path: Path) -> None:
    async with (
        running_nats(tmp_path / "one", is_monitored=True, sync="always") as one,
        running_nats(tmp_path / "two", is_monitored=True, sync="30s") as two,
    ):
        both = f"{one.monitor_url}, {two.monitor_url}"
        facts = (await asked(one, nats_monitor_url=both))["acknowledged facts"]
    assert facts.state == "warning"
    assert f"within 30 s ({two.monitor_url})" in facts.detail


def test_a_server_that_says_nothing_of_its_disk_is_not_guessed_at() -> None:
    assert sync_of({}) is None
    assert sync_of({"jetstream": {"config": {"max_memory": 1}}}) is None


def test_limits_that_are_too_narrow_or_nearly_reached_are_named() -> None:
    open_limits = AccountLimits(-1, -1, -1, -1, -1, -1, -1, False)
    account = AccountInfo(0, 0, 0, 0, open_limits, APIStats(0, 0))
    assert list(limits(account, 1_048_576)) == []
    account.limits.max_streams, account.limits.max_consumers = 3, 2
    account.limits.max_storage, account.storage = 1_000_000, 900_000
    found = {finding.subject: finding for finding in limits(account, 65_536)}
    assert set(found) == {"NATS: streams", "NATS: consumers", "NATS: storage", "NATS: max_payload"}
    assert {finding.state for finding in found.values()} == {"warning"}
    account.storage = 100
    assert next(each for each in limits(account, 2**20) if each.subject == "NATS: storage").state == "ok"
