"""What is heard in a room: one stream of sound, in which the replies have to be found again. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infra.caller.echo import laid_out
from infra.caller.loudspeaker import EDGE_S, SILENCE_PEAK
from infra.caller.result import PlayedReply
from infra.caller.wav import Samples, Sound

PAUSE_S = 0.15
"""Silence between two stretches of sound; the space between words is shorter."""

EARLY_S = 0.25
"""A reply's sound may be heard this long before the fact of its beginning, which is stored before it is sent."""

LATE_S = 1.0
"""The sound of a finished reply may arrive this long after the fact of its end, on bad networks."""

SOUNDING_S = 0.3
"""Sound that stopped less than this ago may continue."""

LINE_S = 0.25
"""Frames form one line of sound; within this time, the frame that was delivered soonest determines its place.

After a longer hole a new line begins.
"""

INAUDIBLE_PEAK = 8
"""Frames this quiet are dropped: this is what remains of silence after coding."""


@dataclass(slots=True)
class Stretch:
    """Sound without a pause, from its first to its last sample that is not silent, in the caller's time."""

    start_s: float
    end_s: float


@dataclass(slots=True)
class Announced:
    """A reply that is played according to the log, from `at_s` on in the caller's time."""

    reply_id: str
    turn_id: str
    at_s: float
    over_s: float | None = None
    interrupted: bool = False


def onsets(replies: Sequence[Announced], heard: Sequence[Stretch]) -> list[float | None]:
    """Return for each reply when its first sound was heard, None if it never was.

    Each is the first stretch of sound since the reply was announced that belongs to no earlier reply; a reply that
    follows another without a pause was heard when it was announced.
    """
    found: list[float | None] = []
    taken_s = -np.inf
    for reply in replies:
        until_s = np.inf if reply.over_s is None else reply.over_s + LATE_S
        began = [one.start_s for one in heard if max(reply.at_s - EARLY_S, taken_s) < one.start_s <= until_s]
        going_on = [one for one in heard if one.start_s <= reply.at_s < one.end_s]
        onset = began[0] if began else reply.at_s if going_on else None
        found.append(onset)
        taken_s = onset if onset is not None else taken_s
    return found


class RoomEar:
    """Receives the agent's sound and the log's facts about replies; times are the caller's."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.replies: list[Announced] = []
        self.stretches: list[Stretch] = []
        self.heard_samples = 0
        self._now_s = 0.0
        self._line_samples = 0
        self._came: deque[tuple[float, float]] = deque()
        self._kept: list[tuple[float, Samples]] = []

    def hear(self, now_s: float, samples: Samples) -> None:
        """Accept a frame that has just arrived from the network; it is heard from now on."""
        at_s = self._place(now_s, len(samples))
        self._now_s = now_s
        loudness = np.abs(samples.astype(np.int32))
        if loudness.max(initial=0) > INAUDIBLE_PEAK:
            self._kept.append((at_s, samples))
        loud = np.flatnonzero(loudness > SILENCE_PEAK)
        if not len(loud):
            return
        self.heard_samples += len(samples)
        # By its arrival, not by the line: never before it was there.
        start_s, end_s = now_s + int(loud[0]) / self.rate_hz, now_s + (int(loud[-1]) + 1) / self.rate_hz
        if not self.stretches or start_s - self.stretches[-1].end_s > PAUSE_S:
            self.stretches.append(Stretch(start_s, end_s))
        self.stretches[-1].end_s = max(end_s, self.stretches[-1].end_s)

    def _place(self, now_s: float, count: int) -> float:
        """Return when a frame is heard: one after the other, and none later than it arrived; a busy machine is late."""
        if now_s - self._now_s > LINE_S:
            self._came.clear()
        line_s = self._line_samples / self.rate_hz
        self._line_samples += count
        self._came.append((now_s, now_s - line_s))
        while self._came[0][0] < now_s - LINE_S:
            self._came.popleft()
        return line_s + min(began_s for _, began_s in self._came)

    def announce(self, reply_id: str, turn_id: str, at_s: float) -> None:
        """Note that a reply is played; idempotent."""
        if all(reply.reply_id != reply_id for reply in self.replies):
            self.replies.append(Announced(reply_id, turn_id, at_s))

    def end(self, reply_id: str, at_s: float, interrupted: bool) -> None:
        """Note that a reply is over."""
        for reply in self.replies:
            if reply.reply_id == reply_id and reply.over_s is None:
                reply.over_s, reply.interrupted = at_s, interrupted

    def heard(self, begin_s: float, end_s: float) -> tuple[float, Samples, int]:
        """Return what was heard in an interval of the past: when it begins, its samples and their rate."""
        begin_s, end_s = begin_s - EDGE_S, end_s + EDGE_S
        pieces: list[tuple[float, Samples]] = []
        for at_s, samples in reversed(self._kept):
            if at_s + len(samples) / self.rate_hz <= begin_s:
                break
            pieces.append((at_s, samples))
        return begin_s, laid_out(pieces, begin_s, end_s, self.rate_hz), self.rate_hz

    @property
    def begun(self) -> bool:
        """Whether any reply has begun."""
        return bool(self.replies)

    @property
    def playing(self) -> bool:
        """Whether a reply is being played, or its sound is still on its way."""
        sounding = bool(self.stretches) and self._now_s - self.stretches[-1].end_s < SOUNDING_S
        return sounding or any(reply.over_s is None for reply in self.replies)

    def playing_ms(self) -> float:
        """Return for how long the current reply has been heard; 0 if there is none."""
        if not self.replies or self.replies[-1].over_s is not None:
            return 0
        onset = onsets(self.replies, self.stretches)[-1]
        return max(0.0, self._now_s - onset) * 1000 if onset is not None else 0

    def heard_replies(self) -> list[PlayedReply]:
        """Return the replies as they were heard."""
        found = onsets(self.replies, self.stretches)
        heard = []
        for number, (reply, onset) in enumerate(zip(self.replies, found, strict=True)):
            until_s = next((later for later in found[number + 1 :] if later is not None), np.inf)
            ends = [one.end_s for one in self.stretches if onset is not None and onset <= one.start_s < until_s]
            samples = round((ends[-1] - onset) * self.rate_hz) if ends and onset is not None else 0
            started_s = round(onset, 4) if onset is not None else None
            heard.append(PlayedReply(reply.reply_id, reply.turn_id, started_s, samples, reply.interrupted))
        return heard

    def answer(self, seconds: float) -> Sound:
        """Return everything heard until `seconds`, each piece at its time."""
        line: Samples = np.zeros(max(0, round(seconds * self.rate_hz)), np.int16)
        for at_s, samples in self._kept:
            at = max(0, round(at_s * self.rate_hz))
            piece = samples[: max(0, len(line) - at)]
            line[at : at + len(piece)] = piece
        return Sound(line, self.rate_hz)
