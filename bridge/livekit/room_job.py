"""One room: joins it as the agent, has the session's call there, and ends with the room or the last person."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from faststream.nats import NatsBroker
from livekit import api, rtc
from livekit.agents import AutoSubscribe, JobContext

from bridge.call.agents import profile_with
from bridge.call.call import Call
from bridge.call.log_watch import watch_log
from bridge.call.needed_parts import VOICE_ACTORS, NeededParts
from bridge.call.session_events import joined, left_open, session_opened
from bridge.call.tasks import Tasks
from bridge.livekit.api import LIVEKIT_ERRORS, livekit_api
from bridge.livekit.board import STATE_ATTRIBUTE, Board, Speaker
from bridge.livekit.chat import Chat
from bridge.livekit.endings import AGENT_REMOVED, JobEnding, ending_of
from bridge.livekit.ownership.lease import FREE, OVER, Holding, Lease
from bridge.livekit.people import People
from bridge.livekit.persons import TIME_ZONE_ATTRIBUTE, is_person
from bridge.livekit.phone import Phone
from bridge.livekit.requests import Requests
from bridge.livekit.room_line import RoomLine
from bridge.livekit.room_measures import measure_room
from bridge.livekit.state import INITIALIZING
from bridge.livekit.texts import Texts
from bridge.livekit.wanted import wanted_in
from bridge.playback.reply import Playing
from bridge.text_input import ProtocolError
from contracts import events as e
from contracts.profile import AgentProfile
from contracts.topology import BRIDGE_LIVEKIT
from infra.agents.card import stored_cards
from infra.livekit.naming import AGENT, participant_of_identity, session_of_room
from infra.log.connection import connection
from infra.log.copy_load import has_room
from infra.log.event_log import facts_after, now_ns
from infra.process.tasks import own_cancellation_only
from infra.settings import Settings
from infra.tape.tape import Tapes
from infra.telemetry.traces import about
from infra.time_zones import is_zone

log = logging.getLogger(__name__)

LIVEKIT = "livekit"
SESSION_ATTRIBUTE = "daredevil.session"
"""The agent's attribute with the session id, so that whoever is in the room finds its log."""
ERROR_ATTRIBUTE = "daredevil.error"
"""The agent's attribute with why it does not talk: a code, a colon and what to do."""
HISTORY_PATIENCE_S = 10.0
SUBSCRIBED_PATIENCE_S = 2.0
"""How long the first words wait for somebody to subscribe to the agent's track."""
BREAK_S = 1.0
"""How long a room may be empty before its people count as gone: a client that reconnects is away for about 0.1 s."""
HEARD_AGAIN_S = 0.5
"""How long the sound waits for somebody who came back in that time: LiveKit reports only a track's first listener."""
API_TIMEOUT_S = 5.0


class RoomJob:
    """One job of the worker; `run` returns when the room needs no agent any more."""

    def __init__(self, context: JobContext, broker: NatsBroker, tapes: Tapes, settings: Settings) -> None:
        self.session_id = session_of_room(context.job.room.sid)
        self._context = context
        self._room = context.room
        self._broker = broker
        self._settings = settings
        self._tasks = Tasks(f"room {context.job.room.name}")
        self._ending: asyncio.Future[JobEnding] = asyncio.get_running_loop().create_future()
        self._somebody = asyncio.Event()
        self._heard = asyncio.Event()
        """Set once somebody hears the agent's track."""
        room = context.job.room
        holding = Holding(
            session_id=self.session_id, room=room.name, room_sid=room.sid, agent_name=settings.livekit_agent_name
        )
        self._lease = Lease(broker, holding)
        self._texts = Texts(settings.max_text_bytes, self._on_text)
        self._call = Call(
            broker, tapes, self.session_id, settings, self._on_call_over, self._lease.confirmed, self._texts.stored
        )
        self._people = People(self._room, self._call, self._count_changed, self._heard_changed)
        self._board = Board(self._room, self._speaker_of)
        self._line = self._new_line()
        self._chat = Chat(self._room, self._texts, self._tasks)
        self._phone = Phone(self._room, self._call, self._people.identity_of, lambda: livekit_api(settings))
        self._requests = Requests(self._texts, self._phone.keys_pressed)
        self._publication: rtc.LocalTrackPublication | None = None
        self._opened = False

    async def run(self) -> None:
        """Be the room's agent. Raises what prevents that: rtc.ConnectError, LogUnavailable, nats errors.

        However it ends, another job may have the room afterwards. Raises CancelledElsewhere.
        """
        with own_cancellation_only(), about(self.session_id):
            await self._run()

    async def _run(self) -> None:
        if not await self._lease.take():
            log.info("session %s: another job has this room", self.session_id)
            return
        # Renew it from now on: reading the facts may take longer than a lease lasts.
        self._tasks.keep(lambda: self._lease.keep(self._playing), "lease")
        self._tasks.keep(self._when_lost, "waiting for the lease to be lost")
        try:
            past = await facts_after(self._broker, self.session_id, patience_s=HISTORY_PATIENCE_S)
            if any(isinstance(fact.event, e.SessionClosed) for fact in past):
                log.warning("session %s of this room has ended: nobody is sent there", self.session_id)
                await self._lease.give_back(OVER)
                return
            await self._call.open(past, self._lease.before.playing)
            self._opened = True
            self._line = self._new_line()  # at the rate that the session was opened with
            if not self._ending.done():
                await self._enter()
                if await self._first_person():
                    await self._talk_or_refuse()
            await self._leave(await self._ending)
        except BaseException:
            # If this fails too, the lease lapses.
            if self._opened:
                await self._call.leave()
            await self._lease.give_back(FREE, self._playing())
            raise
        finally:
            await self._tasks.end()

    def _new_line(self) -> RoomLine:
        return RoomLine(
            self._call.settings.agent_sample_rate_hz,
            self._board,
            self._call.played,
            lambda code: self._over(JobEnding(code, session_goes_on=True)),
        )

    def _playing(self) -> Playing | None:
        """Return what is being played, for whoever takes over."""
        return self._call.playing() if self._opened else self._lease.before.playing

    async def _when_lost(self) -> None:
        await self._lease.lost.wait()
        self._over(JobEnding("taken-over", session_goes_on=True, room_is_gone=True))

    # -- coming

    async def _enter(self) -> None:
        self._room.on("disconnected", lambda reason: self._over(ending_of(reason)))
        for event in ("reconnected", "room_updated"):
            self._room.on(event, lambda: self._tasks.keep(self._check_room, "which room it is"))
        self._room.on("local_track_subscribed", lambda _: self._heard.set())
        self._room.on("participant_connected", self._on_somebody)
        # From now on captions and state can be shown.
        self._room.on("participant_active", lambda _: self._board.show_again())
        self._room.on("reconnected", self._board.show_again)
        # What comes before the session is open is taken, and waits.
        self._chat.follow()
        self._phone.listen()
        await self._context.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        self._people.listen()
        self._requests.follow(self._room.local_participant)
        attributes = {SESSION_ATTRIBUTE: self.session_id, STATE_ATTRIBUTE: INITIALIZING}
        await self._room.local_participant.set_attributes(attributes)
        track = rtc.LocalAudioTrack.create_audio_track("agent", self._line.loudspeaker.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._publication = await self._room.local_participant.publish_track(track, options)
        self._tasks.keep(self._line.loudspeaker.run, "loudspeaker")
        self._tasks.keep(self._board.run, "captions")
        self._tasks.keep(lambda: measure_room(self._room, lambda: self._people.count), "figures of the room")
        self._tasks.keep(lambda: watch_log(self._broker, lambda: [self._call]), "watching the log")

    async def _check_room(self) -> None:
        """Leave a room that was created again under the old name, as after a restart of LiveKit: it is not ours."""
        if await self._room.sid != self._context.job.room.sid:
            self._over(JobEnding("room-gone", room_is_gone=True))

    def _on_somebody(self, participant: rtc.RemoteParticipant) -> None:
        if is_person(participant.kind):
            self._somebody.set()

    async def _first_person(self) -> bool:
        """Wait for somebody to talk with; tell whether there is anybody."""
        for participant in self._room.remote_participants.values():
            self._on_somebody(participant)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._call.settings.room_empty_s):
                await self._somebody.wait()
        if not self._somebody.is_set():
            self._over(JobEnding("left" if self._call.state.opened else "nobody-came"))
        return not self._ending.done()

    async def _talk_or_refuse(self) -> None:
        """Talk; a room that wants an agent that cannot come is told so by an attribute, and ends."""
        try:
            await self._talk()
        except ProtocolError as error:
            log.error("room %s: %s", self._room.name, error)
            await self._room.local_participant.set_attributes({ERROR_ATTRIBUTE: f"{error.code}: {error}"[:512]})
            self._over(JobEnding(error.code))

    async def _talk(self) -> None:
        state = self._call.state
        opening: list[e.Event] = []
        if not state.opened:
            await self._check_capacity()
            people = [p for p in self._room.remote_participants.values() if is_person(p.kind)]
            user_id = people[0].identity[:256] if people else ""
            profile = await self._profile(user_id, dict(people[0].attributes) if people else {})
            opened = session_opened(self.session_id, LIVEKIT, user_id, self._settings, now_ns(), profile=profile)
            opening.append(opened)
        if AGENT not in state.participants:
            opening.append(joined(self.session_id, AGENT, "agent", self._call.settings.agent_name, now_ns()))
        opening += left_open(self.session_id, state, now_ns())
        await self._call.store(opening)
        self._people.follow()
        self._texts.open()
        await self._phone.follow(connection(self._broker))
        self._heard_changed()
        self._line.ready()

    async def _check_capacity(self) -> None:
        """Refuse a new session that would be answered late, or by nobody. Raises ProtocolError."""
        if await has_room(connection(self._broker), BRIDGE_LIVEKIT, self.session_id) is False:
            raise ProtocolError("busy", "there is no room for another call now; try again in a minute")
        parts = NeededParts(self._broker, self._settings, VOICE_ACTORS)
        try:
            missing = await parts.arrival(self._settings.opening_patience_s)
        except TimeoutError as error:
            raise ProtocolError("log-unavailable", "the log cannot be reached, so no call can begin") from error
        if missing:
            raise ProtocolError("not-available", f"no conversation is possible now: {missing}")

    async def _profile(self, user_id: str, attributes: Mapping[str, str]) -> AgentProfile:
        """Return how the agent behaves that this room wants. Raises ProtocolError, and nats errors."""
        cards, job = await stored_cards(self._broker), self._context.job
        wanted = wanted_in(cards, job.metadata, job.agent_name, self._room.metadata, attributes)
        zone = attributes.get(TIME_ZONE_ATTRIBUTE, "")
        return profile_with(cards, self._settings, self.session_id, wanted, user_id, zone if is_zone(zone) else "")

    # -- who is there

    def _speaker_of(self, participant_id: str | None) -> Speaker | None:
        if participant_id is None:
            track_sid = self._publication.sid if self._publication is not None else ""
            return Speaker(self._room.local_participant.identity, track_sid)
        return self._people.speaker(participant_id)

    def _on_text(self, identity: str, text: str, name: str) -> bool:
        participant_id = participant_of_identity(identity)
        is_there = self._people.identity_of(participant_id) is not None
        if is_there:
            self._call.typed(participant_id, text, name)
        return is_there

    def _count_changed(self) -> None:
        if self._people.count == 0:
            self._heard.clear()
            self._line.loudspeaker.hold()
            self._tasks.keep(self._empty, "waiting for people")
            return
        self._call.people_are_back()
        if self._call.is_attached(self._line):
            self._tasks.keep(self._go_on, "going on")
        else:
            self._tasks.keep(self._attach, "attaching")

    def _heard_changed(self) -> None:
        self._line.hears(self._people.hears)

    async def _empty(self) -> None:
        patience_s = self._call.settings.room_empty_s
        break_s = min(BREAK_S, patience_s)
        await asyncio.sleep(break_s)
        if self._people.count == 0:
            self._call.wait_for_people("left", patience_s - break_s)

    async def _go_on(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_AGAIN_S):
                await self._heard.wait()
        if self._people.count:
            self._line.loudspeaker.go_on()

    async def _attach(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBED_PATIENCE_S):
                await self._heard.wait()
        if self._people.count and not self._call.is_attached(self._line) and not self._call.is_ending:
            self._line.loudspeaker.go_on()
            self._call.attach(self._line)

    # -- going

    def _over(self, ending: JobEnding) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)
            self._somebody.set()

    def _on_call_over(self, call: Call) -> None:
        self._over(JobEnding("over", session_goes_on=not call.state.closed))

    async def _leave(self, ending: JobEnding) -> None:
        if ending.reason == AGENT_REMOVED and not await self._lease.still_ours():
            ending = JobEnding("taken-over", session_goes_on=True, room_is_gone=True)
        log.info("session %s: %s", self.session_id, ending.reason)
        await self._people.stop(ending.reason)
        if ending.session_goes_on or not self._call.state.opened:
            await self._call.leave()
        else:
            await self._call.end_abandoned(ending.reason)
        await self._lease.give_back(FREE if ending.session_goes_on else OVER, self._call.playing())
        if not ending.session_goes_on and not ending.room_is_gone:
            await self._delete_room()

    async def _delete_room(self) -> None:
        """End the room with its session: those who come again get a new room with a new agent."""
        try:
            async with asyncio.timeout(API_TIMEOUT_S), livekit_api(self._settings) as livekit:
                await livekit.room.delete_room(api.DeleteRoomRequest(room=self._room.name))
        except LIVEKIT_ERRORS as error:
            log.debug("deleting the room: %r", error)
