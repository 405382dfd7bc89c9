"""The entry points of a job process: warmed up before its room is known, then given one room."""

import logging

from livekit.agents import JobContext, JobProcess

from bridge.livekit.room_job import RoomJob
from infra.broker import make_broker
from infra.settings import settings

log = logging.getLogger(__name__)


def prewarm(process: JobProcess) -> None:
    """Make ready what takes time and needs no room: the imports of this module, and the settings."""
    settings()


async def entrypoint(context: JobContext) -> None:
    """Be the agent of the room of `context`, on a connection to NATS of its own."""
    broker = make_broker("livekit-room")
    await broker.connect()
    try:
        await RoomJob(context, broker, settings()).run()
    finally:
        await broker.stop()
        context.shutdown("done")
