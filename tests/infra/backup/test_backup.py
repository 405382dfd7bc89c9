"""A backup of a real log, and the way back into another NATS."""

from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js.api import PubAck

from contracts.topology import PERSISTENCE, REASONING, RECORDINGS, RESTORING, VOICE, kept_streams
from infra.backup import copying, restoring, storing
from infra.backup.chunk import BrokenBackup, SavedMessage, unpack
from infra.backup.manifest import Manifest, StreamEntry, read_manifest
from infra.backup.place import BackupElsewhere, BackupPlace, NoBackup
from infra.backup.restoring import CannotRestore, NotEmpty, check, complete_manifest
from infra.backup.same_log import AnotherLog, NoManifest
from infra.erasure import erase_session
from infra.log.connection import connection, jetstream
from infra.log.event_log import append, facts_after
from infra.log.log_streams import NotMapped
from infra.log.nats_reach import connect_once
from infra.log.provisioning import NotYetRestored, check_restored
from infra.settings import Settings, settings
from infra.system.doctor import examine
from infra.system.doctor.nats import examine_nats
from infra.system.own_nats import unsynced_nats
from infra.system.supervisor import Supervisor
from tests.infra.backup.logs import Kept, all_kept, empty_nats, ends, handled, has, restored_from, saved_to
from tests.infra.cli.command import cli_beside
from tests.infra.erasure.talk import SECRET, session, store, times_on_disk


@pytest.fixture(autouse=True)
def no_projections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_POSTGRES_URL", "off")


async def test_what_is_restored_has_the_same_sequences_bytes_ids_and_times(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await store(broker, session("s-2", "ann"))
    # As retention and erasure leave it: without a beginning, with gaps, without an end.
    await jetstream(broker).purge_stream(VOICE, seq=4)
    for sequence in (7, 8, 20, (await ends(nc))[VOICE]):
        await jetstream(broker).delete_msg(VOICE, sequence)
    await jetstream(broker).purge_stream(RECORDINGS, subject="recording.s-1")
    await saved_to(place, nc)
    async with empty_nats(tmp_path / "elsewhere") as there:
        figures = await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)
        assert await ends(there) == await ends(nc)
        assert not await has(there, RESTORING)
        assert sum(one.messages for one in figures.streams.values()) > 60


async def test_a_second_backup_copies_only_what_is_new(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    first = await saved_to(place, nc)
    before = (await ends(nc))[VOICE]
    nothing = await saved_to(place, nc)
    await store(broker, session("s-2", "ann"))
    second = await saved_to(place, nc)
    assert first.streams[VOICE].messages == before
    assert [one.messages for one in nothing.streams.values()] == [0] * len(kept_streams(1))
    assert second.streams[VOICE].messages == (await ends(nc))[VOICE] - before
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_actors_go_on_with_what_had_not_been_handled(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await handled(nc, VOICE, REASONING, 3)
    await handled(nc, VOICE, PERSISTENCE, 5)
    await saved_to(place, nc)
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(place, there)
        for name in (REASONING, PERSISTENCE):
            here = await nc.jetstream().consumer_info(VOICE, name)
            again = await there.jetstream().consumer_info(VOICE, name)
            assert again.num_pending == here.num_pending > 0
        subscription = await there.jetstream().pull_subscribe_bind(PERSISTENCE, VOICE)
        [message] = await subscription.fetch(1, timeout=5)
        assert message.metadata.sequence.stream == 6


async def test_a_fact_that_is_appended_again_after_a_restore_is_stored_once(broker: NatsBroker, tmp_path: Path) -> None:
    facts = session("s-1", "sam")
    for fact in facts:
        await append(broker, fact)
    # The same id again, long after NATS has forgotten it.
    await jetstream(broker).publish(
        f"voice.{facts[0].session_id}.session.opened", b"", headers={"Nats-Msg-Id": "x"}, stream=VOICE
    )
    await saved_to(tmp_path / "backup", connection(broker))
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(tmp_path / "backup", there)
        stored = (await ends(there))[VOICE]
        answer = await there.jetstream().publish(
            f"voice.{facts[0].session_id}.session.opened", b"", headers={"Nats-Msg-Id": "x"}, stream=VOICE
        )
        assert answer.duplicate
        assert (await ends(there))[VOICE] == stored


async def test_an_id_that_was_stored_twice_is_restored_twice(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = jetstream(broker)
    config = (await js.stream_info(VOICE)).config
    config.duplicate_window = 0.1
    await js.update_stream(config)
    answers: list[PubAck] = []
    while len({answer.seq for answer in answers}) < 2:  # until it has been forgotten
        answers.append(await js.publish("voice.s-1.turn.ended", b"x", headers={"Nats-Msg-Id": "same"}, stream=VOICE))
    await js.publish("voice.s-1.turn.ended", b"y", stream=VOICE)
    await saved_to(tmp_path / "backup", connection(broker))
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(tmp_path / "backup", there)
        assert await all_kept(there) == await all_kept(connection(broker))


async def test_what_is_erased_leaves_the_backup_with_the_next_one(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await store(broker, session("s-2", "ann"))
    await saved_to(place, nc)
    assert await words_in(place)
    await erase_session(broker, "s-1", "asked for it", settle_s=0)
    figures = await saved_to(place, nc)
    assert figures.rewritten >= 4
    assert {one for one in await words_in(place) if "s-1" in one} == set()
    assert {one for one in await words_in(place) if "s-2" in one}
    manifest = await BackupPlace(str(place)).manifest()
    assert manifest is not None
    on_disk = {path.relative_to(place).as_posix() for path in place.rglob("*.zst")}
    assert on_disk == manifest.files()
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_what_was_erased_after_the_backup_stays_erased_by_its_receipt(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await store(broker, session("s-2", "ann"))
    await saved_to(place, nc)
    receipt = await erase_session(broker, "s-1", "asked for it", settle_s=0)
    async with empty_nats(tmp_path / "elsewhere") as there:
        figures = await restored_from(place, there, frozenset(one.session_id for one in receipt.sessions))
        assert figures.erased_again == 1
        ours, theirs = await all_kept(nc), await all_kept(there)
        for stream in kept_streams(1):
            assert [one for one in theirs[stream] if not is_erasure(one)] == [
                one for one in ours[stream] if not is_erasure(one)
            ]
        assert len([one for one in theirs[VOICE] if is_erasure(one)]) == 1
    assert times_on_disk(tmp_path / "elsewhere", "You know zanzibar") == 1  # ann's


def is_erasure(message: Kept) -> bool:
    return message[2] == "voice.s-1.session.erased"


async def words_in(place: Path) -> set[str]:
    """The subjects of the backup's messages that have words, with their sessions."""
    opened = BackupPlace(str(place))
    manifest = await complete_manifest(opened)
    found = set()
    for entry in manifest.streams.values():
        for chunk in entry.chunks:
            for message in unpack(chunk.file, await opened.read(chunk.file), chunk.sha256):
                if SECRET.encode() in message.data:
                    found.add(f"{message.subject} {message.session_id}")
    return found


async def told_of_the_part(nc: Client, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command takes a log that is there in part for all of it, and no system begins on it."""
    assert nc.connected_url is not None
    with monkeypatch.context() as given:
        given.setenv("DAREDEVIL_NATS_URL", nc.connected_url.geturl())
        settings.cache_clear()
        for command in (["sessions"], ["events", "s-1"], ["provision"]):
            code, _, told = await cli_beside(*command)
            assert (code, said in told) == (1, True), told
        findings = {each.subject: each for each in await examine_nats(settings())}
        assert (findings["log"].state, findings["log"].detail) == ("missing", said)
        with pytest.raises(NotYetRestored):
            await Supervisor(settings(), parts=[]).start()
    settings.cache_clear()


async def test_a_system_does_not_begin_on_a_data_directory_that_was_restored_in_part(tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path, port=0, nats_url="")
    async with unsynced_nats(tmp_path, partitions=1) as server:
        nc = await connect_once(server.url)
        await nc.jetstream().add_stream(name=RESTORING)
        await nc.close()
    assert [each.state for each in await examine(config) if each.subject == "log"] == ["missing"]
    with pytest.raises(NotYetRestored):
        await Supervisor(config, parts=[]).start()


async def test_a_damaged_or_missing_file_is_named(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await saved_to(place, connection(broker))
    [chunk] = (place / RECORDINGS).iterdir()
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    opened = BackupPlace(str(place))
    manifest = await complete_manifest(opened)
    name = chunk.relative_to(place).as_posix()
    [damage] = (await check(opened, manifest, lambda _: None)).damaged
    assert damage.startswith(f"{name} is damaged")
    async with empty_nats(tmp_path / "elsewhere") as there:
        with pytest.raises(BrokenBackup, match=f"{name} is damaged"):
            await restored_from(place, there)
        with pytest.raises(NotYetRestored, match="run the same `daredevil restore` again"):
            await check_restored(there.jetstream())
        await told_of_the_part(there, f"a backup ({place}) is being restored here, or was in part", monkeypatch)
        chunk.unlink()
        with pytest.raises(BrokenBackup, match=f"{name} is missing"):
            await restored_from(place, there)
        chunk.write_bytes(whole)
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(connection(broker))


async def test_files_that_are_missing_or_cut_short_are_copied_again_by_the_next_backup(
    broker: NatsBroker, tmp_path: Path
) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await saved_to(place, nc)
    [facts], [sound] = (place / VOICE).iterdir(), (place / RECORDINGS).iterdir()
    facts.unlink()
    sound.write_bytes(sound.read_bytes()[:100])
    await store(broker, session("s-2", "ann"))
    figures = await saved_to(place, nc)
    assert (figures.mended, figures.lost) == (2, 0)
    opened = BackupPlace(str(place))
    assert (await check(opened, await complete_manifest(opened), lambda _: None)).damaged == []
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_what_neither_the_backup_nor_the_log_has_any_more_is_counted(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await saved_to(place, nc)
    [facts] = (place / VOICE).iterdir()
    facts.unlink()
    await jetstream(broker).purge_stream(VOICE, seq=4)
    figures = await saved_to(place, nc)
    assert (figures.mended, figures.lost) == (1, 3)


async def test_a_place_that_has_lost_its_manifest_keeps_its_files(broker: NatsBroker, tmp_path: Path) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    await store(broker, session("s-1", "sam"))
    await saved_to(place, nc)
    (place / "manifest.json").unlink()
    before = sorted(place.rglob("*"))
    with pytest.raises(NoManifest, match=r"but no manifest\.json.*: put back a copy of it, or choose another place"):
        await saved_to(place, nc)
    with pytest.raises(NoBackup, match=r"but no manifest\.json.*: put back a copy"):
        await complete_manifest(BackupPlace(str(place)))
    assert sorted(place.rglob("*")) == before


async def test_all_but_damaged_files_is_restored_if_that_is_asked_for(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    monkeypatch.setattr(copying, "CHUNK_BYTES", 2_000)
    await store(broker, session("s-1", "sam"))
    await saved_to(place, nc)
    opened = BackupPlace(str(place))
    manifest = await complete_manifest(opened)
    _, lost, damaged, *_ = manifest.streams[VOICE].chunks
    (place / lost.file).unlink()
    (place / damaged.file).write_bytes(b"rubbish")
    async with empty_nats(tmp_path / "elsewhere") as there:
        with pytest.raises(BrokenBackup):
            await restored_from(place, there)
        figures = await restored_from(place, there, skips_damaged=True)
        assert [file.partition(" ")[0] for file in figures.damaged] == [lost.file, damaged.file]
        kept = await all_kept(nc)
        kept[VOICE] = [one for one in kept[VOICE] if not lost.first <= one[0] <= damaged.last]
        assert await all_kept(there) == kept
        assert await ends(there) == await ends(nc)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"hello": 1}', '{"id": "x", "streams": {"VOICE": {"last": "far"}}}'])
def test_a_damaged_manifest_is_told_in_one_line(text: str) -> None:
    with pytest.raises(BrokenBackup, match="Put back a copy of it") as told:
        read_manifest(text.encode())
    assert "\n" not in str(told.value)
    assert "pydantic" not in str(told.value)


async def test_a_backup_of_another_number_of_partitions_is_refused_before_anything_is_written(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(broker, session("s-1", "sam"))
    place = tmp_path / "backup"
    await saved_to(place, connection(broker))
    monkeypatch.setenv("DAREDEVIL_PARTITIONS", "2")
    settings.cache_clear()
    async with empty_nats(tmp_path / "elsewhere") as there:
        with pytest.raises(CannotRestore, match="has 1 partition, and DAREDEVIL_PARTITIONS wants 2: unset DAREDEVIL_P"):
            await restored_from(place, there)
        await check_restored(there.jetstream())
        assert await there.jetstream().streams_info() == []


async def test_a_server_that_lacks_the_mapping_is_left_without_a_restore_cut_short(tmp_path: Path) -> None:
    place = tmp_path / "backup"
    place.mkdir()
    manifest = Manifest(id="of four partitions", runs=1, streams={f"VOICE_{n}": StreamEntry() for n in range(4)})
    (place / "manifest.json").write_bytes(manifest.dump())
    async with empty_nats(tmp_path / "elsewhere") as there:
        with pytest.raises(NotMapped):
            await restored_from(place, there)
        await check_restored(there.jetstream())
        assert await there.jetstream().streams_info() == []


class Killed(BaseException):
    """As if the process had been killed at this place."""


async def test_a_backup_that_is_cut_short_goes_on(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    monkeypatch.setattr(copying, "CHUNK_BYTES", 2_000)
    monkeypatch.setattr(copying, "SAVE_EVERY_S", 0)
    for number in range(3):
        await store(broker, session(f"s-{number}", "sam"))
    whole = BackupPlace.write
    written: list[str] = []

    async def some(self: BackupPlace, file: str, data: bytes) -> None:
        written.append(file)
        if len(written) == 9:
            raise Killed
        await whole(self, file, data)

    monkeypatch.setattr(BackupPlace, "write", some)
    with pytest.raises(Killed):
        await saved_to(place, nc)
    with pytest.raises(NoBackup, match="was not completed"):
        await complete_manifest(BackupPlace(str(place)))
    before = [name for name in written if name.startswith(VOICE)]
    await saved_to(place, nc)
    assert len(before) > 3
    again = [name for name in written if name in before[:-1]]
    assert len(again) == len(before[:-1])  # each was written once
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_that_the_last_run_was_interrupted_is_told_before_a_restore(broker: NatsBroker, tmp_path: Path) -> None:
    await store(broker, session("s-1", "sam"))
    await saved_to(tmp_path / "backup", connection(broker))
    opened, told = BackupPlace(str(tmp_path / "backup")), list[str]()
    manifest = await complete_manifest(opened)
    await check(opened, manifest, told.append)
    assert not any("was interrupted" in line for line in told)
    manifest.is_complete = False
    await check(opened, manifest, told.append)
    assert any(f"after that of {manifest.ended}, was interrupted" in line for line in told)


async def test_a_restore_that_is_cut_short_goes_on_and_another_begins_anew(
    broker: NatsBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nc, place = connection(broker), tmp_path / "backup"
    monkeypatch.setattr(restoring, "AT_ONCE", 10)
    for number in range(3):
        await store(broker, session(f"s-{number}", "sam"))
    await saved_to(place, nc)
    send = storing.Storing._answers
    sent: list[int] = []

    async def some(self: storing.Storing, messages: list[SavedMessage]) -> list[tuple[int, bool]]:
        sent.append(messages[0].sequence)
        if len(sent) == 5:
            raise Killed
        return await send(self, messages)

    async with empty_nats(tmp_path / "elsewhere") as there:
        monkeypatch.setattr(storing.Storing, "_answers", some)
        with pytest.raises(Killed):
            await restored_from(place, there)
        reached = (await there.jetstream().stream_info(VOICE)).state.last_seq
        assert 0 < reached < (await ends(nc))[VOICE]
        await restored_from(place, there)
        assert sent[5] == reached + 1
        assert await all_kept(there) == await all_kept(nc)
    async with empty_nats(tmp_path / "third") as there:
        sent.clear()
        with pytest.raises(Killed):
            await restored_from(place, there)
        await store(broker, session("s-9", "sam"))
        await saved_to(place, nc)
        await restored_from(place, there)
        assert await all_kept(there) == await all_kept(nc)


async def test_nothing_is_restored_over_a_log(broker: NatsBroker, tmp_path: Path) -> None:
    await store(broker, session("s-1", "sam"))
    before = await all_kept(connection(broker))
    await saved_to(tmp_path / "backup", connection(broker))
    with pytest.raises(NotEmpty, match=f"stream {VOICE} has .* messages, up to sequence"):
        await restored_from(tmp_path / "backup", connection(broker))
    assert await all_kept(connection(broker)) == before


async def test_a_backup_of_another_log_is_not_gone_on_with(broker: NatsBroker, tmp_path: Path) -> None:
    await store(broker, session("s-1", "sam"))
    await saved_to(tmp_path / "backup", connection(broker))
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(tmp_path / "backup", there)
        assert (await saved_to(tmp_path / "backup", there)).streams[VOICE].messages == 0  # restored, it is the same log
    await store(broker, session("s-2", "sam"))
    await saved_to(tmp_path / "backup", connection(broker))
    async with empty_nats(tmp_path / "third") as there:
        with pytest.raises(AnotherLog, match="has stream"):
            await saved_to(tmp_path / "backup", there)


async def test_two_backups_to_one_folder_do_not_mix(broker: NatsBroker, tmp_path: Path) -> None:
    place = BackupPlace(str(tmp_path / "backup"))
    with place.held(), pytest.raises(BackupElsewhere), BackupPlace(str(tmp_path / "backup")).held():
        pass


async def test_where_nothing_is_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoBackup, match="daredevil backup"):
        await complete_manifest(BackupPlace(str(tmp_path / "nothing")))


async def test_a_restored_log_is_read_as_before(broker: NatsBroker, tmp_path: Path) -> None:
    await store(broker, session("s-1", "sam"))
    await saved_to(tmp_path / "backup", connection(broker))
    before = await facts_after(broker, "s-1")
    async with empty_nats(tmp_path / "elsewhere") as there:
        await restored_from(tmp_path / "backup", there)
        from infra.log.event_log import history

        assert [fact async for fact in history(there, "s-1")] == before
