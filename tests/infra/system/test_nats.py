"""The embedded NATS: it starts below a folder of any name."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from infra.system.nats import free_port, nats_environment, nats_server_path, wait_for_port, write_nats_config

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


def test_its_heap_is_kept_small_unless_the_operator_says_otherwise() -> None:
    assert nats_environment({"HOME": "/h"}) == {"HOME": "/h", "GOGC": "50"}
    assert nats_environment({"GOGC": "200"}) == {"GOGC": "200"}
