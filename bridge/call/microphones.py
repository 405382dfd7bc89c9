"""The open microphones of one session: their sound goes to the bus, and closing one says how much there was."""

from dataclasses import dataclass

from nats.aio.client import Client

from bridge.call.microphone import MicrophoneTrack
from bridge.call.session_events import sound_lost, unpublished
from bridge.call.uplink import Uplink
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ
from contracts.topology import audio_in_subject
from infra.log.event_log import now_ns


@dataclass(frozen=True, slots=True)
class _Open:
    participant_id: str
    microphone: MicrophoneTrack


class Microphones:
    """Each participant has a subject of their own; their tracks follow one another on it."""

    def __init__(self, nc: Client, session_id: str) -> None:
        self._nc = nc
        self._session_id = session_id
        self._open: dict[str, _Open] = {}
        self._uplinks: dict[str, Uplink] = {}
        self._held = False

    def open(self, track_id: str, participant_id: str, sample_rate_hz: int, frame_ms: int) -> None:
        """Open a microphone whose TrackPublished has been said."""
        self._open[track_id] = _Open(participant_id, MicrophoneTrack(track_id, sample_rate_hz, frame_ms))
        if participant_id not in self._uplinks:
            subject = audio_in_subject(self._session_id, participant_id)
            uplink = self._uplinks[participant_id] = Uplink(self._nc, subject)
            if self._held:
                uplink.hold()

    async def sound(self, track_id: str, pcm: bytes) -> None:
        """Take sound of a microphone (int16 little endian, mono, at its rate); of a closed one it is dropped."""
        track = self._open.get(track_id)
        if track is None:
            return
        for frame in track.microphone.push(pcm, now_ns()):
            await self._uplinks[track.participant_id].send(frame)

    def close(self, track_id: str, reason: str) -> list[e.TrackUnpublished]:
        """Close a microphone; return what is to be said, nothing if it is closed already."""
        track = self._open.pop(track_id, None)
        if track is None:
            return []
        samples = track.microphone.samples
        return [unpublished(self._session_id, track_id, track.participant_id, samples, reason, now_ns())]

    def close_all(self, reason: str, participant_id: str = "") -> list[e.TrackUnpublished]:
        """Close the microphones of a participant, or of everybody; return what is to be said."""
        theirs = [track_id for track_id, track in self._open.items() if participant_id in ("", track.participant_id)]
        return [event for track_id in theirs for event in self.close(track_id, reason)]

    @property
    def are_keeping(self) -> bool:
        """Whether sound waits for the log."""
        return any(uplink.is_keeping for uplink in self._uplinks.values())

    def hold(self) -> None:
        """Keep the sound that comes: the log is away."""
        self._held = True
        for uplink in self._uplinks.values():
            uplink.hold()

    def arrived(self) -> None:
        """Take note that the log answers, see `Uplink.arrived`."""
        for uplink in self._uplinks.values():
            uplink.arrived()

    async def release(self) -> list[e.SoundLost]:
        """Publish the sound that was kept while the log was away; return what is to be said of the rest."""
        self._held = False
        events = []
        for participant_id, uplink in list(self._uplinks.items()):
            for track_id, start, end in await uplink.release():
                lost_ms = (end - start) * 1000 / IN_SAMPLE_RATE_HZ
                events.append(
                    sound_lost(self._session_id, track_id, participant_id, (start, end), lost_ms, "log-away", now_ns())
                )
        return events

    def leave_out(self, track_id: str, lost_ms: float) -> list[e.SoundLost]:
        """Return what is to be said of sound that was not taken from a client: it came faster than any is made."""
        track = self._open.get(track_id)
        if track is None or lost_ms <= 0:
            return []
        at = track.microphone.samples
        return [sound_lost(self._session_id, track_id, track.participant_id, (at, at), lost_ms, "flood", now_ns())]
