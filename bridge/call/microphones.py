"""The open microphones of one session: any rate in, frames at 16 kHz with exact positions out to the bus."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import soxr
from nats.aio.client import Client

from bridge.call.session_events import sound_lost, unpublished
from bridge.call.sound_publisher import SoundPublisher
from contracts import events as e
from contracts.audio import FRAME_MS, IN_SAMPLE_RATE_HZ, InFrame
from contracts.topology import audio_in_subject
from infra.log.event_log import now_ns
from infra.session.quiet import Quiet


class MicrophoneTrack:
    """Cuts one track into frames of 20 ms; `received_ns` is when the client's chunk with its last sample came.

    Where it has been quiet for long, five of them are one, as long as that goes on: the first sound that is louder
    goes at once, with what is before it. Resampling delays the sound by some 15 ms (48 kHz) but not its times: they are
    counted in the client's samples.
    """

    def __init__(self, track_id: str, sample_rate_hz: int) -> None:
        self.track_id = track_id
        self._frame_samples = IN_SAMPLE_RATE_HZ * FRAME_MS // 1000
        self._rate_hz = sample_rate_hz
        self._resampler: soxr.ResampleStream | None = None
        if sample_rate_hz != IN_SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(sample_rate_hz, IN_SAMPLE_RATE_HZ, 1, dtype="int16", quality="MQ")
        self._rest = bytearray()
        self._held = 0
        """How many frames at the beginning of the rest are quiet, and wait to be joined."""
        self.quiet = Quiet()
        self._taken = 0
        self._received: deque[tuple[int, int]] = deque()
        self.samples = 0
        """Length of the track so far: samples at 16 kHz in whole frames."""

    def push(self, pcm: bytes, received_ns: int) -> list[InFrame]:
        """Return the frames that `pcm` (int16 little endian, mono, at the client's rate) completes."""
        self._taken += len(pcm) // 2
        self._received.append((self._taken, received_ns))
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2")).astype("<i2").tobytes()
        self._rest += pcm
        frames, size = [], self._frame_samples * 2
        while len(self._rest) >= (self._held + 1) * size:
            self._held += 1
            if not self.quiet.waits(self._rest[(self._held - 1) * size : self._held * size], self._held):
                frames.append(self._cut_held())
        if self._held and len(pcm) >= 2 * size:  # the client has joined them, and no more come soon
            frames.append(self._cut_held())
        return frames

    def _cut_held(self) -> InFrame:
        held, self._held = self._held, 0
        return self._cut(held * self._frame_samples * 2)

    def _cut(self, size: int) -> InFrame:
        data = bytes(self._rest[:size])
        del self._rest[:size]
        first = self.samples
        self.samples += size // 2
        return InFrame(self.track_id, first, self._received_at(self.samples), data)

    def _received_at(self, end_sample: int) -> int:
        wanted = end_sample * self._rate_hz / IN_SAMPLE_RATE_HZ
        while len(self._received) > 1 and self._received[0][0] < wanted:
            self._received.popleft()
        return self._received[0][1]


@dataclass(frozen=True, slots=True)
class _Open:
    participant_id: str
    microphone: MicrophoneTrack


class Microphones:
    """Each participant has a subject of their own, on which their tracks follow one another."""

    def __init__(self, nc: Client, session_id: str) -> None:
        self._nc = nc
        self._session_id = session_id
        self._open: dict[str, _Open] = {}
        self._publishers: dict[str, SoundPublisher] = {}
        self._held = False

    def open(self, track_id: str, participant_id: str, sample_rate_hz: int) -> None:
        """Open a microphone whose TrackPublished has been appended."""
        self._open[track_id] = _Open(participant_id, MicrophoneTrack(track_id, sample_rate_hz))
        if participant_id not in self._publishers:
            subject = audio_in_subject(self._session_id, participant_id)
            publisher = self._publishers[participant_id] = SoundPublisher(self._nc, subject)
            if self._held:
                publisher.hold()

    async def sound(self, track_id: str, pcm: bytes, received_ns: int) -> None:
        """Process sound of a microphone (int16 little endian, mono, at its rate) that came in at `received_ns`.

        Sound of a closed one is dropped.
        """
        track = self._open.get(track_id)
        if track is None:
            return
        if frames := track.microphone.push(pcm, received_ns):
            await self._publishers[track.participant_id].send(*frames)

    def apply(self, event: e.Event) -> None:
        """Apply a fact of the session: whose silence may end a turn."""
        if isinstance(event, e.SpeechStarted) or (isinstance(event, e.TurnEnded) and event.source == "speech"):
            for track in self._open.values():
                if track.participant_id == event.participant_id:
                    track.microphone.quiet.may_end_turn = isinstance(event, e.SpeechStarted)

    def close(self, track_id: str, reason: str) -> list[e.TrackUnpublished]:
        """Close a microphone; return the event to append, none if it is closed already."""
        track = self._open.pop(track_id, None)
        if track is None:
            return []
        samples = track.microphone.samples
        return [unpublished(self._session_id, track_id, track.participant_id, samples, reason, now_ns())]

    def close_all(self, reason: str, participant_id: str = "") -> list[e.TrackUnpublished]:
        """Close the microphones of a participant, or of everybody; return the events to append."""
        theirs = [track_id for track_id, track in self._open.items() if participant_id in ("", track.participant_id)]
        return [event for track_id in theirs for event in self.close(track_id, reason)]

    async def end(self) -> None:
        """Return when the sound of all microphones has left, after the last has been closed."""
        for publisher in self._publishers.values():
            await publisher.end()

    @property
    def are_keeping(self) -> bool:
        """Whether sound waits for the log."""
        return any(publisher.is_keeping for publisher in self._publishers.values())

    def hold(self) -> None:
        """Keep incoming sound: the log is away."""
        self._held = True
        for publisher in self._publishers.values():
            publisher.hold()

    def arrived(self) -> None:
        """Note that the log answers: see `SoundPublisher.arrived`."""
        for publisher in self._publishers.values():
            publisher.arrived()

    async def release(self) -> list[e.SoundLost]:
        """Publish the sound that was kept while the log was away; return the events about what is lost."""
        self._held = False
        events = []
        for participant_id, publisher in list(self._publishers.items()):
            for track_id, start, end in await publisher.release():
                lost_ms = (end - start) * 1000 / IN_SAMPLE_RATE_HZ
                events.append(
                    sound_lost(self._session_id, track_id, participant_id, (start, end), lost_ms, "log-away", now_ns())
                )
        return events

    def leave_out(self, track_id: str, lost_ms: float) -> list[e.SoundLost]:
        """Return the events about sound that was refused from a client because it arrived faster than real time."""
        track = self._open.get(track_id)
        if track is None or lost_ms <= 0:
            return []
        at = track.microphone.samples
        return [sound_lost(self._session_id, track_id, track.participant_id, (at, at), lost_ms, "flood", now_ns())]
