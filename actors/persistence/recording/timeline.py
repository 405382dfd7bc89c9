"""A session's sound on one timeline: people on the left, the agent as it was heard on the right. Pure.

Positions are samples at 48 kHz since SessionOpened, unless said otherwise.
"""

from collections import deque
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from actors.persistence.recording.agent_sound import RecordedReply, at_48k, heard, next_heard, stretches_of
from actors.persistence.recording.people_sound import TrackPlacing, mixed, sample_at
from contracts import events as e
from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame, OutFrame
from infra.session.heard_times import HeardTimes
from infra.session.opus import RATE_HZ

Samples = npt.NDArray[np.int16]

_UP = RATE_HZ // IN_SAMPLE_RATE_HZ
_MARGIN = 800
"""Samples at 16 kHz around a piece that the resampler is given, so that pieces join as if they had been one."""

MOST_UNHEARD = 16
"""Replies that are kept without having begun to be heard."""

MOST_DISCARDED = 64
"""Discarded replies whose last frames may still come."""


class Timeline:
    """What is known of a session's sound; facts and frames in, stereo pieces out."""

    def __init__(self, opened: e.SessionOpened) -> None:
        self.opened = opened
        self.start_ns = opened.time_ns
        self.closed: e.SessionClosed | None = None
        self.stored: e.RecordingStored | None = None
        self.erased = False
        self.speech_ended_ns = 0
        """When somebody stopped speaking last and was not answered yet: the moment not to be in the way."""
        self._tracks: dict[str, TrackPlacing] = {}
        self._open_tracks: set[str] = set()
        self._away_ns = self.start_ns
        self._known_offsets: dict[str, int] = {}
        self._written_to = 0
        self._told_lost_ms = 0.0
        self._sounds: dict[str, RecordedReply] = {}
        self._begun_ns: dict[str, int] = {}
        self._discarded: deque[str] = deque(maxlen=MOST_DISCARDED)
        self._heard = HeardTimes()

    def resume(self, position: int, track_samples: Mapping[str, int]) -> None:
        """Begin behind what is written up to `position`, with tracks whose sample 0 lies there, at 16 kHz."""
        self._written_to, self._known_offsets = position, dict(track_samples)

    # -- facts and frames in

    def apply(self, event: e.Event) -> None:
        """Take a fact of the session."""
        self._heard.apply(event)
        match event:
            case e.SessionClosed():
                self.closed = event
            case e.RecordingStored():
                self.stored = event
            case e.SessionErased():
                self.erased = True
            case e.TrackPublished():
                self._open_tracks.add(event.track_id)
                self._track(event.track_id).earliest = sample_at(event.time_ns, self.start_ns)
            case e.TrackUnpublished():
                self._open_tracks.discard(event.track_id)
                self._away_ns = event.time_ns
            case e.SpeechEnded():
                self.speech_ended_ns = event.time_ns
            case e.SoundLost(reason="log-away"):
                self._told_lost_ms += event.lost_ms
            case _:
                self._apply_reply(event)

    def _apply_reply(self, event: e.Event) -> None:
        match event:
            case e.PlaybackStarted():
                self.speech_ended_ns = 0
            case e.ReplyStarted() | e.OpenerCued():
                self._begun_ns[event.reply_id] = event.time_ns
            case e.ReplyDiscarded():
                self._discarded.append(event.reply_id)
                self._drop(event.reply_id)
            case e.ClauseSynthesized() if event.reply_id in self._sounds:
                self._sounds[event.reply_id].learn(event)

    def add_in(self, frame: InFrame) -> None:
        """Take a frame of a microphone."""
        self._track(frame.track_id).add(frame, sample_at(frame.received_ns, self.start_ns))

    def add_out(self, frame: OutFrame) -> None:
        """Take a frame of the agent's sound; it may be heard later, or never."""
        sound = self._sounds.get(frame.reply_id)
        if sound is None:
            if frame.reply_id in self._discarded:
                return
            sound = self._sounds[frame.reply_id] = RecordedReply(frame.reply_id)
            unheard = [reply_id for reply_id in self._sounds if reply_id not in self._heard.replies]
            for reply_id in unheard[:-MOST_UNHEARD]:
                self._drop(reply_id)
        sound.add(frame)

    def place(self, now_ns: int, all_of_it: bool = False) -> None:
        """Place the sound of people that has come up to now."""
        for track in self._tracks.values():
            track.place(sample_at(now_ns, self.start_ns), all_of_it)

    def _track(self, track_id: str) -> TrackPlacing:
        if track_id not in self._tracks:
            self._tracks[track_id] = TrackPlacing(0, self._known_offsets.get(track_id), self._written_to // _UP)
        return self._tracks[track_id]

    def _drop(self, reply_id: str) -> None:
        self._sounds.pop(reply_id, None)
        self._begun_ns.pop(reply_id, None)

    # -- what is known

    def at(self, time_ns: int) -> int:
        """Return the position of a time."""
        return (time_ns - self.start_ns) * RATE_HZ // 1_000_000_000

    @property
    def missing_ms(self) -> float:
        """How much of people's sound should have come and did not, apart from what SoundLost says."""
        missing = sum(track.missing for track in self._tracks.values())
        return round(max(0.0, missing * 1000 / IN_SAMPLE_RATE_HZ - self._told_lost_ms), 1)

    @property
    def track_samples(self) -> dict[str, int]:
        """Where sample 0 of each track lies, counted at 16 kHz."""
        placed = {name: track.offset for name, track in self._tracks.items() if track.offset is not None}
        return self._known_offsets | placed

    def next_sound(self, after: int) -> int | None:
        """Return from where on, at or after `after`, there is sound, or None."""
        first = next_heard(self._sounds, self._heard.replies.values(), self.start_ns, after)
        for track in self._tracks.values():
            placed = next((each for each in track.sound if each.end * _UP > after), None)
            if placed is not None:
                begin = max(after, placed.position * _UP)
                first = begin if first is None else min(first, begin)
        return first

    def people_end(self) -> int:
        """Return the position behind the last sound of people that is held here."""
        return max((track.sound[-1].end * _UP for track in self._tracks.values() if track.sound), default=0)

    def heard_end(self) -> int:
        """Return the position behind the last sound of the agent that was heard and is held here."""
        replies = [self._heard.replies[reply_id] for reply_id in self._sounds if reply_id in self._heard.replies]
        ends = [end for each in replies for _, end in stretches_of(self._sounds[each.reply_id], each, self.start_ns)]
        return max(ends, default=0)

    def doubtful_from(self) -> int | None:
        """Return from where on it is not known yet what was heard of the agent: nobody tells, or its sound is not here.

        A client that vanished is known by its closed microphone at once, but by its count much later.
        """
        doubtful: list[int] = []
        for reply in self._heard.replies.values():
            if reply.doubtful_ns is not None:
                doubtful.append(self.at(reply.doubtful_ns))
            since_ns = reply.playing_since_ns
            if since_ns is None:
                continue
            if not self._open_tracks:
                doubtful.append(self.at(max(since_ns, self._away_ns)))
            sound = self._sounds.get(reply.reply_id)
            stretches = stretches_of(sound, reply, self.start_ns) if sound is not None else []
            doubtful += [end for _, end in stretches[-1:]]
        return min(doubtful, default=None)

    def needed_since_ns(self, position: int) -> int:
        """Return since when frames are needed to make the sound from `position` on."""
        since_ns = earliest_ns = self.start_ns + position * 1_000_000_000 // RATE_HZ
        for reply_id, begun_ns in self._begun_ns.items():
            reply = self._heard.replies.get(reply_id)
            if reply is None or reply.over_ns is None or reply.over_ns > since_ns:
                earliest_ns = min(earliest_ns, begun_ns)
        return earliest_ns

    # -- sound out

    def piece(self, start: int, end: int) -> Samples:
        """Return the stereo sound over `[start, end)`, multiples of 3, as `[end - start, 2]`."""
        people = mixed(self._tracks.values(), start // _UP - _MARGIN, end // _UP + _MARGIN)
        left = _clipped(at_48k(people, IN_SAMPLE_RATE_HZ) if people.any() else np.repeat(people, _UP))
        right = heard(self._sounds, self._heard.replies.values(), self.start_ns, start, end)
        return np.stack((left[_MARGIN * _UP : _MARGIN * _UP + end - start], _clipped(right)), axis=1)

    def forget(self, before: int) -> None:
        """Drop sound that lies before this position."""
        for track in self._tracks.values():
            track.forget(before // _UP - _MARGIN)
        for reply in list(self._heard.replies.values()):
            sound = self._sounds.get(reply.reply_id)
            if reply.over_ns is not None and (
                sound is None or all(end < before for _, end in stretches_of(sound, reply, self.start_ns))
            ):
                del self._heard.replies[reply.reply_id]
                self._drop(reply.reply_id)
        for sound in self._sounds.values():
            sound.forget_joined()


def _clipped(mix: npt.NDArray[np.int32]) -> Samples:
    return np.clip(mix, -32_768, 32_767).astype(np.int16)
