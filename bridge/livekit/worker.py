"""The worker of the LiveKit door: takes jobs from the LiveKit server, one process each, and drains them at the end."""

import asyncio
import logging
import multiprocessing

from faststream.nats import NatsBroker
from livekit.agents import AgentServer, JobExecutorType, JobRequest
from nats.aio.msg import Msg

from bridge.call.admission import SessionAdmission
from bridge.call.ownership import claim
from bridge.call.tasks import Tasks
from bridge.livekit.job import entrypoint, prewarm
from bridge.livekit.ownership.abandoned import Abandoned
from bridge.livekit.ownership.take_over import TakeOver
from bridge.livekit.ownership.unserved import serve_unserved
from contracts.topology import BRIDGE_LIVEKIT, LOAD
from infra.cannot_run import CannotRun, ends_process
from infra.livekit.access import NoLiveKit
from infra.livekit.naming import agent_identity, session_of_room
from infra.log.connection import connection
from infra.log.copy_load import CopyLoad
from infra.log.requests import RequestHandlers
from infra.process.tasks import ended
from infra.settings import Settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

IDLE_PROCESSES = 2
"""Warmed-up processes that wait for a room."""
LOAD_THRESHOLD = 0.99
HAND_OVER_S, CLOSE_S = 3.5, 1.5
"""How long handing over the rooms and ending their processes may take: less than the supervisor's 6 s."""
WARM_S = 60
"""How long a process may take to warm up: long, because the machine may be busy starting everything."""

LOOK_FOR_ROOM_S = 1.0
"""How often a worker without room asks whether others have some."""

REGISTER_S = 60
"""How long it waits for a LiveKit server before it says that it is ready without one."""


class WorkerEnded(CannotRun, RuntimeError):
    """The LiveKit worker has ended though nobody has asked it to; the process ends with it."""


class Worker:
    """Runs livekit-agents' server within this process."""

    def __init__(self, broker: NatsBroker, tapes: Tapes, settings: Settings) -> None:
        if missing := settings.unset("livekit_url", "livekit_api_key", "livekit_api_secret"):
            raise NoLiveKit(f"the LiveKit door cannot open: set {' and '.join(missing)} (see docs/settings.md)")
        self._broker = broker
        self._tapes = tapes
        self._settings = settings
        self._server = AgentServer(
            ws_url=settings.livekit_url,
            api_key=settings.livekit_api_key,
            api_secret=settings.livekit_api_secret,
            job_executor_type=JobExecutorType.PROCESS,
            # The agent's voice must not wait for imports: each process inherits them from the one it is forked from
            # (`bridge.livekit.job_forkserver`, or where that cannot be, multiprocessing's).
            preload_modules=["bridge.livekit.job"],
            num_idle_processes=IDLE_PROCESSES,
            initialize_process_timeout=WARM_S,
            setup_fnc=prewarm,
            load_fnc=self._load,
            load_threshold=LOAD_THRESHOLD,
            # Its health page is not needed: the app answers health requests on NATS.
            host="127.0.0.1",
            port=0,
            log_level=settings.log_level,
            max_retry=1_000_000,
        )
        self._server.rtc_session(entrypoint, agent_name=settings.livekit_agent_name, on_request=_accept)
        self._tasks = Tasks("LiveKit worker")
        self._admission = SessionAdmission(broker, BRIDGE_LIVEKIT, settings)
        self._copies = CopyLoad(BRIDGE_LIVEKIT, lambda: self.is_full)
        self._requests = RequestHandlers(broker, BRIDGE_LIVEKIT)
        self._requests.on(LOAD)(self._load_asked)
        self._others_have_room = False
        self._registered = asyncio.Event()
        self._server.on("worker_registered", self._on_registered)
        self._running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start to take jobs; a server that can be reached sends them from now on."""
        await self.watch()
        self._running = asyncio.create_task(self._server.run(), name="LiveKit worker")
        self._running.add_done_callback(self._on_end)
        self._tasks.keep(TakeOver(self._broker, self._tapes, self._settings).run, "watching the rooms")
        self._tasks.keep(Abandoned(self._broker, self._tapes, self._settings).run, "looking for abandoned sessions")
        try:
            # A room that was created before has no agent.
            async with asyncio.timeout(REGISTER_S):
                await self._registered.wait()
        except TimeoutError:
            log.warning("no LiveKit server at %s yet", self._settings.livekit_url)

    async def watch(self) -> None:
        """Start to watch whether there is room, here and at others, and to tell others."""
        await self._admission.open()
        await self._requests.open()
        self._tasks.keep(self._look_for_room, "looking for workers with room")

    async def stop_watching(self) -> None:
        """Stop all that is done beside the jobs."""
        await self._tasks.end()
        await self._requests.close()
        await self._admission.close()

    def _on_registered(self, *_: object) -> None:
        log.info("takes rooms of %s", self._settings.livekit_url)
        self._registered.set()
        if not self._settings.livekit_agent_name:
            self._tasks.keep(lambda: serve_unserved(self._settings), "rooms without an agent")

    async def close(self) -> None:
        """Take no more jobs, let rooms end (`DAREDEVIL_DRAIN_S`), hand the others over; may be called twice."""
        if self._running is None:
            return
        running, self._running = self._running, None
        await self.stop_watching()
        draining = asyncio.create_task(self._server.drain(timeout=None), name="rooms end")
        try:
            await self._let_rooms_end(draining)
            await self._hand_over(draining)
        finally:
            await ended(draining)
        try:
            # livekit-agents waits up to 15 s for a job that goes on.
            async with asyncio.timeout(CLOSE_S):
                await self._server.aclose()
        except TimeoutError:
            _kill_jobs()
        await ended(running)

    def _on_end(self, running: "asyncio.Task[None]") -> None:
        """End the process if the worker ends by itself, so that it is started again."""
        error = None if running.cancelled() else running.exception()
        if self._running is running:
            with ends_process():
                raise WorkerEnded(f"the LiveKit worker has ended: {error or 'cancelled'!r}") from error

    async def _let_rooms_end(self, draining: "asyncio.Task[None]") -> None:
        drain_s = self._settings.drain_s
        if not drain_s:
            return
        log.info("told to end: %d rooms may go on for %g s, no new ones are taken", self.rooms, drain_s)
        await asyncio.wait({draining}, timeout=drain_s)

    async def _hand_over(self, draining: "asyncio.Task[None]") -> None:
        """Have other bridges take the rooms that are left."""
        sessions = [session_of_room(job.job.room.sid) for job in self._server.active_jobs]
        claims = [claim(connection(self._broker), session_id, HAND_OVER_S) for session_id in sessions]
        try:
            async with asyncio.timeout(HAND_OVER_S):
                await asyncio.gather(asyncio.shield(draining), *claims)
        except TimeoutError:
            log.warning("rooms that did not end in time are left to other bridges")

    @property
    def rooms(self) -> int:
        """How many rooms it has."""
        return len(self._server.active_jobs)

    @property
    def is_full(self) -> bool:
        """Whether another room would be answered late."""
        return self._admission.is_full

    @property
    def hands_on(self) -> bool:
        """Whether rooms are left to another worker: this one is full, and another is not.

        A room that nobody takes would stay silent, so a full worker that is alone takes it: its job tells why nobody
        talks (`RoomJob`).
        """
        return self.is_full and self._others_have_room

    def _load(self) -> float:
        return 1.0 if self.hands_on else len(self._server.active_jobs) / self._settings.max_sessions

    async def _load_asked(self, message: Msg) -> bytes:
        """Answer a worker that looks for another one, or a job (with its session) that wants to begin."""
        session_id = message.data.decode(errors="replace")
        return self._copies.answer(bool(self._admission.call_refusal(session_id)) if session_id else None)

    async def _look_for_room(self) -> None:
        while True:
            nc = connection(self._broker)
            self._others_have_room = self.is_full and nc.is_connected and await self._copies.another_has_room(nc)
            await asyncio.sleep(LOOK_FOR_ROOM_S)


def _kill_jobs() -> None:
    """Kill the processes of jobs that do not end: what they held is free for other bridges, as they are dead."""
    for job in multiprocessing.active_children():
        log.warning("process %d of a room did not end, and is killed", job.pid)
        job.kill()


async def _accept(request: JobRequest) -> None:
    session_id = session_of_room(request.room.sid)
    await request.accept(identity=agent_identity(session_id), name="agent")
