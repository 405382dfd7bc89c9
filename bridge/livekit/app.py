"""The LiveKit door as an app."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from bridge.livekit.job_forkserver import fork_job_forkserver
from bridge.livekit.worker import Worker
from infra.log.broker import make_app, make_broker
from infra.log.tapes import tapes_of
from infra.settings import settings

LIVEKIT_AGENTS = {
    # It wakes each job a hundred times a second; `100` looks for what blocks a job's loop.
    "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS": "0",
    # Models that find speech and the end of turns: 240 MB in the jobs' fork server, for what transcript does.
    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
}
"""Settings of livekit-agents, unless the environment has others."""


def set_up_livekit_agents() -> None:
    """Have livekit-agents do nothing here and in jobs that is not needed, unless the environment wants it."""
    for name, value in LIVEKIT_AGENTS.items():
        os.environ.setdefault(name, value)


def make() -> FastStream:
    """Return the app, before any event loop runs. Raises NoLiveKit."""
    set_up_livekit_agents()
    fork_job_forkserver()
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
