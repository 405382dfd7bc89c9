"""The embedded NATS: it starts below a folder of any name."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

import nats
import pytest

from infra.system.nats import free_port, nats_environment, nats_server_path, wait_for_port, write_nats_config
from infra.system.own_nats import unsynced_nats
from tests.servers import running_nats

NAMES = [
    "Zoë",
    "漢字 🎙",
    'quo"te\\back',
    "new\nline\ttab",
    "#hash $x {y} 'z'",
    b"latin-1 \xeb".decode(errors="surrogateescape"),
]


@pytest.mark.parametrize("name", NAMES)
async def test_its_store_may_be_below_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    port = free_port()
    config = write_nats_config(tmp_path / name, port)
    server = await asyncio.create_subprocess_exec(nats_server_path(), "-c", str(config), stderr=PIPE)
    try:
        await wait_for_port(port)
        assert (tmp_path / name / "jetstream").is_dir()
    finally:
        server.terminate()
        await server.communicate()


async def test_what_an_earlier_version_stored_is_found_again(tmp_path: Path) -> None:
    async with running_nats(tmp_path / "nats") as server:  # without accounts, as before
        nc = await nats.connect(server.url)
        await nc.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await nc.jetstream().publish("kept", b"said")
        await nc.close()
    for _ in range(2):
        async with unsynced_nats(tmp_path) as own:
            nc = await nats.connect(own.url)
            assert (await nc.jetstream().get_last_msg("KEPT", "kept")).data == b"said"
            await nc.close()


def test_its_heap_is_kept_small_unless_the_operator_says_otherwise() -> None:
    assert nats_environment({"HOME": "/h"}) == {"HOME": "/h", "GOGC": "50"}
    assert nats_environment({"GOGC": "200"}) == {"GOGC": "200"}
