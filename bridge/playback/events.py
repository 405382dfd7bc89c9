"""The facts of playback: what was begun, paused and heard, made from a reply's state.

Their ids follow from the session, the reply and (for pauses) the speech that caused it, so each is stored once.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

from bridge.playback.course import Change, Count, PlaybackStopped
from bridge.playback.reply import Hold, ReplyPlayback
from bridge.playback.response_gap import breakdown, reply_milestones
from contracts import events as e
from contracts.ids import derive_id


class PlaybackFacts:
    """Makes the facts of one session's playback. Times are Unix epoch ns."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    def started(
        self, reply: ReplyPlayback, turn: Iterable[e.Event], count: Count, now_ns: int, estimated: bool
    ) -> e.PlaybackStarted:
        """Return that the first sound was heard, with the gap and its parts from the turn's facts."""
        gap_ms, parts = None, None
        milestones = reply_milestones(turn, reply.reply_id, count.at_ns)
        if milestones is not None:
            first = reply.clauses.get(0)
            frame_ns = first.first_frame_ns if first else 0
            milestones = dataclasses.replace(
                milestones,
                first_chunk_ns=milestones.first_chunk_ns or frame_ns or None,
                at_door_ns=max(frame_ns, reply.leave_ns),
            )
            gap_ms, parts = breakdown(milestones)
            gap_ms = max(0.0, gap_ms)  # the end of speech may be of another door, whose clock was another
        fields = self._fields("PlaybackStarted", reply, now_ns, reply.cause_id)
        return e.PlaybackStarted(
            **fields,
            gap_ms=gap_ms,
            parts=parts,
            played_samples=count.samples,
            heard_ns=count.at_ns if count.exact else None,
            estimated=estimated,
        )

    def changed(self, reply: ReplyPlayback, change: Change, now_ns: int) -> e.PlaybackStalled | e.PlaybackResumed:
        """Return that playback stands still, or goes on, of itself."""
        name = "PlaybackStalled" if isinstance(change, PlaybackStopped) else "PlaybackResumed"
        fields = self._fields(name, reply, now_ns, reply.cause_id, f"{change.samples}:{change.at_ns}")
        fields["played_samples"] = change.samples
        if isinstance(change, PlaybackStopped):
            heard_ns = change.at_ns if change.cause != "door" else None
            return e.PlaybackStalled(**fields, cause=change.cause, heard_ns=heard_ns)
        return e.PlaybackResumed(
            **fields, heard_ns=change.at_ns, paused_ms=max(0, change.at_ns - change.stopped_ns) / 1e6
        )

    def paused(self, reply: ReplyPlayback, pause: Hold, now_ns: int) -> e.PlaybackPaused:
        """Return that playback holds still."""
        fields = self._fields("PlaybackPaused", reply, now_ns, pause.cause_id, pause.cause_id)
        return e.PlaybackPaused(**fields, played_samples=reply.played_samples, cause=pause.cause_id)

    def resumed(self, reply: ReplyPlayback, pause: Hold, cause_id: str, now_ns: int) -> e.PlaybackResumed:
        """Return that playback went on."""
        fields = self._fields("PlaybackResumed", reply, now_ns, cause_id, pause.cause_id)
        paused_ms = max(0, now_ns - pause.begun_ns) / 1e6
        return e.PlaybackResumed(**fields, played_samples=reply.played_samples, paused_ms=paused_ms)

    def interrupted(self, reply: ReplyPlayback, stop: Hold, played_samples: int, now_ns: int) -> e.PlaybackInterrupted:
        """Return what was heard of a reply that was cut off."""
        heard = reply.heard(played_samples)
        return e.PlaybackInterrupted(
            **self._fields("PlaybackInterrupted", reply, now_ns, stop.cause_id or reply.cause_id),
            heard_text=heard.text,
            played_samples=played_samples,
            clause_index=heard.clause_index,
            reason=stop.reason,
        )

    def finished(self, reply: ReplyPlayback, now_ns: int, heard_ns: int | None = None) -> e.PlaybackFinished:
        """Return that all of it was heard."""
        fields = self._fields("PlaybackFinished", reply, now_ns, reply.cause_id)
        heard_text = reply.heard_to_its_end()
        played_samples = reply.sent_samples
        return e.PlaybackFinished(**fields, heard_text=heard_text, played_samples=played_samples, heard_ns=heard_ns)

    def _fields(self, name: str, reply: ReplyPlayback, now_ns: int, cause_id: str, per: str = "") -> dict[str, Any]:
        return {
            "event_id": derive_id(f"{self._session_id}:{reply.reply_id}:{per}", name),
            "session_id": self._session_id,
            "time_ns": now_ns,
            "cause_id": cause_id or None,
            "turn_id": reply.turn_id,
            "reply_id": reply.reply_id,
        }
