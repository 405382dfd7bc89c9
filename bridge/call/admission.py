"""Whether a door takes a new session: not while the calls in progress need all that there is.

A caller who is told so can call again in a minute; ten who wait 13 s for each answer are served by nobody.
"""

import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from faststream.nats import NatsBroker

from bridge.call.newcomers import FEW_CALLS, Newcomers
from contracts import events as e
from contracts.topology import BRIDGE_LIVEKIT, HTTP, TRANSCRIPT
from infra.engines.llm import LOCAL
from infra.log.connection import connection
from infra.log.copy_load import has_room
from infra.log.live_events import LiveEvents
from infra.metrics import table as t
from infra.metrics.metric import Observed
from infra.process.pressure import Limit, RecentAnswers, Smoothed
from infra.process.system_cpu import CpuUse, SystemCpu, cores
from infra.process.tasks import again_and_again, ended
from infra.settings import Settings
from infra.shares import engine_names

log = logging.getLogger(__name__)

TICK_S = 0.25
"""How often the lag of the event loop is measured."""
LOOK_S = 2.0
"""How often all else is."""

LAG_OVER_S, CPU_OVER_S = 3.0, 6.0
"""Over how long they are smoothed: an import or a garbage collection is no overload."""

ANSWERS_WITHIN_S = 30.0
FULL, ROOM = 0.9, 0.75
"""Of all cores: used by the system's processes, no session is taken; from there down one is again."""

STARVED, FED = 0.5, 0.3
"""Of the time in which the system's threads could run, the share in which others ran: other programs take the CPU."""

CALM_S = 5.0
"""How long all must be well before sessions are taken again: the calls that have just ended leave work behind."""

RETRY_AFTER_S = 30
NO_CPU = CpuUse(0.0, 0.0)


@dataclass(slots=True)
class Pressure:
    """What is measured, and since when it is too much. Pure: times are monotonic seconds."""

    most_lag_s: float
    """0 if lag does not matter."""
    most_late_ms: float
    """The same of late answers."""
    cores: float
    refuses: bool = True
    """False: nothing is ever too much; only what the machine carries is worked out."""
    answers: RecentAnswers = field(default_factory=lambda: RecentAnswers(ANSWERS_WITHIN_S))
    lag: Smoothed = field(default_factory=lambda: Smoothed(LAG_OVER_S))
    cpu: Smoothed = field(default_factory=lambda: Smoothed(CPU_OVER_S))
    waited: Smoothed = field(default_factory=lambda: Smoothed(CPU_OVER_S))
    calls_carried: float | None = None
    """How many calls the machine carries, judged by what the present ones use; None without enough of them."""
    _limits: dict[str, Limit] = field(init=False)

    def __post_init__(self) -> None:
        lag, late = self.most_lag_s or float("inf"), self.most_late_ms or float("inf")
        self._limits = {
            "its event loop is late": Limit(lag, lag / 3, for_s=1.0, calm_s=CALM_S),
            "its calls need all of the CPU": Limit(FULL, ROOM, for_s=LOOK_S, calm_s=CALM_S),
            "its processes wait for the CPU": Limit(STARVED, FED, for_s=LOOK_S, calm_s=CALM_S),
            "speech is recognised later than it is spoken": Limit(1.0, 0.0, for_s=LOOK_S, calm_s=CALM_S),
            "its answers come late": Limit(late, late / 2, for_s=LOOK_S, calm_s=CALM_S),
        }

    @property
    def problem(self) -> str:
        """Why no new session can be taken; empty if one can."""
        return next((what for what, limit in self._limits.items() if limit.is_exceeded), "")

    def note_lag(self, late_s: float, now_s: float) -> None:
        """Take in by how much a timer was late."""
        self._note("its event loop is late", self.lag.note(late_s, now_s), now_s)

    def note_load(self, use: CpuUse, is_behind: bool, now_s: float) -> None:
        """Take in what the system has of the CPU, and whether every copy that hears is behind."""
        calls = self.answers.sessions(now_s)
        counts = calls >= FEW_CALLS
        used = self.cpu.note(use.cores, now_s) / self.cores
        waited = self.waited.note(use.waited, now_s)
        self.calls_carried = calls * FULL / used if counts and used else None
        self._note("its calls need all of the CPU", used if counts else 0.0, now_s)
        self._note("its processes wait for the CPU", waited if counts else 0.0, now_s)
        self._note("speech is recognised later than it is spoken", float(is_behind and counts), now_s)
        self._note("its answers come late", self.answers.median_ms(now_s) if counts else 0.0, now_s)

    def _note(self, what: str, level: float, now_s: float) -> None:
        if not self.refuses:
            return
        limit = self._limits[what]
        was = limit.is_exceeded
        if limit.note(level, now_s) != was:
            log.warning("new sessions are %s: %s", "taken again, it is over" if was else "refused", what)


def own_part_ms(parts: e.LatencyParts, settings: Settings) -> float:
    """Return how much of a response gap is due to this system: not the silence waited for, nor engines elsewhere."""
    local = (
        (parts.stt_ms, settings.stt),
        (parts.first_token_ms + parts.clause_ms, settings.llm),
        (parts.first_audio_ms, settings.tts),
    )
    return parts.bus_ms + parts.vad_ms + sum(part_ms for part_ms, engines in local if LOCAL in engine_names(engines))


def _refusal(why: str) -> str:
    return f"there is no room for another call now ({why}); try again in a minute" if why else ""


class SessionAdmission:
    """Measures this process, and what it hears of the others, between `open` and `close`."""

    def __init__(self, broker: NatsBroker, process: str, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._pressure = Pressure(
            settings.overload_lag_ms / 1_000, settings.overload_answer_ms, cores(), settings.overload_refuses
        )
        self._newcomers = Newcomers(cores())
        self._cpu = SystemCpu(settings.data_dir, families=(BRIDGE_LIVEKIT,))
        self._live = LiveEvents(broker, process)
        self._live.on(e.SessionOpened)(self._opened)
        self._live.on(e.PlaybackStarted)(self._answered)
        self._live.on(e.SessionClosed)(self._closed)
        self._watching: list[asyncio.Task[None]] = []
        self._shown = ExitStack()

    @property
    def problem(self) -> str:
        """Why no new session is taken; empty if one is."""
        return self._pressure.problem

    @property
    def refusal(self) -> str:
        """The same for a caller, who can call again later."""
        return _refusal(self.problem)

    def call_refusal(self, session_id: str) -> str:
        """Return why this call is not taken, for its caller; empty if it is, and then it counts as one that begins.

        When there is room again, those who wait come all at once: they are taken as fast as what they need shows.
        """
        if self.problem:
            return self.refusal
        if self._has_place(session_id):
            self._newcomers.began(session_id, time.monotonic())
            return ""
        return _refusal("others have just been taken")

    def gave_up(self, session_id: str) -> None:
        """Take in that a call which was taken does not begin."""
        self._newcomers.known(session_id)

    @property
    def is_full(self) -> bool:
        """Whether another call would not be taken."""
        return bool(self.problem) or not self._has_place("")

    def _has_place(self, session_id: str) -> bool:
        if not (self._settings.overload_refuses and self._settings.overload_answer_ms):
            return True
        now_s = time.monotonic()
        answered = self._pressure.answers.sessions(now_s)
        return self._newcomers.may_begin(session_id, answered, self.calls_carried, now_s)

    @property
    def calls_carried(self) -> float | None:
        """How many calls this machine carries, None while that is unknown."""
        return self._pressure.calls_carried

    async def open(self) -> None:
        """Start to measure."""
        self._shown.enter_context(t.CAPACITY.observed_by(self._observe_calls))
        self._shown.enter_context(t.FULL.observed_by(lambda: [(float(bool(self.problem)), ())]))
        await self._live.open()
        for work in (self._watch_loop, self._watch_system):
            self._watching.append(asyncio.create_task(again_and_again(work, "admission"), name="admission"))

    async def close(self) -> None:
        """Stop measuring; may be called twice."""
        self._shown.close()
        await ended(*self._watching)
        await self._live.close()

    def _observe_calls(self) -> Observed:
        return [] if self.calls_carried is None else [(self.calls_carried, ())]

    async def _opened(self, event: e.SessionOpened) -> None:
        if event.door != HTTP:
            self._newcomers.began(event.session_id, time.monotonic())

    async def _answered(self, event: e.PlaybackStarted) -> None:
        if event.parts is not None:
            self._newcomers.known(event.session_id)
            late_ms = own_part_ms(event.parts, self._settings)
            self._pressure.answers.note(event.session_id, late_ms, time.monotonic())

    async def _closed(self, event: e.SessionClosed) -> None:
        self._newcomers.known(event.session_id)
        self._pressure.answers.forget(event.session_id)

    async def _watch_loop(self) -> None:
        due_s = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        now_s = time.monotonic()
        self._pressure.note_lag(max(0.0, now_s - due_s), now_s)

    async def _watch_system(self) -> None:
        await asyncio.sleep(LOOK_S)
        now_s = time.monotonic()
        is_behind, use = False, NO_CPU
        if self._pressure.answers.sessions(now_s):
            use = self._cpu.use(now_s) or NO_CPU
            nc = connection(self._broker)
            is_behind = nc.is_connected and await has_room(nc, TRANSCRIPT) is False
        self._pressure.note_load(use, is_behind, time.monotonic())
