"""One session at the door: its microphone, its facts, its playback, for as long as the session lives.

A call outlives its client: it waits `reconnect_grace_s` for one that vanished.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from bridge.client import Client
from bridge.commands import Ask, Command, Say, Sound, Tell
from bridge.microphone import Microphone
from bridge.opening import PERSON, Standing, closing_events, standing_of, unpublished
from bridge.outbox import Outbox
from bridge.playback import Playback
from bridge.protocol import Played
from bridge.repair import ANSWERED_COST, NOBODY_COST
from bridge.uplink import Uplink
from contracts import events as e
from contracts.audio import BadAudio, unpack_out
from contracts.codec import encode
from contracts.ids import derive_id
from contracts.topology import audio_in_subject, audio_out_subject, sound_again_subject
from infra.connection import connection
from infra.facts import Fact, now_ns
from infra.feed import SessionFeed
from infra.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.05
OPENING_PATIENCE_S = 3.0
KEPT_FACTS = 1000
ASK_TIMEOUT_S = 10
REPAIRS_WAIT_S = 3
"""After an outage of the log: what is missing may still be on its way."""

_ACTIVITY = (e.SessionOpened, e.SpeechStarted, e.TranscriptRevised, e.TurnEnded, e.ReplyStarted, e.PlaybackFinished)


def claim_subject(session_id: str) -> str:
    """Return where a door asks for a session that another door may hold; it is answered once that one has let go."""
    return f"do.{session_id}.bridge.claim"


class Call:
    """Owns one session's tasks. `over` is set when the call has ended and holds nothing any more."""

    def __init__(self, broker: NatsBroker, session_id: str, settings: Settings, on_over: Callable[["Call"], None]):
        self.session_id = session_id
        self.over = asyncio.Event()
        self._broker = broker
        self._settings = settings
        self._on_over = on_over
        self._playback = Playback(session_id)
        self._outbox = Outbox(broker, self._log_failed)
        self._uplink = Uplink(connection(broker), audio_in_subject(session_id, PERSON))
        self._client: Client | None = None
        self._microphone: Microphone | None = None
        self._typed: deque[e.TurnEnded] = deque()
        self._recent: deque[Fact] = deque(maxlen=KEPT_FACTS)
        self._own_tracks: set[str] = set()
        self.standing = Standing()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._grace: asyncio.Task[None] | None = None
        self._subscriptions: list[Subscription] = []
        self._claimed: asyncio.Task[None] | None = None
        self._closed_in_log = asyncio.Event()
        self._active_s = time.monotonic()
        self._log_away = False
        self._repairs_from_s = 0.0

    # -- beginning

    async def open(self, past: list[Fact]) -> None:
        """Begin, with the facts there are: sound is heard from now on, facts follow from after the past ones."""
        self.standing = standing_of(fact.event for fact in past)
        self._playback.replay([fact.event for fact in past])
        self._recent.extend(past)
        tracks = [f.sequence for f in past if isinstance(f.event, e.TrackPublished | e.TrackUnpublished)]
        self._outbox.track_sequence = max(tracks, default=0)
        nc = connection(self._broker)
        self._subscriptions = [
            await nc.subscribe(audio_out_subject(self.session_id), cb=self._on_audio),
            await nc.subscribe(claim_subject(self.session_id), cb=self._on_claim),
        ]
        self._own(self._outbox.run())
        self._own(self._follow(past[-1].sequence if past else 0))
        self._own(self._tick())

    async def say_opening(self, events: list[e.Event]) -> None:
        """Say the facts that open or resume the session. Raises LogUnavailable."""
        await self._outbox.drained()
        for event in events:
            if isinstance(event, e.TrackPublished):
                self._own_tracks.add(event.track_id)
            await self._outbox.say(event, patience_s=OPENING_PATIENCE_S)
            self.standing.take(event)

    def attach(self, client: Client, track_id: str | None, sample_rate_hz: int) -> None:
        """Give the call its client: it gets the past facts, what waits to be heard, and its microphone is open."""
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._active_s = time.monotonic()
        for fact in self._recent:
            client.tell(_fact_message(fact))
        self._client = client
        self._microphone = Microphone(track_id, sample_rate_hz) if track_id else None
        if self._log_away:
            self._notice("log-away")
        self._apply(self._playback.connect(now_ns()))

    @property
    def is_waiting_for_client(self) -> bool:
        """Whether its client vanished and may come back."""
        return self._grace is not None

    @property
    def is_ending(self) -> bool:
        """Whether it ends; `over` is set when it has ended."""
        return self._ending is not None

    async def settled(self) -> None:
        """Wait until what there is to say has been stored, or given up."""
        await self._outbox.drained()

    def is_attached(self, client: Client) -> bool:
        """Tell whether the call still belongs to this client."""
        return self._client is client

    # -- the client

    async def sound(self, pcm: bytes) -> None:
        """Take the client's microphone sound."""
        if self._microphone is None:
            return
        for frame in self._microphone.push(pcm, now_ns()):
            await self._uplink.send(frame)

    def played(self, report: Played) -> None:
        """Take the client's count of played samples."""
        self._apply(self._playback.on_report(report.reply_id, report.samples, now_ns(), report.started, report.ended))

    def typed(self, text: str) -> None:
        """Take a turn from the keyboard; a reply that is being played is interrupted, and counted, first."""
        if self._ending is not None:
            return
        self._active_s = time.monotonic()
        message_id, at_ns = secrets.token_hex(12), now_ns()
        common: dict[str, Any] = {
            "session_id": self.session_id,
            "time_ns": at_ns,
            "turn_id": derive_id(message_id, "turn"),
            "participant_id": PERSON,
        }
        playing = self._playback.playing_reply_id
        if playing is not None:
            event_id = derive_id(message_id, "TurnInterrupted")
            self._outbox.put(e.TurnInterrupted(event_id=event_id, reply_id=playing, text=text, **common))
            self._apply(self._playback.interrupt(playing, event_id, at_ns))
        event_id = derive_id(message_id, "TurnEnded")
        self._typed.append(e.TurnEnded(event_id=event_id, text=text, source="text", **common))
        self._say_typed()

    def _say_typed(self) -> None:
        # The model's context holds what was heard: so the count of the reply that was stopped comes first.
        while self._typed and not self._playback.stopping:
            self._outbox.put(self._typed.popleft())

    def client_vanished(self, reason: str = "vanished") -> None:
        """Close the microphone at once, and the session if nobody comes back in time."""
        self._detach(reason)
        if self._ending is None and self._grace is None:
            self._grace = asyncio.create_task(self._wait_for_client(), name=f"grace of {self.session_id}")

    def hand_over(self) -> None:
        """Let another client of the same session take the place of this one."""
        if self._client is not None:
            self._client.refuse("taken-over", "the session goes on at another client")
            self._detach("replaced")

    def _detach(self, reason: str) -> None:
        self._client = None
        self._apply(self._playback.disconnect(now_ns()))
        if self._microphone is not None:
            microphone, self._microphone = self._microphone, None
            event = unpublished(self.session_id, microphone.track_id, PERSON, microphone.samples, reason, now_ns())
            self._outbox.put(event)
            self.standing.take(event)

    async def _wait_for_client(self) -> None:
        await asyncio.sleep(self._settings.reconnect_grace_s)
        self._grace = None
        self.end("vanished")

    # -- ending

    def end(self, reason: str) -> None:
        """End the session; `over` is set when that is stored."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(reason), name=f"end of {self.session_id}")

    async def _end(self, reason: str) -> None:
        client = self._client
        self._apply(self._playback.close(reason, now_ns()))
        self._detach(reason)
        self._client = client
        for event in closing_events(self.session_id, reason, now_ns()):
            self._outbox.put(event)
        await self._outbox.drained()
        try:
            await asyncio.wait_for(self._closed_in_log.wait(), 1)
        except TimeoutError:
            log.debug("%s: its end did not come back", self.session_id)
        await self._stop()

    async def leave(self) -> None:
        """Give the session up without ending it: this door closes, or another one has the session."""
        if self._ending is None:
            self._detach("shutdown")
            self._ending = asyncio.create_task(self._leave(), name=f"leaving {self.session_id}")
        await self.over.wait()

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self._outbox.drained(), 2)
        except TimeoutError:
            log.warning("%s: not all of its facts could be stored", self.session_id)
        await self._stop()

    async def _stop(self) -> None:
        if self._client is not None:
            self._client.end()
            self._client = None
        tasks = [*self._tasks, *([self._grace] if self._grace else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not connection(self._broker).is_closed:
            for subscription in self._subscriptions:
                await subscription.unsubscribe()
        self._on_over(self)
        self.over.set()

    def _log_failed(self, reason: str) -> None:
        log.error("session %s ends here: %s", self.session_id, reason)
        if self._client is not None:
            self._client.refuse("log-unavailable", "the log takes nothing; the call cannot go on. Try again later")
            self._client = None
        if self._ending is None:
            self._ending = asyncio.create_task(self._stop(), name=f"stop of {self.session_id}")

    # -- facts and sound

    async def _follow(self, after: int) -> None:
        async with SessionFeed(self._broker, self.session_id, after) as feed:
            async for fact in feed:
                self._on_fact(fact)

    def _on_fact(self, fact: Fact) -> None:
        event = fact.event
        self._recent.append(fact)
        self.standing.take(event)
        if isinstance(event, _ACTIVITY):
            self._active_s = time.monotonic()
        if self._client is not None:
            self._client.tell(_fact_message(fact))
        self._apply(self._playback.on_fact(event, now_ns()))
        if isinstance(event, e.SessionClosed):
            self._closed_in_log.set()
            if self._ending is None:
                self._ending = asyncio.create_task(self._stop(), name=f"stop of {self.session_id}")
        elif isinstance(event, e.TrackPublished) and event.track_id not in self._own_tracks:
            self.hand_over()
            self._own(self.leave())

    async def _on_claim(self, message: Msg) -> None:
        # Not in this callback: leaving ends the subscription that runs it.
        if self._claimed is None:
            self._claimed = asyncio.create_task(self._give_up(message), name=f"giving up {self.session_id}")

    async def _give_up(self, message: Msg) -> None:
        log.info("session %s goes on at another door", self.session_id)
        self.hand_over()
        await self.leave()
        await message.respond(b"")

    async def _on_audio(self, message: Msg) -> None:
        try:
            frame = unpack_out(message.data)
        except BadAudio as error:
            log.warning("session %s: sound that is none: %s", self.session_id, error)
            return
        self._apply(self._playback.on_frame(frame, now_ns()))

    def _apply(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Tell(message) if self._client is not None:
                    self._client.tell(message)
                case Sound(pcm) if self._client is not None:
                    self._client.sound(pcm)
                case Say(event):
                    self._outbox.put(event)
                case Ask(clause):
                    self._own(self._ask(clause))
        self._say_typed()

    async def _ask(self, clause: e.ReplyClauseWritten) -> None:
        log.info("session %s: the sound of clause %d is missing; asking again", self.session_id, clause.index)
        cost = ANSWERED_COST
        try:
            subject = sound_again_subject(self.session_id)
            await connection(self._broker).request(subject, encode(clause), timeout=ASK_TIMEOUT_S)
        except NoRespondersError:
            cost = NOBODY_COST
        except (NatsError, TimeoutError) as error:
            log.debug("asking for a clause: %r", error)
        self._playback.on_asked(clause.reply_id, clause.index, cost, now_ns())

    # -- time

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._apply(self._playback.on_tick(now_ns()))
            if not self._log_away and time.monotonic() > self._repairs_from_s:
                self._apply(self._playback.repairs(now_ns()))
            if time.monotonic() - self._active_s > self._settings.session_idle_s and self._ending is None:
                if self._client is not None:
                    self._client.tell({"type": "notice", "code": "idle"})
                self.end("timeout")

    def log_went_away(self) -> None:
        """Tell the client that what it says is kept for now."""
        self._log_away = True
        self._notice("log-away")

    async def log_came_back(self) -> None:
        """Publish the sound that was kept, and tell the client."""
        self._log_away = False
        self._repairs_from_s = time.monotonic() + REPAIRS_WAIT_S
        await self._uplink.release()
        self._notice("log-back")

    def _notice(self, code: str) -> None:
        if self._client is not None:
            self._client.tell({"type": "notice", "code": code})

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("session %s", self.session_id, exc_info=task.exception())


def _fact_message(fact: Fact) -> dict[str, Any]:
    data = fact.event.model_dump(mode="json", exclude_none=True)
    return {"type": "fact", "name": type(fact.event).__name__, "sequence": fact.sequence, "data": data}
