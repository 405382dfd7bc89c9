"""The LiveKit door as part of a system: which processes it takes, and who may know its secret."""

import os
import signal
from pathlib import Path

import pytest
from livekit.api import ListRoomsRequest, LiveKitAPI

from infra.livekit.key import livekit_folder, livekit_key
from infra.runtime import read_runtime
from infra.settings import Settings
from infra.system.addresses import choose_addresses, livekit_line
from infra.system.apps import APPS, App
from infra.system.environment import child_environment, with_secrets
from infra.system.livekit import LiveKitMissing, livekit_server_path
from infra.system.parts import LIVEKIT, Program, processes
from infra.system.start_failed import StartFailed
from infra.system.supervisor import Supervisor
from tests.waiting import until, until_async

pytestmark = pytest.mark.slow

ELSEWHERE = {"livekit_url": "wss://rooms.example.org", "livekit_api_key": "key", "livekit_api_secret": "secret"}


def some_settings(tmp_path: Path, **values: object) -> Settings:
    given = {"data_dir": tmp_path, "port": 0, "nats_url": "", "postgres_url": "off", "livekit_url": "", **values}
    return Settings.model_validate(given)


def names(settings: Settings) -> list[str]:
    return [part.name for part in processes(settings, choose_addresses(settings))]


def test_the_door_is_closed_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert not {"livekit", "bridge-livekit"} & set(names(some_settings(tmp_path)))
    assert livekit_line(choose_addresses(some_settings(tmp_path))) == ""


def test_a_server_elsewhere_opens_it_and_none_is_started_here(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, livekit=True, **ELSEWHERE)
    assert "bridge-livekit" in names(settings)
    assert "livekit" not in names(settings)
    assert livekit_line(choose_addresses(settings)) == "using the LiveKit server at wss://rooms.example.org"


def test_a_server_elsewhere_without_its_key_is_reported_before_anything_starts(tmp_path: Path) -> None:
    missing = r"Also set DAREDEVIL_LIVEKIT_API_KEY and DAREDEVIL_LIVEKIT_API_SECRET$"
    with pytest.raises(StartFailed, match=missing):
        Supervisor(some_settings(tmp_path, livekit_url="wss://rooms.example.org"))


@pytest.mark.parametrize("half", ["livekit_api_key", "livekit_api_secret"])
def test_of_a_key_that_was_half_given_the_missing_half_is_named(tmp_path: Path, half: str) -> None:
    values = {name: value for name, value in ELSEWHERE.items() if name != half}
    with pytest.raises(StartFailed, match=f"Also set DAREDEVIL_{half.upper()}$"):
        Supervisor(some_settings(tmp_path, **values))


def test_without_a_server_program_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, livekit=True, livekit_server="/nowhere/livekit-server")
    with pytest.raises(
        StartFailed, match=r"(?s)is not a program: get the official one.*or use one that runs elsewhere"
    ):
        Supervisor(settings)


def test_only_the_doors_are_given_the_secret(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, livekit=True)
    environment = child_environment({}, settings, choose_addresses(settings))
    secret = livekit_key(livekit_folder(tmp_path)).secret
    for app in APPS:
        given = with_secrets(app.secrets, environment)["DAREDEVIL_LIVEKIT_API_SECRET"]
        assert given == (secret if app.name in ("bridge", "bridge-livekit") else "")
    assert secret not in with_secrets((), environment).values()


async def test_its_server_is_started_kept_running_and_ended(tmp_path: Path) -> None:
    try:
        livekit_server_path(os.environ.get("DAREDEVIL_LIVEKIT_SERVER", ""))
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    settings = some_settings(tmp_path, livekit=True)
    told: list[str] = []
    supervisor = Supervisor(settings, told.append)
    # The door itself has tests of its own.
    supervisor._parts = [part for part in supervisor._parts if part.name == LIVEKIT]
    await supervisor.start()
    try:
        runtime = read_runtime(tmp_path)
        assert runtime is not None
        assert f"LiveKit server of this machine: {runtime.livekit_url}" in told
        key = livekit_key(livekit_folder(tmp_path))
        async with LiveKitAPI(runtime.livekit_url, key.key, key.secret) as api:

            async def answers() -> bool:
                try:
                    await api.room.list_rooms(ListRoomsRequest())
                except OSError:
                    return False
                return True

            assert await answers()
            old = supervisor.pids()[LIVEKIT]
            os.kill(old, signal.SIGKILL)
            await until(lambda: supervisor.pids().get(LIVEKIT, old) != old)
            await until_async(answers)
    finally:
        await supervisor.stop()
    assert not supervisor.pids()


def test_with_any_free_port_livekit_and_the_door_are_told_the_same_one(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, livekit=True, livekit_server="true", port=0)
    addresses = choose_addresses(settings)
    (server,) = [part for part in processes(settings, addresses) if part.name == "livekit"]
    assert isinstance(server, Program)
    port = child_environment({}, settings, addresses)["DAREDEVIL_PORT"]
    assert int(port) > 0
    assert f"http://127.0.0.1:{port}/livekit/webhook" in server.command


def test_the_parts_are_what_they_should_be(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, livekit=True, livekit_server="true", port=8030)
    parts = {part.name: part for part in processes(settings, choose_addresses(settings))}
    assert isinstance(parts["livekit"], Program)
    assert "http://127.0.0.1:8030/livekit/webhook" in parts["livekit"].command
    assert isinstance(parts["bridge-livekit"], App)
    assert parts["bridge-livekit"].needed
