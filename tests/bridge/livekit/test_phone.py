"""Phones in rooms, at the SDK's boundary: there is no livekit-sip here, so LiveKit's side of these calls is played."""

from types import SimpleNamespace
from typing import Any

import msgpack
import pytest
from faststream.nats import NatsBroker
from livekit import api, rtc

from bridge.livekit.persons import is_microphone, is_person, joined_fields
from bridge.livekit.phone import KEYS_BURST, Phone
from contracts import events as e
from contracts.topology import hangup_subject, transfer_subject
from infra.log.connection import connection

KIND = rtc.ParticipantKind


class PlayedCall:
    session_id = "lk-1"

    def __init__(self) -> None:
        self.noted: list[e.Event] = []
        self.ended = ""

    def note(self, event: e.Event) -> None:
        self.noted.append(event)

    async def hang_up(self) -> None:
        self.ended = "hangup"


class PlayedLiveKit:
    """Stands for LiveKitAPI: keeps what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.refuse = False
        self.room = SimpleNamespace(remove_participant=self._take)
        self.sip = SimpleNamespace(transfer_sip_participant=self._take)

    async def _take(self, request: Any) -> None:
        if self.refuse:
            raise api.TwirpError(api.TwirpErrorCode.NOT_FOUND, "no such call", status=404)
        self.asked.append(request)

    async def __aenter__(self) -> "PlayedLiveKit":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class Setup:
    def __init__(self, broker: NatsBroker) -> None:
        self.broker = broker
        self.call, self.livekit, self.room = PlayedCall(), PlayedLiveKit(), rtc.Room()
        self.room._info.name = "hall"
        people = {"sip-49301-ab": "sip_+49301"}
        self.phone = Phone(self.room, self.call, people.get, lambda: self.livekit)  # type: ignore[arg-type, return-value]

    async def ask(self, subject: str, **fields: object) -> dict[str, Any]:
        answer = await connection(self.broker).request(subject, msgpack.packb(fields) if fields else b"", timeout=5)
        answered: dict[str, Any] = msgpack.unpackb(answer.data) if answer.data else {}
        return answered


@pytest.fixture
async def phone(broker: NatsBroker) -> Setup:
    setup = Setup(broker)
    setup.phone.listen()
    await setup.phone.follow(connection(broker))
    return setup


ZONES = ("Asia/Tokyo", "Tokio")


def test_phones_and_streams_are_people_recorders_and_agents_are_not() -> None:
    assert all(is_person(kind) for kind in (KIND.PARTICIPANT_KIND_SIP, KIND.PARTICIPANT_KIND_INGRESS))
    assert not any(is_person(kind) for kind in (KIND.PARTICIPANT_KIND_EGRESS, KIND.PARTICIPANT_KIND_AGENT))
    assert is_microphone(rtc.TrackKind.KIND_AUDIO, rtc.TrackSource.SOURCE_UNKNOWN)
    assert not is_microphone(rtc.TrackKind.KIND_VIDEO, rtc.TrackSource.SOURCE_CAMERA)
    assert not is_microphone(rtc.TrackKind.KIND_AUDIO, rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)


def test_a_callers_number_is_passed_on_and_too_much_of_it_cut() -> None:
    fields = joined_fields("sip_+49301", KIND.PARTICIPANT_KIND_SIP, {"sip.phoneNumber": "+49301"})
    assert fields == {"identity": "sip_+49301", "origin": "sip", "attributes": {"sip.phoneNumber": "+49301"}}
    many = {f"a{n}": "x" * 10_000 for n in range(1000)}
    zones = [joined_fields("i", KIND.PARTICIPANT_KIND_STANDARD, {"time_zone": zone}).get("time_zone") for zone in ZONES]
    assert zones == ["Asia/Tokyo", None]
    cut = joined_fields("i" * 1000, KIND.PARTICIPANT_KIND_SIP, many)
    assert len(str(cut)) < 40_000
    assert e.ParticipantJoined(event_id="x", session_id="s", time_ns=1, participant_id="p", **cut)


async def test_keys_are_facts(phone: Setup) -> None:
    caller = SimpleNamespace(identity="sip_+49301")
    phone.room.emit("sip_dtmf_received", rtc.SipDTMF(code=11, digit="#", participant=caller))  # type: ignore[arg-type]
    phone.room.emit("sip_dtmf_received", rtc.SipDTMF(code=11, digit="#", participant=None))
    (key,) = phone.call.noted
    assert isinstance(key, e.DtmfReceived)
    assert (key.digit, key.code, key.participant_id[:9]) == ("#", 11, "sip-49301")


async def test_keys_pressed_before_the_session_is_open_are_facts_of_it(broker: NatsBroker) -> None:
    setup = Setup(broker)
    setup.phone.listen()
    caller = SimpleNamespace(identity="sip_+49301")
    for code in (1, 2):
        setup.room.emit("sip_dtmf_received", rtc.SipDTMF(code=code, digit=str(code), participant=caller))  # type: ignore[arg-type]
    assert setup.call.noted == []
    await setup.phone.follow(connection(broker))
    assert [key.digit for key in setup.call.noted if isinstance(key, e.DtmfReceived)] == ["1", "2"]


async def test_a_flood_of_keys_is_not_a_flood_of_facts(phone: Setup) -> None:
    for identity in ["eve"] * 2000 + ["sip_+49301"]:
        caller = SimpleNamespace(identity=identity)
        phone.room.emit("sip_dtmf_received", rtc.SipDTMF(code=1, digit="1", participant=caller))  # type: ignore[arg-type]
    assert KEYS_BURST <= len(phone.call.noted) < KEYS_BURST + 20
    last = phone.call.noted[-1]
    assert isinstance(last, e.DtmfReceived)
    assert last.participant_id.startswith("sip-49301")


async def test_a_caller_is_hung_up_on_or_the_session_ended(phone: Setup) -> None:
    assert await phone.ask(hangup_subject("lk-1"), participant_id="sip-49301-ab") == {}
    assert phone.livekit.asked[0].identity == "sip_+49301"
    assert phone.call.ended == ""
    assert await phone.ask(hangup_subject("lk-1")) == {}
    assert phone.call.ended == "hangup"


async def test_a_caller_is_transferred(phone: Setup) -> None:
    assert await phone.ask(transfer_subject("lk-1"), participant_id="sip-49301-ab", to="tel:+493012345") == {}
    (request,) = phone.livekit.asked
    assert (request.room_name, request.participant_identity) == ("hall", "sip_+49301")
    assert request.transfer_to == "tel:+493012345"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"participant_id": "nobody", "to": "tel:+493012345"}, "participant-unknown"),
        ({"participant_id": "sip-49301-ab", "to": "javascript:1"}, "bad-request"),
        ({"participant_id": "sip-49301-ab"}, "bad-request"),
        ({"participant_id": 7, "to": "tel:110"}, "bad-request"),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused(phone: Setup, fields: dict[str, Any], code: str) -> None:
    assert (await phone.ask(transfer_subject("lk-1"), **fields))["error"]["code"] == code
    assert phone.livekit.asked == []


async def test_what_livekit_refuses_is_reported(phone: Setup) -> None:
    phone.livekit.refuse = True
    answer = await phone.ask(transfer_subject("lk-1"), participant_id="sip-49301-ab", to="sip:a@b.org")
    assert answer["error"]["code"] == "livekit-refused"
