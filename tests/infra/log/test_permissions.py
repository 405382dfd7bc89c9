"""What each user of NATS may do: enforced by a real server, from the configuration that is made of the topology."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from contracts import events as e
from contracts.topology import (
    APPS,
    DURABLES,
    EVENTS,
    OPERATOR,
    READER,
    SYNTHESIS,
    TRANSCRIPT,
    VOICE,
    event_subject,
    jetstream_user,
    role_of,
)
from infra.log.connection import asking, round_trip
from infra.log.nats_access import connect
from infra.log.nats_users import password_of, with_passwords
from infra.log.permissions import permissions_of, users
from infra.log.provisioning import provide, provision
from infra.log.stream_reader import stored_messages
from infra.settings import Settings, settings
from tests.infra.cli.command import cli_beside
from tests.infra.log.nats_words import nats_problem
from tests.servers import NatsServer, running_nats
from tests.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "secret of the supervisor"


class Users:
    """A server with the topology's users."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self.refused: list[str] = []

    async def connect(self, user: str) -> Client:
        async def note(error: Exception) -> None:
            self.refused.append(str(error))

        self.refused.clear()
        second = "" if user in (OPERATOR, READER) else jetstream_user(user)
        given = Settings(
            nats_url=self.server.url,
            nats_user=user,
            nats_password=password_of(user, SECRET),
            nats_jetstream_user=second,
        )
        return await connect(self.server.url, user, given, error_cb=note)

    async def refusals(self, nc: Client, subject: str, body: bytes = b"") -> list[str]:
        """Publish to a subject; return what the server says against it."""
        self.refused.clear()
        by = asking(nc) if subject.startswith("$JS") else nc
        await by.publish(subject, body)
        await round_trip(by)
        return list(self.refused)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def log(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Users]:
    server = NatsServer(tmp_path_factory.mktemp("nats"), more=with_passwords(SECRET))
    await server.start()
    log = Users(server)
    operator = await log.connect(OPERATOR)
    await provision(operator.jetstream())
    await operator.close()
    yield log
    server.kill()


@pytest.mark.parametrize("process", APPS)
async def test_a_process_appends_its_own_facts_and_no_others(log: Users, process: str) -> None:
    nc = await log.connect(process)
    roles = {role_of(process), *(("erasure",) if process in ("bridge", "http") else ())}
    for row in EVENTS:
        subject = event_subject("s-1", row.event)
        refused = await log.refusals(nc, subject)
        if roles.intersection(row.publishers):
            assert not refused
        else:
            assert refused == [f'nats: permissions violation for publish to "{subject}"']
    await nc.close()


async def test_a_forged_fact_is_not_stored_and_the_server_notes_who_tried(log: Users) -> None:
    nc, operator = await log.connect(SYNTHESIS), await log.connect(OPERATOR)
    before = (await operator.jetstream().stream_info(VOICE)).state.messages
    with pytest.raises(NatsError):
        await nc.jetstream(timeout=0.2).publish("voice.s-1.turn.ended", b"I was never said", stream=VOICE)
    assert (await operator.jetstream().stream_info(VOICE)).state.messages == before
    assert 'user:synthesis" - Publish Violation - Subject "voice.s-1.turn.ended"' in log.server.log()
    await nc.close()
    await operator.close()


@pytest.mark.parametrize(
    "subject",
    [
        "live.s-1.turn.ended",  # as if it had been stored
        "audio.s-1.in.p-1",  # as if somebody had said it
        "do.s-1.bridge.hangup",
        "retry.reasoning",
        "$JS.API.STREAM.DELETE.VOICE",
        "$JS.API.STREAM.UPDATE.VOICE",
        "$JS.API.STREAM.PURGE.VOICE",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.MSG.DELETE.VOICE",
        "$JS.API.CONSUMER.CREATE.VOICE.mine",
        "$JS.API.CONSUMER.CREATE.AUDIO.mine",
        "$JS.API.STREAM.UPDATE.KV_response_cache",
        "$JS.API.CONSUMER.DELETE.VOICE.reasoning",
        "$JS.API.CONSUMER.MSG.NEXT.VOICE.reasoning",
        "$JS.ACK.VOICE.reasoning.1.1.1.1.1",
        "$KV.rooms.s-1",
    ],
)
async def test_an_actor_does_nothing_of_another(log: Users, subject: str) -> None:
    nc = await log.connect(SYNTHESIS)
    assert "permissions violation" in (await log.refusals(nc, subject))[0]
    await nc.close()


FORGED = b"I was never said"

OTHERS = (
    "voice.s-1.turn.ended",
    "live.s-1.turn.ended",
    "audio.s-1.in.p-1",
    "do.s-1.bridge.end",
    "$KV.rooms.s-1",
    "$JS.ACK.VOICE.reasoning.1.1.1.1.1",
    "$JS.API.STREAM.PURGE.AUDIO",
)


async def has_answered_at(nc: Client, sequence: int, elsewhere: str) -> None:
    """Have JetStream send what is stored at a place in the log to a subject, in each way that a process may ask."""
    asks = asking(nc)
    await asks.publish(f"$JS.API.DIRECT.GET.{VOICE}", json.dumps({"seq": sequence}).encode(), elsewhere)
    several = json.dumps({"seq": sequence, "batch": 1, "next_by_subj": "voice.>"}).encode()
    await asks.publish(f"$JS.API.DIRECT.GET.{VOICE}", several, elsewhere)
    await asks.publish(f"$JS.API.STREAM.MSG.GET.{VOICE}", json.dumps({"seq": sequence}).encode(), elsewhere)
    await asks.publish(f"$JS.API.CONSUMER.MSG.NEXT.{VOICE}.{SYNTHESIS}", b"10", elsewhere)
    await asks.publish(f"$JS.ACK.{VOICE}.{SYNTHESIS}.1.1.1.1.1", b"+NXT", elsewhere)


async def stored_forgery(nc: Client) -> int:
    """Store bytes of its own as a process may, and return where."""
    return (await nc.jetstream().publish(event_subject("s-1", e.ClauseSynthesized), FORGED, stream=VOICE)).seq


@pytest.mark.parametrize("subject", OTHERS)
async def test_an_actor_cannot_have_jetstream_send_its_bytes_to_a_subject_of_another(log: Users, subject: str) -> None:
    nc, operator = await log.connect(SYNTHESIS), await log.connect(OPERATOR)
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await operator.subscribe(">", cb=hear)
    await round_trip(operator)
    sequence = await stored_forgery(nc)
    last = (await operator.jetstream().stream_info(VOICE)).state.last_seq
    own = nc.new_inbox()
    answers = await asking(nc).subscribe(own)
    await has_answered_at(nc, sequence, subject)
    await has_answered_at(nc, sequence, own)
    while (await answers.next_msg(5)).data != FORGED:  # JetStream does answer, in any order
        pass
    await round_trip(operator)
    assert subject not in heard
    assert (await operator.jetstream().stream_info(VOICE)).state.last_seq == last
    assert [line for line in log.refused if subject in line] == []
    await nc.close()
    await operator.close()


async def test_in_the_account_of_the_log_such_an_answer_would_be_a_fact(log: Users) -> None:
    """Why a process asks from an account of its own: NATS checks no permissions where JetStream answers."""
    operator = await log.connect(OPERATOR)
    sequence = await stored_forgery(operator)
    await has_answered_at(operator, sequence, "voice.s-2.turn.ended")

    async def is_stored() -> bool:
        info = await operator.jetstream().stream_info(VOICE, subjects_filter="voice.s-2.turn.ended")
        return bool(info.state.subjects)

    await until_async(is_stored)
    await operator.jetstream().purge_stream(VOICE, subject="voice.s-2.turn.ended")
    await operator.close()


@pytest.mark.parametrize("process", [*APPS, READER])
async def test_nobody_makes_what_delivers_by_itself_and_nothing_is_asked_for_twice(process: str) -> None:
    asks = permissions_of(process).jetstream
    made = ("$JS.API.CONSUMER.CREATE.", "$JS.API.CONSUMER.DURABLE.", "$JS.API.STREAM.UPDATE.")
    assert [subject for subject in asks if subject.startswith(made)] == []
    assert not [subject for subject in permissions_of(process).publish if subject.startswith("$JS")]
    # Two imports that match the same subject would ask twice.
    whole = [subject.removesuffix(".>") for subject in asks if subject.endswith(".>")]
    assert [each for each in asks if any(each.startswith(f"{one}.") and each != f"{one}.>" for one in whole)] == []


@pytest.mark.parametrize("subject", ["_INBOX.>", "_INBOX.bridge.>", "do.*.bridge.end", "retry.reasoning", ">"])
async def test_an_actor_hears_no_answers_and_no_requests_of_another(log: Users, subject: str) -> None:
    nc = await log.connect(SYNTHESIS)
    await nc.subscribe(subject)
    await round_trip(nc)
    assert "permissions violation" in log.refused[0]
    await nc.close()


@pytest.mark.parametrize("process", APPS)
async def test_an_actor_starts_without_the_rights_of_an_operator(log: Users, process: str) -> None:
    nc = await log.connect(process)
    js = nc.jetstream(timeout=1)
    await provide(js, process, is_open=False)
    for durable in (each for each in DURABLES if each.actor == process):
        subscription = await js.pull_subscribe("", durable.name, stream=VOICE)
        for message in await fetched(subscription):
            await message.ack()
    consumer = ConsumerConfig(durable_name="mine", ack_policy=AckPolicy.EXPLICIT)
    with pytest.raises(NatsTimeoutError):  # only an operator makes consumers of the log
        await nc.jetstream(timeout=0.1).add_consumer(VOICE, consumer)
    await round_trip(asking(nc))
    assert [line for line in log.refused if "consumer.durable.create.voice.mine" not in line.lower()] == []
    await nc.close()


async def test_nats_sends_an_acknowledgement_wherever_it_is_asked_for(log: Users) -> None:
    """No permission reaches that, so docs/nats.md says what it means; if this fails, NATS has learnt to refuse it."""
    nc, operator = await log.connect(TRANSCRIPT), await log.connect(OPERATOR)
    theirs = "health.reasoning"
    heard = await operator.subscribe(theirs)
    await round_trip(operator)
    assert await log.refusals(nc, theirs)
    await nc.publish("voice.s-10.speech.started", b"said", reply=theirs)
    acknowledgement = await heard.next_msg(5)
    assert json.loads(acknowledgement.data)["stream"] == VOICE
    await nc.close()
    await operator.close()


async def fetched(subscription: JetStreamContext.PullSubscription) -> list[Msg]:
    try:
        return await subscription.fetch(1, timeout=0.2)
    except NatsTimeoutError:
        return []


async def test_a_reader_reads_and_listens_and_changes_nothing(log: Users) -> None:
    nc, transcript = await log.connect(READER), await log.connect(TRANSCRIPT)
    heard = await nc.subscribe("live.*.*.*")
    await round_trip(nc)
    await transcript.jetstream().publish("voice.s-9.speech.started", b"said", stream=VOICE)
    assert (await heard.next_msg(5)).data == b"said"
    assert (await nc.jetstream().get_last_msg(VOICE, "voice.s-9.speech.started", direct=True)).data == b"said"
    assert await stored_messages_of(nc) > 0
    for subject in ("voice.s-9.speech.started", "do.new.reasoning.chat", "health.reasoning", "_INBOX.bridge.x"):
        assert await log.refusals(nc, subject), subject
    await nc.close()
    await transcript.close()


async def stored_messages_of(nc: Client) -> int:
    return len([message async for message in stored_messages(nc, VOICE)])


async def test_nobody_comes_in_without_a_password(log: Users) -> None:
    with pytest.raises((NatsError, OSError)):
        await asyncio.wait_for(nats.connect(log.server.url, allow_reconnect=False), 5)
    assert {password_of(user, SECRET) for user in users()} & {password_of(user, "other") for user in users()} == set()


async def test_a_projection_of_somebodys_own_reads_and_is_asked_for_its_status() -> None:
    allowed = permissions_of("projection-mine")
    assert {"status.projection-mine", "health.projection-mine", "live.*.*.*"} <= set(allowed.subscribe)
    assert not [subject for subject in allowed.publish if subject.startswith(("voice.", "do."))]


async def test_the_file_of_the_users_is_for_us_alone(tmp_path: Path) -> None:
    from infra.system.nats import write_nats_config

    config = write_nats_config(tmp_path, 4222, users=with_passwords(SECRET))
    assert config.stat().st_mode & 0o077 == 0
    assert write_nats_config(tmp_path, 4222).stat().st_mode & 0o077 == 0


async def test_the_command_writes_users_that_a_server_takes_and_keeps_their_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown, errors = await cli_beside("nats-users", str(tmp_path / "users"))
    assert code == 0, errors
    assert 'include "users.conf"' in shown
    config = tmp_path / "users" / "users.conf"
    keys = {file.stem: file.read_text() for file in (tmp_path / "users").glob("*.nk")}
    assert set(users()) <= set(keys)
    assert [len(keys[name].split()) for name in (OPERATOR, READER, SYNTHESIS)] == [1, 1, 2]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "users").glob("*.nk"))
    assert not [key for key in keys.values() if key.strip() in config.read_text()]
    before = config.read_text()
    await cli_beside("nats-users", str(tmp_path / "users"))
    assert config.read_text() == before
    async with running_nats(tmp_path / "nats", more=before) as server:
        monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
        monkeypatch.setenv("DAREDEVIL_NATS_NKEY_FILE", str(tmp_path / "users" / "{process}.nk"))
        settings.cache_clear()
        assert await nats_problem(server.url) == ""
        assert await nats_problem(server.url, process=SYNTHESIS) == ""
    settings.cache_clear()
