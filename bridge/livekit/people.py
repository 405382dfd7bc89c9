"""Who is in the room, as facts of the session: people come and go, their microphones open and close.

The sound of the microphones goes to the call.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit import rtc

from bridge.call.call import Call
from bridge.call.session_events import joined, left
from bridge.call.tasks import Tasks
from bridge.livekit.board import Speaker
from bridge.livekit.persons import is_microphone, is_person, joined_fields
from contracts.audio import FRAME_MS, IN_SAMPLE_RATE_HZ
from infra.livekit.naming import participant_of_identity, track_of_sid
from infra.log.event_log import now_ns
from infra.process.tasks import ended, own_cancellation_only

log = logging.getLogger(__name__)

MAX_NAME = 256
HEAR_AGAIN_S = 0.1
MAX_UNREAD_FRAMES = 10_000 // FRAME_MS
"""Frames of one track that may wait here: 10 s."""


@dataclass(frozen=True, slots=True)
class _Listening:
    track_id: str
    task: asyncio.Task[None]


@dataclass(frozen=True, slots=True)
class _Person:
    participant_id: str
    listening: dict[str, _Listening] = field(default_factory=dict)
    """By LiveKit's track sid."""


class People:
    """Follows a connected room. `changed` is called when the number of people in it has changed.

    LiveKit's own view of the room is the truth: whatever happens, `look` brings the session up to it.
    """

    def __init__(self, room: rtc.Room, call: Call, changed: Callable[[], None]) -> None:
        self._room = room
        self._call = call
        self._changed = changed
        self._people: dict[str, _Person] = {}
        self._tasks = Tasks(f"people of {call.session_id}")

    @property
    def count(self) -> int:
        """How many people are in the room."""
        return len(self._people)

    def identity_of(self, participant_id: str) -> str | None:
        """Return a person's identity in the room, None if they are not there."""
        found = (identity for identity, person in self._people.items() if person.participant_id == participant_id)
        return next(found, None)

    def speaker(self, participant_id: str) -> Speaker | None:
        """Return whose words a person's captions are, None if they are not there."""
        identity = self.identity_of(participant_id)
        if identity is None:
            return None
        return Speaker(identity, next(iter(self._people[identity].listening), ""))

    def follow(self) -> None:
        """Start: take in those who are there, and follow who comes and goes."""
        self._miss_those_who_left()
        room = self._room
        room.on("participant_connected", lambda _: self.look())
        room.on("participant_disconnected", self._on_disconnected)
        room.on("track_published", lambda *_: self.look())
        room.on("track_unpublished", lambda *_: self.look())
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", lambda _track, publication, _: self._close(publication.sid, "unpublished"))
        room.on("reconnected", self.look)
        self.look()

    async def stop(self, reason: str) -> None:
        """Follow no longer; microphones that are open are closed."""
        for person in self._people.values():
            for sid in list(person.listening):
                self._close(sid, reason)
        self._people.clear()
        await self._tasks.end()

    def _miss_those_who_left(self) -> None:
        """Append that people have left who went while nobody followed: another job had the session."""
        here = {participant_of_identity(identity) for identity in self._room.remote_participants}
        for participant_id, n in self._call.state.people:
            if participant_id not in here:
                self._call.note(left(self._call.session_id, participant_id, "left", now_ns(), n))

    # -- the room as it is

    def look(self) -> None:
        """Bring the session up to who is in the room and which microphones there are."""
        before = self.count
        here = {p.identity: p for p in self._room.remote_participants.values() if is_person(p.kind)}
        for identity in set(self._people) - set(here):
            self._leave(identity, "left")
        for identity, participant in here.items():
            if identity not in self._people:
                self._join(participant)
            self._look_at_tracks(participant)
        if self.count != before:
            self._changed()

    def _join(self, participant: rtc.RemoteParticipant) -> None:
        participant_id = participant_of_identity(participant.identity)
        self._people[participant.identity] = _Person(participant_id)
        state = self._call.state
        if participant_id not in state.participants:
            n = state.joins[participant_id]
            fields = joined_fields(participant.identity, participant.kind, participant.attributes)
            event = joined(
                self._call.session_id, participant_id, "person", participant.name[:MAX_NAME], now_ns(), n, **fields
            )
            self._call.note(event)

    def _leave(self, identity: str, reason: str) -> None:
        person = self._people.pop(identity)
        for sid in list(person.listening):
            self._stop_listening(person, sid, reason)
        n = self._call.state.joins[person.participant_id] - 1
        self._call.note(left(self._call.session_id, person.participant_id, reason, now_ns(), n))

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        before = self.count
        if participant.identity in self._people:
            self._leave(participant.identity, reason_of(participant.disconnect_reason))
        self.look()
        if self.count != before:
            self._changed()

    # -- microphones

    def _look_at_tracks(self, participant: rtc.RemoteParticipant) -> None:
        person = self._people[participant.identity]
        for sid in set(person.listening) - set(participant.track_publications):
            self._stop_listening(person, sid, "unpublished")
        for publication in participant.track_publications.values():
            if not is_microphone(publication.kind, publication.source):
                continue
            if not publication.subscribed:
                publication.set_subscribed(True)
            elif publication.track is not None:
                self._listen(person, publication.sid, publication.track)

    def _on_subscribed(
        self, track: rtc.RemoteTrack, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        self.look()
        person = self._people.get(participant.identity)
        if person is not None and is_microphone(publication.kind, publication.source):
            self._listen(person, publication.sid, track)

    def _listen(self, person: _Person, sid: str, track: rtc.RemoteTrack) -> None:
        if sid not in person.listening:
            n = 0
            while (track_id := track_of_sid(sid, n)) in self._call.state.tracks:
                n += 1
            self._call.open_microphone(track_id, person.participant_id)
            task = self._tasks.own(self._hear(track, track_id), f"listening to {sid}")
            person.listening[sid] = _Listening(track_id, task)

    def _close(self, sid: str, reason: str) -> None:
        for person in self._people.values():
            if sid in person.listening:
                self._stop_listening(person, sid, reason)

    def _stop_listening(self, person: _Person, sid: str, reason: str) -> None:
        listening = person.listening.pop(sid)
        listening.task.cancel()
        self._call.close_microphone(listening.track_id, reason)

    async def _hear(self, track: rtc.RemoteTrack, track_id: str) -> None:
        """Listen until the track ends; if anything else ends the listening, start it again."""
        while True:
            try:
                with own_cancellation_only():
                    return await self._hear_once(track, track_id)
            except Exception:  # whatever the SDK raises, it must not make the agent deaf to the others in the room
                log.exception("session %s: listening to %s begins again", self._call.session_id, track_id)
            await asyncio.sleep(HEAR_AGAIN_S)

    async def _hear_once(self, track: rtc.RemoteTrack, track_id: str) -> None:
        stream = rtc.AudioStream.from_track(
            track=track,
            sample_rate=IN_SAMPLE_RATE_HZ,
            num_channels=1,
            frame_size_ms=FRAME_MS,
            capacity=MAX_UNREAD_FRAMES,
        )
        try:
            async for event in stream:
                await self._call.sound(track_id, bytes(event.frame.data))
        finally:
            closing = asyncio.create_task(stream.aclose())
            await asyncio.wait([closing], timeout=1)
            await ended(closing)


def reason_of(reason: "rtc.DisconnectReason.ValueType | None") -> str:
    """Return why somebody has gone: `left`, or LiveKit's own reason, such as `participant-removed`."""
    if reason is None or reason in (rtc.DisconnectReason.UNKNOWN_REASON, rtc.DisconnectReason.CLIENT_INITIATED):
        return "left"
    return rtc.DisconnectReason.Name(reason).lower().replace("_", "-")
