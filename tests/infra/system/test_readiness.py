"""Waiting for the parts of a system, whatever else happens at the same moment."""

import asyncio
from pathlib import Path
from typing import Any

import nats.js.api
import pytest
from nats.aio.client import NO_RESPONDERS_STATUS, Client
from nats.aio.msg import Msg

from infra.settings import Settings
from infra.system.parts import Program
from infra.system.readiness import wait_until_ready
from tests.servers import NatsServer
from tests.waiting import until


async def test_it_ends_when_it_is_stopped_at_the_moment_of_an_answer(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[asyncio.Future[Msg]] = []

    async def ask(self: Client, *_: Any, timeout: float = 1, **__: Any) -> Msg:
        asked.append(asyncio.get_running_loop().create_future())
        return await asyncio.wait_for(asked[-1], timeout)

    monkeypatch.setattr(Client, "_request_new_style", ask)
    config = Settings(data_dir=tmp_path, nats_url=nats_server.url)
    part = Program("one", ("true",))
    waiting = asyncio.create_task(wait_until_ready([part], nats_server.url, config, lambda _: None))
    await until(lambda: asked)
    nobody = {nats.js.api.Header.STATUS.value: NO_RESPONDERS_STATUS}
    asked[0].set_result(Msg(Client(), headers=nobody))
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=10)
    assert done
    assert waiting.cancelled()
