"""Who is in the room, as facts of the session: people come and go, their microphones open and close.

The sound of the microphones goes to the call.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from livekit import rtc

from bridge.call.call import Call
from bridge.call.session_events import joined, left
from bridge.call.tasks import Tasks
from bridge.livekit.board import Speaker
from bridge.livekit.ear import HEARD_PATIENCE_S, MicrophoneEar
from bridge.livekit.persons import is_microphone, is_person, joined_fields
from infra.livekit.naming import participant_of_identity, track_of_sid
from infra.log.event_log import now_ns

MAX_NAME = 256


@dataclass(slots=True)
class _Listening:
    identity: str
    track_id: str
    ear: MicrophoneEar
    task: asyncio.Task[None]


class People:
    """Follows a connected room. `changed` is called when the number of people has changed, `heard` if `hears` may have.

    LiveKit's own view of the room is the truth: whatever happens, `look` brings the session up to it.
    """

    def __init__(self, room: rtc.Room, call: Call, changed: Callable[[], None], heard: Callable[[], None]) -> None:
        self._room = room
        self._call = call
        self._changed = changed
        self._heard = heard
        self._people: dict[str, str] = {}
        """Participant ids, by identity."""
        self._listening: dict[str, _Listening] = {}
        """By LiveKit's track sid."""
        self._microphones: dict[str, bool] = {}
        """Those in the room, by sid: whether they are still waited for."""
        self._has_heard = False
        self._is_followed = asyncio.Event()
        self._followed_ns = 0
        self._tasks = Tasks(f"people of {call.session_id}")

    @property
    def count(self) -> int:
        """How many people are in the room."""
        return len(self._people)

    @property
    def hears(self) -> bool:
        """Whether somebody has been heard, or there is nobody to wait for.

        Only the first microphone is waited for: people who take another one, or come later, find an agent that listens.
        """
        return self._has_heard or not any(self._microphones.values())

    def identity_of(self, participant_id: str) -> str | None:
        """Return a person's identity in the room, None if they are not there."""
        return next((identity for identity, person in self._people.items() if person == participant_id), None)

    def speaker(self, participant_id: str) -> Speaker | None:
        """Return whose words a person's captions are, None if they are not there."""
        identity = self.identity_of(participant_id)
        if identity is None:
            return None
        return Speaker(identity, next((sid for sid, each in self._listening.items() if each.identity == identity), ""))

    def listen(self) -> None:
        """Hear those who are there, and who comes; what they say is kept until `follow`."""
        room = self._room
        room.on("participant_connected", lambda _: self.look())
        room.on("participant_disconnected", self._on_disconnected)
        room.on("track_published", lambda *_: self.look())
        room.on("track_unpublished", lambda *_: self.look())
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", lambda _track, publication, _: self._stop_listening(publication.sid))
        room.on("reconnected", self.look)
        self.look()

    def follow(self) -> None:
        """Note in the session, which is open now, who is there, and who comes and goes."""
        self._followed_ns = now_ns()
        self._is_followed.set()
        self._miss_those_who_left()
        self.look()

    async def stop(self, reason: str) -> None:
        """Follow no longer; microphones that are open are closed."""
        for sid in list(self._listening):
            self._stop_listening(sid, reason)
        self._microphones.clear()
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
        if self._is_followed.is_set():
            for identity in set(self._people) - set(here):
                self._leave(identity, "left")
            for identity in here.keys() - self._people.keys():
                self._join(here[identity])
        self._look_at_tracks(here.values())
        if self.count != before:
            self._changed()

    def _join(self, participant: rtc.RemoteParticipant) -> None:
        participant_id = participant_of_identity(participant.identity)
        self._people[participant.identity] = participant_id
        state = self._call.state
        if participant_id not in state.participants:
            n = state.joins[participant_id]
            fields = joined_fields(participant.identity, participant.kind, participant.attributes)
            event = joined(
                self._call.session_id, participant_id, "person", participant.name[:MAX_NAME], now_ns(), n, **fields
            )
            self._call.note(event)

    def _leave(self, identity: str, reason: str) -> None:
        participant_id = self._people.pop(identity)
        for sid in [sid for sid, each in self._listening.items() if each.identity == identity]:
            self._stop_listening(sid, reason)
        n = self._call.state.joins[participant_id] - 1
        self._call.note(left(self._call.session_id, participant_id, reason, now_ns(), n))

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        before = self.count
        if participant.identity in self._people:
            self._leave(participant.identity, reason_of(participant.disconnect_reason))
        self.look()
        if self.count != before:
            self._changed()

    # -- microphones

    def _look_at_tracks(self, people: Iterable[rtc.RemoteParticipant]) -> None:
        there: set[str] = set()
        for participant in people:
            for publication in participant.track_publications.values():
                if is_microphone(publication.kind, publication.source):
                    there.add(publication.sid)
                    self._look_at_microphone(participant.identity, publication)
        for sid in self._listening.keys() - there:
            self._stop_listening(sid)
        for sid in self._microphones.keys() - there:
            del self._microphones[sid]
        self._heard()

    def _look_at_microphone(self, identity: str, publication: rtc.RemoteTrackPublication) -> None:
        sid = publication.sid
        if not publication.subscribed:
            publication.set_subscribed(True)
        elif publication.track is not None:
            self._listen(identity, sid, publication.track)
        if sid not in self._microphones:
            self._microphones[sid] = True
            asyncio.get_running_loop().call_later(HEARD_PATIENCE_S, self._wait_no_longer, sid)

    def _wait_no_longer(self, sid: str) -> None:
        if self._microphones.get(sid):
            self._microphones[sid] = False
            self._heard()

    def _on_subscribed(
        self, track: rtc.RemoteTrack, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        self.look()
        if is_person(participant.kind) and is_microphone(publication.kind, publication.source):
            self._listen(participant.identity, publication.sid, track)

    def _listen(self, identity: str, sid: str, track: rtc.RemoteTrack) -> None:
        if sid in self._listening:
            return
        n = 0
        while (track_id := track_of_sid(sid, n)) in self._call.state.tracks:
            n += 1
        name = f"session {self._call.session_id}: microphone {track_id}"
        sound = partial(self._call.sound, track_id)
        ear = MicrophoneEar(track, name, self._is_followed, partial(self._open, sid), sound)
        task = self._tasks.own(ear.run(), f"listening to {sid}")
        self._listening[sid] = _Listening(identity, track_id, ear, task)

    def _open(self, sid: str, since_ns: int) -> None:
        """Note that a microphone is heard, from this time on."""
        listening = self._listening[sid]
        self._has_heard = True
        since_ns = max(since_ns, self._followed_ns)
        participant_id = participant_of_identity(listening.identity)
        self._call.open_microphone(listening.track_id, participant_id, since_ns=since_ns)
        self._wait_no_longer(sid)

    def _stop_listening(self, sid: str, reason: str = "unpublished") -> None:
        if (listening := self._listening.get(sid)) is None:
            return
        if self._is_followed.is_set():
            listening.ear.open()  # one that goes before it was heard was there
        del self._listening[sid]
        listening.ear.close()
        listening.task.cancel()
        self._call.close_microphone(listening.track_id, reason)


def reason_of(reason: "rtc.DisconnectReason.ValueType | None") -> str:
    """Return why somebody has gone: `left`, or LiveKit's own reason, such as `participant-removed`."""
    if reason is None or reason in (rtc.DisconnectReason.UNKNOWN_REASON, rtc.DisconnectReason.CLIENT_INITIATED):
        return "left"
    return rtc.DisconnectReason.Name(reason).lower().replace("_", "-")
