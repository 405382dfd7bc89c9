"""`asyncapi.yaml` against a running system: it has each subscription and each message of ours, and promises no other.

One system, and one run of everything it can do, is watched from outside: by NATS's monitoring, and by a listener on all
subjects. The messages are judged by the document alone. Each process has the user of NATS that `daredevil nats-users`
makes for it, and may do all that it does. To NATS that listener could answer any
request: where nobody is there, the system waits for an answer instead of being told so at once.
"""

import asyncio
import dataclasses
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgpack
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from websockets.asyncio.client import connect

from contracts.requests import SayRequest
from contracts.topology import DURABLES, OPERATOR
from infra.caller import ScriptedUtterance, place_call, read_wav
from infra.livekit.naming import session_of_room
from infra.log.dead_letters import NotTaken, dead_letters, put_back
from infra.log.nats_access import connect as connect_to_nats
from infra.log.nats_users import write_users
from infra.replay.pace import AT_ONCE
from infra.replay.publish import publish
from infra.replay.recorded_session import recorded_session
from infra.session.remarks import ask_to_say
from infra.settings import Settings
from infra.settings import settings as read_settings
from infra.system.livekit import LiveKitMissing, livekit_server_path
from infra.system.supervisor import running_system
from projections.status import ask_status
from tests.bridge.http.answering import streamed
from tests.bridge.livekit.guest import Guest
from tests.e2e.conftest import DATA
from tests.e2e.the_document import Document, is_one_of
from tests.livekit_server import LiveKitServer, running_livekit
from tests.servers import NatsServer, running_nats
from tests.waiting import until, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ADMIN_KEY = "operator"
RUBBISH = "voice.s-x.moon.risen"
NOT_OURS = ("_INBOX.", "_R_.", "$JS.", "voice.s-x.", "live.s-x.")
NAMED = "daredevil-"
"""How the names of our processes' connections begin."""

ONLY_IN_ROOMS = {"Hangup", "Transfer", "RoomsBucket"}
ONLY_BY_CHANCE = {"SilentTracksBucket"}
"""A microphone that stays silent for seconds while it is open."""


@dataclass(slots=True)
class Watched:
    """What was seen: messages in order and by channel, and each subscription as `(process, subject, queue group)`."""

    document: Document
    messages: list[Msg] = field(default_factory=list)
    by_channel: defaultdict[str, list[Msg]] = field(default_factory=lambda: defaultdict(list))
    has_rooms: bool = False
    subscriptions: set[tuple[str, str, str]] = field(default_factory=set)
    streams: dict[str, list[str]] = field(default_factory=dict)
    consumers: dict[str, set[str]] = field(default_factory=dict)
    server_log: str = ""

    def take(self, message: Msg) -> None:
        self.messages.append(message)
        self.by_channel[self.document.channel_of(message.subject)].append(message)

    def on(self, channel: str) -> list[Msg]:
        return self.by_channel[channel]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAREDEVIL_NATS_NKEY_FILE", f"{folder}/keys/{{process}}.nk")
        # Doors ask for the actors that they need, as they do by default.
        environment.setenv("DAREDEVIL_OPENING_PATIENCE_S", "20")
        read_settings.cache_clear()
        users = write_users(folder / "keys").read_text()
        async with running_nats(folder / "nats", is_monitored=True, more=users) as server:
            environment.setenv("DAREDEVIL_NATS_URL", server.url)
            read_settings.cache_clear()
            async with media_if_there(folder) as media, watching(server) as (seen, nc):
                chosen = {"DAREDEVIL_ADMIN_KEY": ADMIN_KEY, "DAREDEVIL_RESPONSE_CACHE_TTL_S": "60"}
                if media is not None:
                    chosen["DAREDEVIL_LIVEKIT_URL"] = media.url
                    chosen["DAREDEVIL_LIVEKIT_API_KEY"] = media.api_key
                    chosen["DAREDEVIL_LIVEKIT_API_SECRET"] = media.api_secret
                for name, value in chosen.items():
                    environment.setenv(name, value)  # the system's processes read it
                settings = Settings(data_dir=folder, port=0, nats_url=server.url, llm_url="")
                async with running_system(settings) as system:
                    seen.has_rooms = media is not None
                    async with asyncio.TaskGroup() as group:
                        group.create_task(everything(system.page_url, nc, seen))
                        if media is not None:
                            group.create_task(a_room(media, nc, seen))
                    await look_at_streams(nc, seen)
                seen.server_log = server.log()
                yield seen
    read_settings.cache_clear()


@asynccontextmanager
async def media_if_there(folder: Path) -> AsyncIterator[LiveKitServer | None]:
    """Run a LiveKit server where its binary is installed: without one, all but rooms is looked at."""
    try:
        livekit_server_path(os.environ.get("DAREDEVIL_LIVEKIT_SERVER", ""))
    except LiveKitMissing:
        yield None
        return
    async with running_livekit(folder) as media:
        yield media


@asynccontextmanager
async def watching(server: NatsServer) -> AsyncIterator[tuple[Watched, Client]]:
    """Listen to everything, and look at who is subscribed to what again and again."""
    seen = Watched(Document())
    nc = await connect_to_nats(server.url, OPERATOR, read_settings())

    async def hear(message: Msg) -> None:
        seen.take(message)

    async def look() -> None:
        async with httpx.AsyncClient(base_url=server.monitor_url) as http:
            while True:
                answer = (await http.get("/connz?subs=detail&limit=1000")).json()
                seen.subscriptions |= {
                    (connection["name"].removeprefix(NAMED), one["subject"], one.get("qgroup", ""))
                    for connection in answer["connections"]
                    if connection.get("name", "").startswith(NAMED)
                    for one in connection.get("subscriptions_list_detail", ())
                    if not one["subject"].startswith(NOT_OURS)
                }
                await asyncio.sleep(0.1)

    await nc.subscribe(">", cb=hear, pending_msgs_limit=10**6, pending_bytes_limit=10**9)
    looking = asyncio.create_task(look(), name="looking at subscriptions")
    try:
        yield seen, nc
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await nc.close()


async def everything(page_url: str, nc: Client, seen: Watched) -> None:
    """Do all that a system can do without rooms."""
    async with httpx.AsyncClient(base_url=page_url, timeout=60) as http:
        assert (await http.get("/readyz")).status_code == 200
        async with asyncio.TaskGroup() as group:
            call = group.create_task(a_call_with_a_tool_and_a_barge_in(page_url, nc, seen))
            group.create_task(chats(http, nc))
            group.create_task(sessions_that_are_asked_for(page_url, http, nc, seen))
            group.create_task(an_alert(http, seen))
    await a_session_published_again(nc, seen, call.result())
    await a_letter_that_nobody_can_take(nc, seen)
    assert await ask_status(nc, "projection-postgres")
    await until(lambda: seen.on("SummaryWritten") and seen.on("RecordingStored"), 60)
    assert (await nc.request("load.transcript", timeout=5)).data.split()[1] in (b"0", b"1")


async def a_call_with_a_tool_and_a_barge_in(page_url: str, nc: Client, seen: Watched) -> str:
    """Place it, and return its session."""
    said = [ScriptedUtterance(read_wav(DATA / name)) for name in ("what_time.wav", "story.wav", "stop.wav")]
    said[2] = dataclasses.replace(said[2], after_reply_ms=600)
    call = asyncio.create_task(place_call(page_url, said))
    await until(lambda: seen.on("PlaybackStarted") or call.done(), 60)
    assert json.loads((await nc.request("clock", timeout=5)).data)["busy_ns"] > 0
    result = await call
    clause = next(each for each in seen.on("ReplyClauseWritten") if result.session_id in each.subject)
    # As a door does that has lost sound; here the session is over, and the answer says so.
    again = await nc.request(f"do.{result.session_id}.synthesis.clause", clause.data, timeout=10)
    assert again.data
    await until(lambda: seen.on("Recording"), 30)
    return result.session_id


async def chats(http: httpx.AsyncClient, nc: Client) -> None:
    """Chat over HTTP and by request, the second time about the same, so that its answer may come from the cache."""
    await streamed(http, text="What is the largest ocean?", user_id="sam")
    asked = {"text": "What is the largest ocean?", "user_id": "sam"}
    answer = await nc.request("do.new.reasoning.chat", msgpack.packb(asked), timeout=60)
    assert msgpack.unpackb(answer.data)["text"]
    refused = await nc.request("do.no-such-session.reasoning.chat", msgpack.packb(asked), timeout=20)
    assert "error" in msgpack.unpackb(refused.data)


async def sessions_that_are_asked_for(page_url: str, http: httpx.AsyncClient, nc: Client, seen: Watched) -> None:
    """Have the agent say something in one session, which another door then claims, and one ended by the operator."""
    url = page_url.replace("http", "ws").rstrip("/") + "/ws"
    async with connect(url) as socket:
        session_id = await welcomed(socket)
        assert (await nc.request(f"do.{session_id}.bridge.held", timeout=5)).data == b""
        assert await ask_to_say(nc, session_id, SayRequest("Just a moment.", "test", "once"))
        await nc.request(f"do.{session_id}.bridge.claim", timeout=10)
    async with connect(url) as socket:
        session_id = await welcomed(socket)
        ended = await http.post(f"/sessions/{session_id}/close", headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        assert ended.status_code < 300, ended.text


async def an_alert(http: httpx.AsyncClient, seen: Watched) -> None:
    """Post one as Alertmanager does."""
    labels = {"alertname": "HighLatency", "severity": "warning", "door": "websocket"}
    alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": "2026-11-22T18:30:15.123Z"}
    answer = await http.post("/alerts", json={"alerts": [alert]}, headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    assert answer.status_code == 200, answer.text
    await until(lambda: seen.on("Alert"), 10)


async def a_session_published_again(nc: Client, seen: Watched, session_id: str) -> None:
    """Publish a session's facts again, as `daredevil replay --publish` does."""
    done = await publish(nc, await recorded_session(nc, session_id), speed=AT_ONCE)
    await until(lambda: len(seen.on("ReplayedFact")) == done.facts, 10)


async def welcomed(socket: object) -> str:
    await socket.send(json.dumps({"type": "hello", "mic": False, "replies": []}))  # type: ignore[attr-defined]
    async for data in socket:  # type: ignore[attr-defined]
        if isinstance(data, str) and (told := json.loads(data))["type"] == "welcome":
            return str(told["session_id"])
    raise AssertionError("no welcome")


async def a_room(media: LiveKitServer, nc: Client, seen: Watched) -> None:
    """Be in a room; ask for a transfer of nobody, then for the end."""
    async with Guest.joined(media, "watched", "ada") as ada:
        session_id = session_of_room(await ada.room.sid)
        transfer = msgpack.packb({"participant_id": "p-9", "to": "tel:+49401234"})

        async def is_refused() -> bool:
            try:
                answer = await nc.request(f"do.{session_id}.bridge.transfer", transfer, timeout=1)
            except TimeoutError:  # the agent is not there yet; NATS takes our listener for somebody who could answer
                return False
            return "error" in msgpack.unpackb(answer.data)

        await until_async(is_refused, 30)
        assert (await nc.request(f"do.{session_id}.bridge.hangup", timeout=10)).data == b""
    await until(lambda: any(session_id in message.subject for message in seen.on("SessionClosed")), 20)


async def a_letter_that_nobody_can_take(nc: Client, seen: Watched) -> None:
    await nc.jetstream().publish(RUBBISH, b"no event")
    await until(lambda: seen.on("DeadLetter"), 20)
    [letter] = await dead_letters(nc)
    with pytest.raises(NotTaken, match="no event is known"):
        await put_back(nc, letter)


async def look_at_streams(nc: Client, seen: Watched) -> None:
    js = nc.jetstream()
    for info in await js.streams_info():
        assert info.config.name
        seen.streams[info.config.name] = list(info.config.subjects or ())

    async def is_there() -> bool:
        for consumer in await js.consumers_info("VOICE"):
            if consumer.config.durable_name:
                filters = consumer.config.filter_subjects or [consumer.config.filter_subject or ">"]
                seen.consumers[consumer.config.durable_name] = set(filters)
        return len(seen.consumers) >= len(seen.document.durables())

    await until_async(is_there, 5)


async def test_each_subscription_is_in_the_document_with_its_queue_group(watched: Watched) -> None:
    unknown = sorted(
        f"{process}: {subject} (queue {queue!r})"
        for process, subject, queue in watched.subscriptions
        if not any(
            queue == group and is_one_of(documented, subject)
            for documented, group in watched.document.subscriptions_of(process)
        )
    )
    assert not unknown, "\n".join(unknown)


async def test_each_process_subscribes_to_what_the_document_says(watched: Watched) -> None:
    processes = {process for process, _, _ in watched.subscriptions}
    assert processes >= {"bridge", "transcript", "reasoning", "synthesis", "persistence", "summaries"}
    assert "projection-postgres" in processes
    missing = sorted(
        f"{process}: {documented} (queue {group!r})"
        for process in processes
        for documented, group in watched.document.subscriptions_of(process)
        if not any(
            one == process and queue == group and is_one_of(documented, subject)
            for one, subject, queue in watched.subscriptions
        )
    )
    assert not missing, "\n".join(missing)


async def test_streams_buckets_and_durables_are_those_of_the_document(watched: Watched) -> None:
    kept = watched.document.whole["servers"]["nats"]["x-jetstream"]
    streams = {stream["name"]: stream["subjects"] for stream in kept["streams"]}
    buckets = {f"KV_{bucket['name']}" for bucket in kept["buckets"]}
    assert {name: subjects for name, subjects in watched.streams.items() if name not in buckets} == streams
    assert {name for name in watched.streams if name not in streams} <= buckets
    documented = watched.document.durables()
    assert set(watched.consumers) == set(documented)
    everything = documented["persistence"]
    for name, subjects in documented.items():
        assert watched.consumers[name] == ({"voice.*.*.*"} if subjects == everything else subjects)


async def test_nobody_does_what_its_user_of_nats_may_not(watched: Watched) -> None:
    lines = [line for line in watched.server_log.splitlines() if "Violation" in line or "authentication error" in line]
    assert not lines, "\n".join(lines)
    assert {"bridge", *(durable.actor for durable in DURABLES)} - {"tools"} <= {
        process for process, _, _ in watched.subscriptions
    }


async def test_each_message_is_what_the_document_says_of_its_subject(watched: Watched) -> None:
    document, replies, problems = watched.document, dict[str, str](), []
    for message in watched.messages:
        headers, channel = message.headers or {}, document.channel_of(message.subject)
        if message.subject in replies and "Status" not in headers:
            channel = replies[message.subject]
        elif message.subject.startswith(NOT_OURS):
            continue
        elif not channel:
            problems.append(f"{message.subject}: no channel")
            continue
        elif message.reply and (answers := document.answers_of(channel)):
            replies[message.reply] = answers
        if channel and (problem := document.problem(channel, headers, message.data)):
            problems.append(f"{message.subject} ({channel}): {problem}")
    assert not problems, "\n".join(dict.fromkeys(problems))
    assert {document.answers_of(name) for name in ("Chat", "SoundAgain", "PutBack", "Health", "Clock")} <= set(
        replies.values()
    )


async def test_the_run_shows_every_kind_of_message(watched: Watched) -> None:
    seen = {name for name, messages in watched.by_channel.items() if messages}
    channels = watched.document.whole["channels"]
    expected = {name for name, channel in channels.items() if channel["address"] and not is_fact(channel)}
    assert expected - seen - ONLY_BY_CHANCE == (set() if watched.has_rooms else ONLY_IN_ROOMS)
    assert {"ToolReturned", "TurnInterrupted", "SummaryWritten", "RecordingStored"} <= seen


def is_fact(channel: dict[str, object]) -> bool:
    return channel.get("x-jetstream") == {"stream": "VOICE"}
