"""`POST /livekit/token`: who gets one, and what for."""

import httpx
import pytest
from livekit import rtc
from livekit.api import TokenVerifier

from tests.bridge.http.conftest import OpenHttp
from tests.livekit_server import LiveKitServer

pytestmark = pytest.mark.slow

SECRET = "a-secret-for-tests-of-40-characters-0004"
ROOMS = {"livekit_url": "wss://rooms.example.org", "livekit_api_key": "key", "livekit_api_secret": SECRET}
KEYED = {**ROOMS, "livekit_token_key": "let-me-in"}
BEARER = {"Authorization": "Bearer let-me-in"}


async def ask(http: httpx.AsyncClient, headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
    return await http.post("/livekit/token", json={"room_name": "kitchen", **fields}, headers=headers)


def own_page(http: httpx.AsyncClient) -> dict[str, str]:
    return {"Origin": str(http.base_url).rstrip("/")}


async def test_whoever_has_the_key_gets_a_short_token_for_one_room(open_http: OpenHttp) -> None:
    http = await open_http(**KEYED, livekit_token_ttl_s=60, livekit_public_url="wss://public.example.org")
    answer = await ask(http, BEARER, participant_identity="sam", participant_name="Sam")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert (given["server_url"], given["expires_in_s"]) == ("wss://public.example.org", 60)
    claims = TokenVerifier("key", SECRET).verify(given["participant_token"])
    assert claims.video is not None
    assert (claims.video.room, claims.identity, claims.name) == ("kitchen", "sam", "Sam")
    assert claims.video.can_publish_sources == ["microphone"]
    assert SECRET not in answer.text


async def test_without_an_identity_one_is_made_up_and_a_listener_may_not_speak(open_http: OpenHttp) -> None:
    http = await open_http(**KEYED)
    answers = [(await ask(http, BEARER, role="listener")).json() for _ in range(2)]
    assert len({answer["participant_identity"] for answer in answers}) == 2
    video = TokenVerifier("key", SECRET).verify(answers[0]["participant_token"]).video
    assert video is not None
    assert (video.can_publish, video.can_publish_data) == (False, False)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic let-me-in"}])
async def test_with_a_key_set_nobody_gets_one_without_it_not_even_the_page(
    open_http: OpenHttp, headers: dict[str, str]
) -> None:
    http = await open_http(**KEYED)
    answer = await ask(http, headers | own_page(http))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_without_a_key_the_page_of_this_machine_gets_one(open_http: OpenHttp) -> None:
    http = await open_http(**ROOMS)
    assert (await ask(http, own_page(http))).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ""},  # no page at all
        {"Origin": "https://evil.example.org"},
        {"Origin": "http://evil.example.org:8030", "Host": "evil.example.org:8030"},  # DNS rebinding
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_without_a_key_nobody_else_does(open_http: OpenHttp, headers: dict[str, str]) -> None:
    http = await open_http(**ROOMS)
    answer = await ask(http, own_page(http) | headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "no-token-key")
    assert "DAREDEVIL_LIVEKIT_TOKEN_KEY" in answer.json()["detail"]


async def test_where_others_can_reach_the_server_the_page_needs_the_key_too(open_http: OpenHttp) -> None:
    http = await open_http(**ROOMS, host="0.0.0.0")
    assert (await ask(http, own_page(http))).status_code == 403


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"room_name": ""}, "a room must be 1 to 128"),
        ({"room_name": "../../etc"}, "a room must be 1 to 128"),
        ({"room_name": 7}, "room_name"),
        ({"participant_identity": "agent-lk-0a"}, "those belong to the agent"),
        ({"participant_identity": "x" * 129}, "an identity must be 1 to 128"),
        ({"participant_name": "x" * 500}, "a display name"),
        ({"role": "moderator"}, "role"),
        ({"room_config": {"agents": []}}, "room_config"),
    ],
)
async def test_bad_requests_are_refused_in_words(
    open_http: OpenHttp, fields: dict[str, object], complaint: str
) -> None:
    answer = await ask(await open_http(**KEYED), BEARER, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request")
    assert complaint in answer.json()["detail"]


async def test_one_address_gets_no_more_than_its_share(open_http: OpenHttp) -> None:
    http = await open_http(**KEYED)
    codes = [(await ask(http, BEARER)).status_code for _ in range(32)]
    assert codes[:30] == [201] * 30
    assert codes[-1] == 429


async def test_without_a_livekit_server_it_says_so(open_http: OpenHttp) -> None:
    http = await open_http(livekit_token_key="let-me-in", livekit_url="", data_dir="/nowhere")
    answer = await ask(http, BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "not-available")
    assert "daredevil run --livekit" in answer.json()["detail"]


async def test_a_real_server_takes_it(livekit_server: LiveKitServer, open_http: OpenHttp) -> None:
    key, secret = livekit_server.api_key, livekit_server.api_secret
    http = await open_http(livekit_url=livekit_server.url, livekit_api_key=key, livekit_api_secret=secret)
    given = (await ask(http, own_page(http))).json()
    room = rtc.Room()
    await room.connect(given["server_url"], given["participant_token"])
    assert (room.name, room.local_participant.identity) == ("kitchen", given["participant_identity"])
    await room.disconnect()
