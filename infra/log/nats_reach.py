"""Whether a NATS server answers, as one line: for commands that end without it, and processes that wait for it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoServersError
from nats.js.errors import Error as JetStreamError

log = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0


def shown_url(url: str) -> str:
    """Return the address of one or several servers without user and password."""
    return ",".join(_without_user(each.strip()) for each in url.split(","))


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


async def connect_once(url: str, failed: Callable[[Exception], Awaitable[None]] | None = None) -> Client:
    """Connect to NATS without retries, to the first of several servers that answers. Raises nats errors, OSError.

    `failed` is called with each server's error.
    """
    # Without reconnects nats-py would try the first connection for ever.
    return await nats.connect(
        [each.strip() for each in url.split(",")],
        connect_timeout=3,
        max_reconnect_attempts=1,
        reconnect_time_wait=0.1,
        error_cb=failed or _ignore,
    )


async def _ignore(_: Exception) -> None:
    """Log nothing: the error is raised."""


async def nats_problem(url: str, timeout_s: float = 5) -> str:
    """Return why NATS with JetStream cannot be used at `url`; None if it can."""
    causes: list[Exception] = []

    async def failed(error: Exception) -> None:
        causes.append(error)

    try:
        async with asyncio.timeout(timeout_s):
            nc = await connect_once(url, failed)
            try:
                await nc.jetstream().account_info()
            finally:
                await nc.close()
    except JetStreamError as error:
        return f"it has no JetStream ({getattr(error, 'description', '') or type(error).__name__}); start it with `-js`"
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (NatsError, OSError, ValueError) as error:
        # "No servers available" hides what each server said, or that there was none.
        cause = causes[-1] if isinstance(error, NoServersError) and causes else error
        return _reason(cause)
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)  # asyncio's and uvloop's wordings differ
    return str(error).removeprefix("nats: ") or type(error).__name__


async def wait_for_nats(url: str, leaving: asyncio.Event) -> bool:
    """Return True once NATS answers, False if `leaving` is set before; the problem is logged once, and when it ends."""
    logged = ""
    while not leaving.is_set():
        problem = await nats_problem(url)
        if not problem:
            if logged:
                log.warning("NATS answers now")
            return True
        if problem != logged:
            log.error(
                "NATS at %s does not answer (%s); retrying. Start it (`daredevil run` starts its own), or set "
                "DAREDEVIL_NATS_URL",
                shown_url(url),
                problem,
            )
            logged = problem
        try:
            async with asyncio.timeout(ASK_AGAIN_S):
                await leaving.wait()
        except TimeoutError:
            continue
    return False
