"""The WebSocket door as an app of its own: `faststream run bridge.websocket:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.web_server import WebServer
from infra.log.broker import make_app, make_broker
from infra.settings import settings

broker = make_broker("bridge")
listener = WebServer(broker, settings())


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Listen while the app runs."""
    await listener.open()
    yield
    await listener.close()


app = make_app("bridge", broker, lifespan)
# The broker is closed before the lifespan ends; the last facts are said before that.
app.on_shutdown(listener.close)
