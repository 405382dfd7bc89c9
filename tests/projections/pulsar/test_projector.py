"""The projection when something goes wrong that nobody thought of."""

import asyncio

import pytest
from nats.aio.client import Client

from infra.settings import Settings
from projections.pulsar import projector as module
from projections.pulsar.projector import PulsarProjector
from tests.waiting import until


async def test_an_unexpected_error_is_reported_and_it_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Settings] = []

    def provision(settings: Settings) -> None:
        asked.append(settings)
        raise KeyError("clusters")

    monkeypatch.setattr(module, "provision", provision)
    projector = PulsarProjector(Client(), Settings())
    work = asyncio.create_task(projector.run())
    try:
        await until(lambda: len(asked) > 1, within_s=10)
        assert not work.done()
        assert projector.status().state == "waiting"
        assert projector.status().reason == "after an unexpected error: KeyError('clusters')"
    finally:
        work.cancel()
        await asyncio.wait([work])
