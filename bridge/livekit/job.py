"""The entry points of a job process: warmed up before its room is known, then given one room."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import uvloop
from faststream.nats import NatsBroker
from livekit import rtc
from livekit.agents import JobContext, JobProcess
from livekit.agents.utils import http_context

from bridge.livekit.room_job import RoomJob
from contracts.audio import IN_SAMPLE_RATE_HZ
from contracts.topology import LIVEKIT_ROOM
from infra.log.broker import make_broker
from infra.log.clock import CLOCK
from infra.log.common_time import common_time
from infra.log.connection import connection
from infra.log.readiness import OwnReadiness
from infra.log.tapes import tapes_of, tapes_written
from infra.log.trace_verdicts import traces_kept
from infra.metrics.metric import one
from infra.metrics.table import READY
from infra.process.probes import probes_served
from infra.settings import settings
from infra.telemetry.metrics import measured
from infra.telemetry.setup import set_up_telemetry
from infra.telemetry.traces import use_time

log = logging.getLogger(__name__)

EXPORT = "export"
"""Where the process keeps its export of spans."""


def prewarm(process: JobProcess) -> None:
    """Prepare what takes time and needs no room: the settings, WebRTC, and the imports of FastStream's event loop."""
    process.userdata[EXPORT] = set_up_telemetry(LIVEKIT_ROOM, settings())
    use_time(CLOCK.peek_ns)
    # livekit-agents makes the job's loop after this; uvloop's takes less CPU (ten rooms: 0.63 cores, not 0.75).
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    rtc.AudioResampler(input_rate=IN_SAMPLE_RATE_HZ, output_rate=settings().agent_sample_rate_hz)
    anyio.run(_warm_loop)


async def _warm_loop() -> None:
    # livekit-agents makes an HTTP client for each job, though it is not used; its TLS context takes 0.1 s and more.
    async with http_context.open():
        pass


async def entrypoint(context: JobContext) -> None:
    """Be the agent of the room of `context`, on a connection to NATS of its own."""
    broker = make_broker(LIVEKIT_ROOM)
    await broker.connect()
    nc = connection(broker)
    try:
        async with (
            measured(LIVEKIT_ROOM, settings()),
            traces_kept(nc, context.proc.userdata[EXPORT]),
            common_time(nc),
            tapes_written(broker),
            _probes(broker),
        ):
            await RoomJob(context, broker, tapes_of(broker), settings()).run()
    finally:
        await broker.stop()
        context.shutdown("done")


@asynccontextmanager
async def _probes(broker: NatsBroker) -> AsyncIterator[None]:
    """Serve the probes of this job within a block, on a free port: the worker has the one that is set."""
    given = settings().probe_port
    readiness = OwnReadiness(broker, LIVEKIT_ROOM)
    readiness.started()
    free = settings().model_copy(update={"probe_port": given if given is None else 0})
    async with probes_served(LIVEKIT_ROOM, free, readiness.problem):
        try:
            with READY.observed_by(one(readiness.seems_ready)):
                yield
        finally:
            await readiness.aclose()
