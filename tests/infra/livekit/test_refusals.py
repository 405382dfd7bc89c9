"""Why a room could not be joined: what a real server says of wrong tokens, in words that tell what to do."""

from dataclasses import replace

import pytest
from livekit import api, rtc

from infra.livekit.refusals import check_room, why_refused
from infra.livekit.tokens import join_token
from tests.infra.livekit.test_tokens import ACCESS, HOUR
from tests.livekit_server import LiveKitServer


def wrong_tokens(server: LiveKitServer) -> dict[str, str]:
    """Tokens that do not let in, by the words with which that is told."""
    ours = server.access()
    forged = replace(ours, secret="another-secret-of-at-least-32-characters")
    elsewhere = replace(ours, key="another-key")
    listing = api.AccessToken(server.api_key, server.api_secret).with_identity("sam")
    return {
        "has expired": join_token(ours, "kitchen", "sam", -HOUR),
        "is not signed with this server's secret": join_token(forged, "kitchen", "sam", HOUR),
        "does not know the API key": join_token(elsewhere, "kitchen", "sam", HOUR),
        "does not allow joining a room": listing.with_grants(api.VideoGrants(room_list=True)).to_jwt(),
        "is no token": "x.y.z",
    }


async def test_a_real_server_refuses_wrong_tokens_and_it_is_told_why(livekit_server: LiveKitServer) -> None:
    for why, token in wrong_tokens(livekit_server).items():
        with pytest.raises(rtc.ConnectError) as refused:
            await rtc.Room().connect(livekit_server.url, token)
        told = why_refused(refused.value.message)
        assert why in told
        assert "engine:" not in told
        assert token not in told
    async with livekit_server.api() as livekit:
        assert not (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms


def test_what_is_not_known_is_reported_as_it_is_but_without_the_token() -> None:
    token = join_token(ACCESS, "kitchen", "sam", HOUR)
    assert why_refused(f"engine: no route to {token}, sorry") == "engine: no route to (token), sorry"


def test_a_token_is_for_its_own_room_only() -> None:
    token = join_token(ACCESS, "kitchen", "sam", HOUR)
    check_room(token, "kitchen")
    with pytest.raises(ValueError, match="is for room kitchen, not for hall: make another"):
        check_room(token, "hall")


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "x.e30.z", "x.W10.z", "x.bnVsbA.z", "x.é.z"])
def test_what_is_no_token_for_a_room_is_reported(token: str) -> None:
    with pytest.raises(ValueError, match="that is no token for a room"):
        check_room(token, "kitchen")
