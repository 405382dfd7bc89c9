"""One session at a door: its microphones, its facts, its playback, for as long as the session lives.

A call outlives its line: it waits `reconnect_grace_s` for a client that vanished.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial

from faststream.nats import NatsBroker
from nats.aio.subscription import Subscription
from nats.errors import BadSubscriptionError

from bridge.call.grace import Grace
from bridge.call.line import Line
from bridge.call.microphones import Microphones
from bridge.call.outage import LogOutage
from bridge.call.ownership import Holder
from bridge.call.playback_driver import PlaybackDriver, ask_again
from bridge.call.publisher import EventPublisher, Gate
from bridge.call.session_events import closing_events, left_open, published
from bridge.call.session_state import SessionState, session_state_of
from bridge.call.tasks import Tasks
from bridge.call.turn_spans import TurnSpans
from bridge.call.unprompted import Unprompted
from bridge.playback.reply import Playing
from bridge.playback.reports import HeldReply, Played
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from contracts.profile import AgentProfile
from contracts.requests import HANGUP
from contracts.topology import (
    audio_out_subject,
)
from infra.log.connection import answers, connection, lasting
from infra.log.event_log import Fact, NewerFact, now_ns
from infra.log.session_feed import SessionFeed
from infra.log.taped_log import LiveLog
from infra.process.tasks import surely
from infra.process.ticks import next_tick
from infra.session.behaviour import in_session
from infra.settings import Settings
from infra.tape.tape import Tapes
from infra.telemetry.traces import about

log = logging.getLogger(__name__)

TICK_S = 0.05
STORE_PATIENCE_S = 3.0
KEPT_FACTS = 1000

_ACTIVITY = (e.SessionOpened, e.SpeechStarted, e.TranscriptRevised, e.TurnEnded, e.ReplyStarted, e.PlaybackFinished)


class Call:
    """Owns one session's tasks. `over` is set when the call has ended and holds nothing any more.

    `on_taken` is called with the name of each named typed turn once it is stored; the line is notified too.
    """

    def __init__(
        self,
        broker: NatsBroker,
        tapes: Tapes,
        session_id: str,
        settings: Settings,
        on_over: Callable[["Call"], None],
        gate: Gate | None = None,
        on_taken: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.session_id = session_id
        self.over = asyncio.Event()
        self.state = SessionState()
        self._broker = broker
        self._settings = self._behaviour = settings
        self._profile: AgentProfile | None = None
        """What `_behaviour` was made of: the clock asks for it 20 times a second."""
        self._on_over = on_over
        self._tasks = Tasks(f"session {session_id}")
        self._tape = tapes.of(session_id)
        self._publisher = EventPublisher(LiveLog(broker, tapes), self._tape, self._log_failed, gate)
        self._microphones = Microphones(connection(broker), session_id)
        self._driver = PlaybackDriver(
            session_id,
            self._tape,
            partial(ask_again, connection(broker)),
            self._publisher.put,
            self._tasks,
            on_taken,
            now_ns,
        )
        self._unprompted = Unprompted(session_id, self.note, self.end)
        self._spans = TurnSpans(session_id, settings.trace_slow_ms)
        self._recent: deque[Fact] = deque(maxlen=KEPT_FACTS)
        self._own_tracks: set[str] = set()
        self._ending: asyncio.Task[None] | None = None
        self.outage = LogOutage(self._microphones, self._driver, self.note)
        self._grace = Grace(session_id, lambda: self.outage.is_told, self.end)
        self._holder = Holder(session_id, self._tasks, self._give_up, self.hang_up)
        self._subscriptions: list[Subscription] = []
        self._closed_in_log = asyncio.Event()
        self._active_s = time.monotonic()
        self._keep_line = False
        self._in_progress = ExitStack()

    # -- beginning

    async def open(self, past: list[Fact], playing: Playing | None = None) -> None:
        """Start with the stored facts; sound is accepted from now on, and new facts follow the past ones.

        `playing` is what the previous door was playing, if no client counts it; playback continues from there.
        """
        with about(self.session_id):
            await self._open(past, playing)

    async def _open(self, past: list[Fact], playing: Playing | None) -> None:
        self.state = session_state_of(fact.event for fact in past)
        self._spans.replay(fact.event for fact in past)
        self._in_progress.enter_context(self._tape.working())
        for fact in past:
            self._unprompted.apply(fact.event)
        self._driver.replay(past, playing)
        self._recent.extend(past)
        tracks = [f.sequence for f in past if isinstance(f.event, e.TrackPublished | e.TrackUnpublished)]
        self._publisher.track_sequence = max(tracks, default=0)
        nc = connection(self._broker)
        for subject, take in (
            (audio_out_subject(self.session_id), self._driver.take_sound),
            *self._holder.subscriptions,
        ):
            self._subscriptions.append(await nc.subscribe(subject, cb=lasting(take)))
        self._tasks.keep(self._publisher.run, "outbox")
        self._tasks.keep(lambda: self._follow(self.last_sequence), "facts")
        self._tasks.keep(self._tick, "clock")

    async def store(self, events: Sequence[e.Event]) -> None:
        """Append events after those waiting; return when they are stored. Raises LogUnavailable, StaleWriter."""
        await self._publisher.drained()
        for event in events:
            if isinstance(event, e.TrackPublished):
                self._own_tracks.add(event.track_id)
            fact = await self._publisher.append(event, patience_s=STORE_PATIENCE_S)
            self.state.apply(fact.event)

    def attach(self, line: Line, held: Sequence[HeldReply] | None = None) -> None:
        """Attach the line; it gets the past facts and then what is still to be heard.

        `held` is how far the line has played the replies that it knows, if it can report that.
        """
        self.people_are_back()
        self._active_s = time.monotonic()
        self._driver.attach(line, list(self._recent), held)
        if self.outage.is_told:
            self.outage.tell_line()

    @property
    def settings(self) -> Settings:
        """The settings of this process, with the behaviour that the session was opened with."""
        if self.state.profile is not self._profile:
            self._profile, self._behaviour = self.state.profile, in_session(self._settings, self.state.profile)
        return self._behaviour

    @property
    def has_turns(self) -> bool:
        """Whether a person has said anything."""
        return any(isinstance(fact.event, e.TurnEnded) for fact in self._recent)

    @property
    def last_sequence(self) -> int:
        """Sequence of the last fact that was sent to the line."""
        return self._recent[-1].sequence if self._recent else 0

    @property
    def is_waiting_for_client(self) -> bool:
        """Whether its client has vanished and may come back."""
        return self._grace.is_running

    @property
    def is_ending(self) -> bool:
        """Whether it is ending; `over` is set when it has ended."""
        return self._ending is not None

    async def settled(self) -> None:
        """Wait until the events waiting to be appended are stored or abandoned."""
        await self._publisher.drained()

    def is_attached(self, line: Line) -> bool:
        """Return whether the call still belongs to this line."""
        return self._driver.line is line

    def playing(self) -> Playing | None:
        """Return which reply is being played, and how far."""
        return self._driver.playing()

    # -- the people

    def note(self, event: e.Event) -> None:
        """Append an event about the people in the session; the call itself applies it at once."""
        if self._ending is None:
            self._publisher.put(event)
            self.state.apply(event)

    def open_microphone(
        self, track_id: str, participant_id: str, rate_hz: int = IN_SAMPLE_RATE_HZ, since_ns: int | None = None
    ) -> None:
        """Accept a track's sound from now on and publish it in frames; append TrackPublished once.

        `since_ns` (Unix epoch ns) is when its first sound came in, if that was before now.
        """
        if track_id not in self.state.tracks:
            self._own_tracks.add(track_id)
            self.note(published(self.session_id, track_id, participant_id, since_ns or now_ns()))
        self._microphones.open(track_id, participant_id, rate_hz)

    def close_microphone(self, track_id: str, reason: str) -> None:
        """Accept no more sound of a track; append TrackUnpublished with its length."""
        for event in self._microphones.close(track_id, reason):
            self.note(event)

    async def sound(self, track_id: str, pcm: bytes, received_ns: int | None = None) -> None:
        """Process sound of a track (int16 little endian, mono, at its rate) that came in at `received_ns`, else now."""
        await self._microphones.sound(track_id, pcm, received_ns or now_ns())

    def played(self, report: Played) -> None:
        """Process the line's count of played samples."""
        self._driver.played(report)

    def typed(self, participant_id: str, text: str, name: str = "") -> None:
        """Accept a turn from the keyboard; a reply that is being played is interrupted, and counted, first.

        One that its sender has named is stored once, however often it is sent; the line is notified when it is stored.
        """
        if self._ending is None:
            self._active_s = time.monotonic()
            self._driver.typed(participant_id, text, name)

    def client_vanished(self, reason: str = "vanished") -> None:
        """Close the microphones at once, and the session if nobody returns in time."""
        self._detach(reason)
        if self._ending is None:
            self._grace.begin("vanished", self.settings.reconnect_grace_s)

    def wait_for_people(self, reason: str, patience_s: float) -> None:
        """Continue without a line; end the session if none is attached again within `patience_s`."""
        self._driver.detach()
        if self._ending is None:
            self._grace.begin(reason, patience_s)

    def people_are_back(self) -> None:
        """Do not end for lack of people: a line will be attached soon."""
        self._grace.stop()

    def hand_over(self) -> None:
        """Let another line of the same session replace this one."""
        if self._driver.line is not None:
            self._driver.refuse("taken-over", "the session continues at another client")
            self._detach("replaced")

    def _detach(self, reason: str) -> None:
        self._driver.detach()
        for event in self._microphones.close_all(reason):
            self._publisher.put(event)
            self.state.apply(event)

    # -- ending

    def end(self, reason: str, keep_line: bool = False) -> None:
        """End the session; `over` is set when that is stored. The line ends with it, unless it is kept."""
        self._keep_line = keep_line
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(reason), name=f"end of {self.session_id}")

    async def hang_up(self, reason: str = HANGUP) -> None:
        """End the session; return when its end is stored."""
        self.end(reason)
        await self._closed_in_log.wait()

    async def _end(self, reason: str) -> None:
        line = self._driver.line
        self._driver.close(reason)
        self._detach(reason)
        self._driver.line = line
        for event in closing_events(self.session_id, self.state.people, reason, now_ns()):
            self._publisher.put(event)
            self.state.apply(event)
        await self._over_after(self._end_stored)

    async def _end_stored(self) -> None:
        await self._publisher.drained()
        try:
            await asyncio.wait_for(self._closed_in_log.wait(), 1)
        except TimeoutError:
            log.debug("session %s: SessionClosed is stored, but did not arrive as a live fact", self.session_id)

    async def _over_after(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work`; however it ends, the call is over afterwards, because others wait for that."""
        try:
            await surely(work, f"the end of {self.session_id}")
        finally:
            await self._stop()

    async def end_abandoned(self, reason: str) -> None:
        """End the session and the microphones that the previous door left open; return when that is stored."""
        for event in left_open(self.session_id, self.state, now_ns(), reason):
            self.note(event)
        self.end(reason)
        await self.over.wait()

    async def leave(self) -> None:
        """Release the session without ending it: this door closes, or another one takes the session over."""
        if self._ending is None:
            self._detach("shutdown")
            self._ending = asyncio.create_task(self._over_after(self._leave), name=f"leaving {self.session_id}")
        await self.over.wait()

    async def _give_up(self) -> None:
        self.hand_over()
        await self.leave()

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self._publisher.drained(), 2)
        except TimeoutError:
            log.warning("session %s: not all of its facts could be stored", self.session_id)

    async def _stop(self) -> None:
        if not self._keep_line:
            self._driver.end()
        self._driver.line = None
        self._grace.stop()
        try:
            await surely(self._let_go, f"the end of {self.session_id}")
        finally:
            self._in_progress.close()
            self._on_over(self)
            self.over.set()

    async def _let_go(self) -> None:
        await self._microphones.end()
        await self._tasks.end()
        while self._subscriptions and not connection(self._broker).is_closed:
            with contextlib.suppress(BadSubscriptionError):  # an earlier attempt was interrupted
                await self._subscriptions[-1].unsubscribe()
            self._subscriptions.pop()

    def _stop_soon(self) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._stop(), name=f"stop of {self.session_id}")

    def _log_failed(self, reason: str) -> None:
        self._give_up_here(
            reason, "log-unavailable", "the log stores nothing at the moment, so the call cannot go on. Try again later"
        )

    def _give_up_here(self, reason: str, code: str, told: str) -> None:
        """Leave the session as it is, and refuse its client with `code`."""
        log.error("session %s ends here: %s", self.session_id, reason)
        self._driver.refuse(code, told)
        self._driver.line = None
        self._stop_soon()

    # -- facts and sound

    async def _follow(self, after: int) -> None:
        try:
            async with SessionFeed(self._broker, self.session_id, after) as feed:
                async for fact in feed:
                    self._on_fact(fact)
        except NewerFact as error:
            self._give_up_here(str(error), "not-available", "a newer version has taken part in this call: reconnect")

    def _on_fact(self, fact: Fact) -> None:
        event = fact.event
        self._recent.append(fact)
        self.state.apply(event)
        self._unprompted.apply(event)
        self._spans.apply(event)
        self._microphones.apply(event)
        if isinstance(event, _ACTIVITY):
            self._active_s = time.monotonic()
        self._driver.take_fact(fact)
        if isinstance(event, e.SessionClosed):
            self._closed_in_log.set()
            self._stop_soon()
        elif isinstance(event, e.TrackPublished) and event.track_id not in self._own_tracks:
            self.hand_over()
            self._tasks.own(self.leave(), "leaving")

    # -- time

    async def _tick(self) -> None:
        while True:
            await next_tick(TICK_S)
            self._driver.tick(self.outage.may_repair)
            if self._ending is None:
                self._unprompted.act(now_ns())
            active_s = max(self._active_s, self.outage.back_s)  # what was said meanwhile is still arriving
            if time.monotonic() - active_s > self.settings.session_idle_s and self._ending is None:
                await self._end_if_idle()

    async def _end_if_idle(self) -> None:
        """End the session, unless it only seems idle because the log is away: then the timeout restarts."""
        if self.outage.is_told or not await answers(connection(self._broker)):
            self._active_s = time.monotonic()
        elif self._ending is None:
            self._driver.notice("idle")
            self.end("timeout")
