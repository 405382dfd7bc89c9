"""An app whose end hangs where HANGS says: `faststream run tests.infra.log.leaving_app:app`."""

import asyncio
import atexit
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra.log.broker import make_app, make_broker

HANGS = os.environ.get("HANGS", "")


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    yield
    if HANGS == "await":
        await asyncio.Event().wait()
    if HANGS == "thread":
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    if HANGS == "loop":
        time.sleep(600)  # noqa: ASYNC251 (that is the fault)
    if HANGS == "python, after a failure":
        raise RuntimeError("its end failed")


if HANGS.startswith("python"):
    atexit.register(time.sleep, 600)

app = make_app("part", make_broker("part"), lifespan)
