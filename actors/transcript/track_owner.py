"""The owner of one track: resumes it where the log stands, and listens until it ends."""

import asyncio
import logging
import time

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.transcript.echo.agent_sound import AgentSound
from actors.transcript.echo.past import in_doors_time
from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.engines import SpeechEngines
from actors.transcript.live_sound import LiveSound
from actors.transcript.resume import ResumePoint, resume_behind, resume_point
from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_listener import TrackListener
from contracts import events as e
from infra.log.event_log import LogUnavailable, NewerFact, StaleWriter
from infra.log.session_feed import SessionFeed
from infra.log.taped_log import LiveLog
from infra.process.tasks import ended, is_being_stopped, own_cancellation_only
from infra.process.told import told
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

STALE_REST_S = 15.0
"""How long an owner that was overtaken waits, so that its job is redelivered to another without an ack."""

NATS_REST_S = 1.0
FAILED_REST_S = (0.1, 0.5, 1.5)
"""How long after an unexpected end the track is resumed; the last value repeats."""

CALM_S = 10.0
"""After an owner has lasted this long, failures are counted from zero again."""

NOBODY_S = 1.0
"""How long a track may be silent from its start if its session is unknown or its participant has left."""

SILENT_S = 5.0
"""The same for the microphone of somebody who is there: muted, it may come on after minutes."""

NOBODY_ANY_MORE_S = 60.0
"""How long a track without a participant may be silent after it was heard."""


class GivenUp(Exception):
    """The track sends nothing: it need not be a job until it does."""


class TrackOwner:
    """Owns one track from its publication to its end: `await TrackOwner(…).run()`."""

    def __init__(self, broker: NatsBroker, ears: SpeechEngines, track: e.TrackPublished, tapes: Tapes) -> None:
        self._broker = broker
        self._log = LiveLog(broker, tapes)
        self._taped = TapedSound(tapes.of(track.session_id), track.track_id)
        self._ears = ears
        self._track = track
        self._woken = asyncio.Event()
        self._rest_s = 0.0
        self._problems: list[str] = []
        self._untold: str | None = None
        self._sound_end = 0

    async def run(self) -> None:
        """Listen until the track or session has ended, restarting after any other end. Raises GivenUp, NewerFact.

        While NATS is away it waits, then resumes the track.
        """
        while True:
            if is_being_stopped():  # and something within has swallowed that: `infra.process.tasks.cancellation_kept`
                raise asyncio.CancelledError
            begun_s = time.monotonic()
            try:
                with own_cancellation_only():
                    await asyncio.sleep(self._rest_s)
                    await self._listen()
                    return
            except (GivenUp, NewerFact):
                raise
            except StaleWriter as error:
                log.warning("%s", error)
                self._rest_s = STALE_REST_S
            except (LogUnavailable, NatsError, TimeoutError, OSError) as error:
                log.warning("track %s: %r; taking it up again", self._track.track_id, error)
                self._rest_s = NATS_REST_S
            except Exception as error:
                if time.monotonic() - begun_s > CALM_S:
                    self._problems.clear()
                self.restart(f"{type(error).__name__}: {error}", error)

    def restart(self, problem: str, error: Exception | None = None) -> None:
        """Note that the track's owner has ended although the track has not; the next one appends it."""
        ending = told(error) if error is not None else problem
        log.error("track %s: its owner has ended (%s); another takes its place", self._track.track_id, ending)
        if error is not None:
            log.error("why it ended", exc_info=error)
        self._problems.append(problem)
        self._untold = problem
        self._rest_s = FAILED_REST_S[min(len(self._problems), len(FAILED_REST_S)) - 1]

    async def _listen(self) -> None:
        view = SessionState()
        session_id = self._track.session_id
        past = await self._log.facts_after(session_id)
        for fact in past:
            view.apply(fact)
        if view.closed:
            return
        point = resume_point(view, self._track)
        if len(self._problems) > len(FAILED_REST_S):
            # Something at this place ends every owner: continue after it.
            point = resume_behind(self._sound_end)
        live = LiveSound(
            self._broker, session_id, self._track.participant_id, self._track.track_id, point.first_sample, self._woken
        )
        agent = AgentSound(self._broker, session_id)
        async with SessionFeed(self._broker, session_id, view.sequence) as feed, live:
            for event in in_doors_time([fact.event for fact in past]):
                agent.playback.take(event)
            following = asyncio.create_task(self._follow(feed, view, agent.playback))
            try:
                await self._until_sound(view, live, following)
                # A track only costs something once its sound comes: many send none.
                async with agent:
                    await self._hear(view, live, agent.playback, following, point)
            finally:
                await ended(following)

    async def _hear(
        self,
        view: SessionState,
        live: LiveSound,
        playback: HeardPlayback,
        following: "asyncio.Task[None]",
        point: ResumePoint,
    ) -> None:
        listener = TrackListener(self._log, self._taped, self._ears, self._track, view, live, playback, self._woken)
        listener.resume(point.first_sample, point.heard_to)
        try:
            log.info("track %s of %s is heard here", self._track.track_id, self._track.session_id)
            await self._say_restart(listener)
            while not listener.over:
                _raise_end_of(following)
                await live.catch_up()
                await listener.step()
                self._give_up_if_nobody(view, live.since_frame_ms(), NOBODY_ANY_MORE_S)
                await self._wait(listener.patience_s())
            await live.catch_up()
            await listener.finish()
        finally:
            self._sound_end = max(self._sound_end, listener.sound_end)
            await listener.aclose()

    async def _until_sound(self, view: SessionState, live: LiveSound, following: "asyncio.Task[None]") -> None:
        """Wait for the first frame. Raises GivenUp if none comes."""
        track_id = self._track.track_id
        while not (live.heard or view.closed or track_id in view.unpublished or view.open_turn(track_id)):
            _raise_end_of(following)
            self._give_up_if_nobody(view, live.since_frame_ms(), NOBODY_S)
            left_s = SILENT_S - live.since_frame_ms() / 1000
            if left_s <= 0:
                raise GivenUp(f"nothing has come for {SILENT_S:g} s")
            await self._wait(min(left_s, NOBODY_S))

    def _give_up_if_nobody(self, view: SessionState, since_frame_ms: float, patience_s: float) -> None:
        if since_frame_ms < 1000 * patience_s:
            return
        if view.profile is None:
            raise GivenUp(f"nothing has come for {patience_s:g} s, and its session was never opened")
        if self._track.participant_id in view.left:
            raise GivenUp(f"nothing has come for {patience_s:g} s, and its participant has left")

    async def _say_restart(self, listener: TrackListener) -> None:
        if self._untold is not None:
            await listener.say_restarted(self._untold)
            self._untold = None

    async def _follow(self, feed: SessionFeed, view: SessionState, playback: HeardPlayback) -> None:
        async for fact in feed:
            self._taped.took_fact("fact", fact.sequence)
            view.apply(fact)
            playback.take(fact.event, time.monotonic_ns())
            self._woken.set()

    async def _wait(self, patience_s: float) -> None:
        # A timer that wakes it as well: `asyncio.timeout` takes three times as long, 31 times a second.
        timer = asyncio.get_running_loop().call_later(patience_s, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()
            self._woken.clear()


def _raise_end_of(following: "asyncio.Task[None]") -> None:
    """Raise the error that ended the reading of facts, which should never end."""
    if following.done():
        following.result()
        raise RuntimeError("the session's facts have ended")
