import shutil
from pathlib import Path

import pytest
from livekit import rtc
from livekit.api import CreateRoomRequest, ListRoomsRequest, VideoGrants

from infra.livekit.key import livekit_key
from infra.system.livekit import LiveKitMissing, livekit_server_path
from tests.livekit_server import LiveKitServer


def test_its_key_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    made = livekit_key(tmp_path / "livekit")
    assert len(made.secret) >= 32
    assert livekit_key(tmp_path / "livekit") == made
    assert livekit_key(tmp_path / "another") != made
    assert (tmp_path / "livekit" / "key.json").stat().st_mode & 0o077 == 0


def test_where_there_is_no_server_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(LiveKitMissing, match=r"https://get\.livekit\.io"):
        livekit_server_path()
    with pytest.raises(LiveKitMissing, match="DAREDEVIL_LIVEKIT_SERVER=/nowhere is not a program"):
        livekit_server_path("/nowhere")


def test_the_named_one_comes_before_the_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = shutil.which("true")
    assert true is not None
    for place in (tmp_path / "path", tmp_path / "cache" / "daredevil"):
        place.mkdir(parents=True)
        (place / "livekit-server").symlink_to(true)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert livekit_server_path(true) == true
    assert livekit_server_path() == str(tmp_path / "path" / "livekit-server")
    (tmp_path / "path" / "livekit-server").unlink()
    assert livekit_server_path() == str(tmp_path / "cache" / "daredevil" / "livekit-server")


async def test_people_join_and_a_restart_throws_them_out_and_forgets_the_room(livekit_server: LiveKitServer) -> None:
    async with livekit_server.api() as api:
        await api.room.create_room(CreateRoomRequest(name="kitchen"))
        room = rtc.Room()
        await room.connect(livekit_server.url, livekit_server.token("kitchen", "sam"))
        assert room.isconnected()
        assert await room.sid
        await room.disconnect()
        await livekit_server.restart()
        assert not (await api.room.list_rooms(ListRoomsRequest())).rooms


async def test_a_token_of_another_room_or_a_past_time_does_not_let_in(livekit_server: LiveKitServer) -> None:
    for token in (
        livekit_server.token("kitchen", "sam", ttl_s=-3600),
        livekit_server.token("kitchen", "sam", VideoGrants(room_join=False, room="kitchen")),
        livekit_server.token("kitchen", "sam") + "x",
    ):
        with pytest.raises(rtc.ConnectError):
            await rtc.Room().connect(livekit_server.url, token)
