"""The LiveKit door as an app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from bridge.livekit.worker import Worker
from infra.log.broker import make_app, make_broker
from infra.log.tapes import tapes_of
from infra.settings import settings


def make() -> FastStream:
    """Return the app. Raises NoLiveKit."""
    broker = make_broker("bridge-livekit")
    worker = Worker(broker, tapes_of(broker), settings())

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await worker.open()
        yield
        await worker.close()

    app = make_app("bridge-livekit", broker, lifespan)
    # The broker is closed before the lifespan ends; rooms are handed over before that.
    app.on_shutdown(worker.close)
    return app
