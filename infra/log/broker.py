"""The broker and app of every process: our codec, reconnects, dead letters, provisioning, health."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any

from fast_depends.library.serializer import SerializerProto
from faststream import BaseMiddleware, FastStream
from faststream.message import StreamMessage
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.asyncapi.actor import ActorSpecification
from contracts.codec import CONTENT_TYPE, decode, encode
from contracts.events import Event
from contracts.topology import health_subject, inbox_prefix, is_fact_subject
from infra.cannot_run import CannotRun, ends_process
from infra.log.client_errors import ClientErrors
from infra.log.clock import CLOCK
from infra.log.common_time import common_time
from infra.log.connection import answers, asking, connection, is_open, jetstream, read_any_subject, round_trip
from infra.log.dead_letters import dead_letter_undecodable
from infra.log.nats_access import connect
from infra.log.nats_reach import wait_for_nats
from infra.log.provisioning import provide
from infra.log.readiness import UNABLE, Further, OwnReadiness, nothing_further
from infra.log.tapes import make_tapes, tapes_written
from infra.log.trace_verdicts import traces_kept
from infra.metrics.metric import one
from infra.metrics.table import READY
from infra.process.leaving import PATIENCE_S, Leaving, ends_within, is_faststreams
from infra.process.probes import probes_served
from infra.runtime import running_nats_url
from infra.settings import settings
from infra.tape.tape import Tapes
from infra.telemetry.export import LAST_S
from infra.telemetry.metrics import measured
from infra.telemetry.setup import set_up_telemetry
from infra.telemetry.traces import use_time

log = logging.getLogger(__name__)


class MessagePackCodec:
    """FastStream's codec for our events: the subject picks the class."""

    async def decode(self, msg: "StreamMessage[Any]") -> Any:
        """Return the event in a message; a request without a body (health, retry) stays bytes."""
        subject: str = msg.raw_message.subject
        return decode(subject, msg.body) if is_fact_subject(subject) else msg.body

    async def encode(self, msg: Any, serializer: "SerializerProto | None" = None) -> tuple[bytes, str | None]:
        """Return the bytes of an event and their content type."""
        if isinstance(msg, Event):
            return encode(msg), CONTENT_TYPE
        return (msg if isinstance(msg, bytes) else b""), None


class _DeadLetterUndecodable(BaseMiddleware[Any, Any]):
    """Dead-letters a message that no codec can read, once, instead of having it delivered for ever."""

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: Any = None,
    ) -> bool | None:
        if exc_val is not None and await dead_letter_undecodable(self.msg, exc_val):
            return True
        return await super().after_processed(exc_type, exc_val, exc_tb)


def nats_url() -> str:
    """Return the NATS to use: the one set, else the embedded one that runs on our data. Raises NatsMissing."""
    return settings().nats_url or running_nats_url(settings().data_dir)


class _Broker(NatsBroker):
    """Accepts messages on any subject, and can stop while NATS is away, when draining is impossible."""

    tapes: Tapes
    """What this process takes in, see `infra.log.tapes`."""

    def __init__(self, process: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.process = process
        self.told_of_reconnects: list[Callable[[], None]] = []

    async def _connect(self) -> Client:
        options = dict(self._connection_kwargs)
        nc = await connect(",".join(options.pop("servers")), self.process, settings(), **options)
        self.config.connect(nc)
        for each in {nc, asking(nc)}:
            read_any_subject(each)
        return nc

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Close the connection, if possible after sending what is waiting."""
        nc = self._connection
        unanswered = nc is not None and nc.is_connected and not await answers(nc)
        if unanswered:
            log.warning("NATS does not answer: closing without sending what is waiting")
            # So that it is not drained: nats-py would wait for the server twice, 10 s each.
            self._connection = None
        # Draining cannot be cancelled: nats-py then waits for the server once more.
        stopping = asyncio.create_task(super().stop(exc_type, exc_val, exc_tb), name="draining")
        try:
            await asyncio.wait([stopping], timeout=STOP_TIMEOUT_S)
            if not stopping.done():
                raise TimeoutError(f"not within {STOP_TIMEOUT_S:g} s")
            stopping.result()
        except (NatsError, TimeoutError, OSError) as error:
            log.debug("closing without draining: %r", error)
            unanswered = True
            stopping.cancel()
            self._connection = None
            self.config.disconnect()
        if unanswered and nc is not None:
            # What still waits cannot be sent; end the client's tasks before they try. RuntimeError is uvloop's: the
            # client writes to a socket that is closed.
            with contextlib.suppress(NatsError, TimeoutError, OSError, RuntimeError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await nc.close()


STOP_TIMEOUT_S = 3.0
"""How long handlers may take to return, and what waits to leave, while the server answers."""
CLOSE_TIMEOUT_S = 1.0
"""How long what is already written may take to leave for a server that has not answered."""
HANDLERS_TIMEOUT_S = 1.5
"""How long the end of a subscription waits for the handler that runs."""
END_S = 1.0
"""How long each thing that a process has beside its work may take to end."""
LIFE_END_S = 4.0
"""How long its work may take to end, besides the time in which calls may go on."""


def make_broker(name: str) -> NatsBroker:
    """Return the broker of the process `name`: it reconnects for ever, and creates what is missing at each reconnect.

    It has the tapes of this copy (`tapes_of`); `make_app` writes them.
    """
    broker: _Broker

    async def reconnected() -> None:
        log.warning("the connection to NATS is back")
        for tell in broker.told_of_reconnects:
            tell()
        await _provide_again(broker)

    async def disconnected() -> None:
        # Else we closed it ourselves.
        if broker.config.connection_state and not connection(broker).is_closed:
            log.warning("the connection to NATS is lost; reconnecting")

    try:
        url = nats_url()
    except CannotRun:
        url = NOWHERE  # reported when the app runs, not when it is imported
    broker = _Broker(
        name,
        url,
        name=f"daredevil-{name}",
        inbox_prefix=inbox_prefix(name),
        codec=MessagePackCodec(),
        middlewares=[_DeadLetterUndecodable],
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,
        reconnected_cb=reconnected,
        disconnected_cb=disconnected,
        error_cb=ClientErrors(),
        graceful_timeout=HANDLERS_TIMEOUT_S,
        ping_interval=10,
        logger=None,
    )
    broker.tapes = make_tapes(broker, name)
    return broker


def broker_on(nc: Client, name: str) -> NatsBroker:
    """Return a broker, already connected, of a command named `name`: it appends by `nc`, and ends with that.

    It has no connection of its own that would look for a NATS which has gone.
    """
    broker = _Broker(name, NOWHERE, codec=MessagePackCodec(), logger=None)
    broker.tapes = make_tapes(broker, name)
    broker._connection = nc
    broker.config.connect(nc)
    for each in {nc, asking(nc)}:
        read_any_subject(each)
    return broker


def when_reconnected(broker: NatsBroker, tell: Callable[[], None]) -> None:
    """Have `tell` called whenever the connection of a broker that `make_broker` made is back."""
    told: list[Callable[[], None]] = broker.told_of_reconnects  # type: ignore[attr-defined]
    told.append(tell)


async def _provide_again(broker: "_Broker") -> None:
    """Create what is missing until it is there: an exception in nats-py's callback would open a second connection."""
    while not connection(broker).is_closed:
        try:
            await provide(jetstream(broker), broker.process, is_open(connection(broker)))
        except CannotRun as error:
            log.error("%s", error)
            await asyncio.sleep(MISSING_S)
        except (NatsError, TimeoutError, OSError) as error:
            log.debug("provisioning after a reconnect: %r; retrying", error)
            await asyncio.sleep(0.25)
        else:
            return


MISSING_S = 5.0
"""How often a process looks whether an operator has created what it lacks."""


NOWHERE = "nats://127.0.0.1:4222"
"""Placeholder for a broker that is created where nothing runs, as by `faststream docs gen`; no app connects to it."""


class _App(FastStream):
    """Can be ended while it still waits for NATS, before FastStream checks for that."""

    def __init__(self, name: str, broker: NatsBroker, lifespan: Any) -> None:
        super().__init__(broker, lifespan=lifespan, logger=None, specification=ActorSpecification(name))
        self.leaving = asyncio.Event()
        self._end = Leaving(is_faststreams())

    def exit(self) -> None:
        """End the app."""
        super().exit()
        self.leaving.set()
        self._end.begin(settings().drain_s + PATIENCE_S)

    async def run(
        self, log_level: int = logging.INFO, run_extra_options: dict[str, Any] | None = None, sleep_time: float = 0.1
    ) -> None:
        """Run the app until it is ended; if it cannot run, end the process with one line."""
        code = 1
        try:
            with ends_process(), contextlib.suppress(_LeftEarly):
                await super().run(log_level, run_extra_options, sleep_time)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else code
            raise
        finally:
            self._end.finish(code)


class _LeftEarly(Exception):
    """The app was ended before it had reached NATS."""


Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def _able() -> Sequence[str]:
    return ()


def make_app(
    name: str,
    broker: NatsBroker,
    lifespan: Lifespan,
    unable: Callable[[], Sequence[str]] = _able,
    further: Further = nothing_further,
) -> FastStream:
    """Return the FastStream app of the process `name`; `unable` returns what it cannot do, once it has started.

    It is ready if NATS, its consumers and the log are, it is able to do everything, and `further` finds nothing wrong.

    `lifespan` surrounds the time in which messages arrive: it warms engines up before the first and closes them after
    the last. The broker is connected and provisioned when it is entered.
    """
    stack = AsyncExitStack()
    own = OwnReadiness(broker, name, unable, further)

    @asynccontextmanager
    async def whole_life() -> AsyncIterator[None]:
        export = set_up_telemetry(name, settings())
        use_time(CLOCK.peek_ns)
        async with measured(name, settings()), probes_served(name, settings(), own.problem):
            if not await wait_for_nats(nats_url(), app.leaving, name):
                raise _LeftEarly
            await broker.connect()
            await provide(jetstream(broker), name, is_open(connection(broker)))
            async with stack:
                stack.enter_context(READY.observed_by(one(own.seems_ready)))
                nc, patience_s = connection(broker), settings().drain_s + LIFE_END_S
                await stack.enter_async_context(ends_within(traces_kept(nc, export), LAST_S + END_S, "traces"))
                await stack.enter_async_context(ends_within(common_time(nc), END_S, "the common time"))
                await stack.enter_async_context(ends_within(tapes_written(broker), END_S, "tapes"))
                await stack.enter_async_context(ends_within(lifespan(), patience_s, "its work"))
                stack.push_async_callback(own.aclose)
                yield

    app = _App(name, broker, whole_life)
    # FastStream leaves its own lifespan after the broker has closed: too late to release messages.
    app.on_shutdown(stack.aclose)

    @app.after_startup
    async def answer_health() -> None:
        """Answer health requests with this process's id once its subscribers are up."""
        nc = connection(broker)

        async def answer(message: Any) -> None:
            headers = {UNABLE: ",".join(unable())} if unable() else None
            await nc.publish(message.reply, str(os.getpid()).encode(), headers=headers)

        await nc.subscribe(health_subject(name), cb=answer)
        await round_trip(nc)
        own.started()
        log.info("ready")

    return app
