"""The HTTP door as an app of its own: no page, no WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from bridge.web_server import WebServer
from infra.log.broker import make_app, make_broker
from infra.settings import settings


def make() -> FastStream:
    """Return the app of this process."""
    broker = make_broker("http")
    listener = WebServer(broker, settings(), page=False)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await listener.open()
        yield
        await listener.close()

    app = make_app("http", broker, lifespan, further=listener.problem)
    # The broker is closed before the lifespan ends; the last facts are said before that.
    app.on_shutdown(listener.close)
    return app
