"""`POST /livekit/webhook`: what a real server signs is compared with the log, what nobody signed is refused."""

import base64
import hashlib
import logging
from pathlib import Path

import httpx
import pytest
from faststream.nats import NatsBroker
from google.protobuf.json_format import MessageToJson
from livekit import rtc
from livekit.api import AccessToken, DeleteRoomRequest, ParticipantInfo, Room, TrackInfo, WebhookEvent

from bridge.http.livekit import comparing as livekit_comparing
from bridge.http.livekit.comparing import Comparing, difference
from bridge.http.problems import Problem
from contracts import events as e
from infra.livekit.naming import agent_identity, participant_of_identity, session_of_room, track_of_sid
from infra.log.event_log import facts_after
from tests.bridge.agent import Agent
from tests.bridge.http.conftest import OpenHttp
from tests.livekit_server import KEY, running_livekit
from tests.waiting import until

pytestmark = pytest.mark.slow

ROOMS = {"livekit_url": "wss://x", "livekit_api_key": KEY.key, "livekit_api_secret": KEY.secret}
PROFILE = {"prompt": "Be kind.", "llm": "local", "stt": "local", "tts": "local"}
EVENT = WebhookEvent(
    id="EV_1",
    event="participant_joined",
    room=Room(sid="RM_1", name="kitchen"),
    participant=ParticipantInfo(identity="sam", sid="PA_1"),
)


def signed(event: WebhookEvent, secret: str = KEY.secret) -> tuple[str, dict[str, str]]:
    body = MessageToJson(event)
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    token = AccessToken(KEY.key, secret).with_sha256(digest).to_jwt()
    return body, {"Authorization": token, "Content-Type": "application/webhook+json"}


def fact(kind: type[e.Event], **fields: object) -> e.Event:
    common = {"event_id": "e", "session_id": "s", "time_ns": 1}
    return kind.model_validate(common | fields)


OPENED = fact(e.SessionOpened, door="livekit", user_id="", profile=PROFILE)
JOINED = fact(e.ParticipantJoined, participant_id="sam")


def test_a_fact_that_the_log_has_is_no_difference() -> None:
    assert difference(EVENT, []) == "sam joined"
    assert difference(EVENT, [OPENED, JOINED]) == ""
    left = WebhookEvent(event="participant_left", participant=ParticipantInfo(identity="sam"))
    assert difference(left, [OPENED, JOINED]) == "sam left"
    assert difference(left, [OPENED, JOINED, fact(e.ParticipantLeft, participant_id="sam")]) == ""


def test_tracks_are_compared_by_what_the_bridge_calls_them_also_when_it_listened_again() -> None:
    told = WebhookEvent(
        event="track_published", participant=ParticipantInfo(identity="sam"), track=TrackInfo(sid="TR_1")
    )
    for n in (0, 3):
        published = fact(e.TrackPublished, track_id=track_of_sid("TR_1", n), participant_id="sam")
        assert difference(told, [published]) == ""
    other = fact(e.TrackPublished, track_id=track_of_sid("TR_2"), participant_id="sam")
    assert difference(told, [other]) == "published microphone TR_1 of sam"


def test_what_is_no_persons_voice_is_not_compared() -> None:
    video = TrackInfo(sid="TR_1", type=1)  # type: ignore[arg-type]
    sam = ParticipantInfo(identity="sam")
    agent = ParticipantInfo(identity="agent-x", kind=ParticipantInfo.AGENT)
    assert difference(WebhookEvent(event="track_published", participant=sam, track=video), []) == ""
    assert difference(WebhookEvent(event="participant_joined", participant=agent), []) == ""
    assert difference(WebhookEvent(event="room_started"), []) == ""
    # Of a track LiveKit tells whose it is, but not of which kind they are.
    ours = ParticipantInfo(identity=agent_identity(session_of_room("RM_1")))
    told = WebhookEvent(event="track_unpublished", room=EVENT.room, participant=ours, track=TrackInfo(sid="TR_1"))
    assert difference(told, []) == ""


def test_a_session_that_outlives_its_room_is_a_difference() -> None:
    gone = WebhookEvent(event="room_finished")
    assert difference(gone, []) == ""
    assert difference(gone, [OPENED]) == "the room is gone, the session is open"
    assert difference(gone, [OPENED, fact(e.SessionClosed, reason="left")]) == ""


async def test_what_nobody_signed_with_our_key_is_refused(open_http: OpenHttp) -> None:
    http = await open_http(**ROOMS)
    body, headers = signed(EVENT)
    _, forged = signed(EVENT, "another-secret-of-at-least-32-characters")
    without_hash = {"Authorization": AccessToken(KEY.key, KEY.secret).to_jwt()}
    for content, given in (
        (body, {}),
        (body, {"Authorization": "nonsense"}),
        (body, forged),
        (body, without_hash),
        (body.replace("sam", "eve"), headers),
        ("", headers),
        ("\udcff", headers),
    ):
        answer = await http.post("/livekit/webhook", content=content.encode(errors="surrogateescape"), headers=given)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad-signature"), (content, given)
    assert (await http.post("/livekit/webhook", content=body, headers=headers)).json() == {"status": "taken"}


async def test_the_same_event_twice_changes_nothing(
    open_http: OpenHttp, broker: NatsBroker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(livekit_comparing, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(livekit_comparing, "PATIENCE_S", 0.05)
    http = await open_http(**ROOMS)
    body, headers = signed(EVENT)
    answers = [(await http.post("/livekit/webhook", content=body, headers=headers)).json() for _ in range(3)]
    assert [answer["status"] for answer in answers] == ["taken", "known", "known"]
    await until(lambda: "LiveKit and the log differ" in caplog.text)
    assert caplog.text.count("LiveKit and the log differ") == 1
    assert "sam joined, but the log has no such session" in caplog.text
    assert await facts_after(broker, session_of_room("RM_1")) == [], "nothing is written"


async def test_when_too_many_wait_the_server_is_told_to_come_again(broker: NatsBroker) -> None:
    comparing = Comparing(broker)
    for n in range(livekit_comparing.MOST_AT_ONCE):
        event = WebhookEvent()
        event.CopyFrom(EVENT)
        event.id = f"EV_{n}"
        assert comparing.take(event)
    last = WebhookEvent()
    last.CopyFrom(EVENT)
    last.id = "EV_last"
    with pytest.raises(Problem) as refused:
        comparing.take(last)
    assert refused.value.code == "busy"
    await comparing.close()


async def test_a_real_servers_webhooks_are_verified_and_compared(
    open_http: OpenHttp,
    broker: NatsBroker,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(livekit_comparing, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(livekit_comparing, "PATIENCE_S", 3.0)
    caplog.set_level(logging.INFO, "bridge.http")
    http: httpx.AsyncClient = await open_http(**ROOMS)
    async with running_livekit(tmp_path / "livekit", f"{http.base_url}/livekit/webhook") as server:
        room = rtc.Room()
        await room.connect(server.url, server.token("kitchen", "Sam Smith"))
        session_id = session_of_room(await room.sid)
        agent = Agent(broker)
        sam = participant_of_identity("Sam Smith")
        await agent.append(e.SessionOpened, session_id, door="livekit", user_id="", profile=PROFILE)
        await agent.append(e.ParticipantJoined, session_id, participant_id=sam)
        await until(lambda: "LiveKit: participant_joined in room kitchen Sam Smith" in caplog.text)
        # The log is not told of this microphone, as if the bridge had missed it.
        track = rtc.LocalAudioTrack.create_audio_track("microphone", rtc.AudioSource(24_000, 1))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await room.local_participant.publish_track(track, options)
        missed = f"room kitchen ({session_id}): published microphone {publication.sid} of Sam Smith"
        await until(lambda: missed in caplog.text, within_s=15)
        async with server.api() as api:
            await api.room.delete_room(DeleteRoomRequest(room="kitchen"))
        await until(lambda: "the room is gone, the session is open" in caplog.text, within_s=15)
        assert "Sam Smith joined" not in caplog.text
        assert "was refused" not in caplog.text
