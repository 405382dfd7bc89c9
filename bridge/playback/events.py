"""The facts of playback: what was begun, paused and heard, from a reply's state.

Their ids follow from the session, the reply and (for pauses) the speech that caused it, so each is stored once.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar

from bridge.playback.course import Change, Count, PlaybackStopped
from bridge.playback.reply import Hold, ReplyPlayback
from contracts import events as e
from contracts.answers import Cause, answer
from infra.session.response_gap import breakdown, reply_milestones

About = TypeVar("About", bound=e.Event)


class PlaybackFacts:
    """Creates the facts of one session's playback. Times are Unix epoch ns."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    def started(
        self, reply: ReplyPlayback, turn: Iterable[e.Event], count: Count, now_ns: int, estimated: bool
    ) -> e.PlaybackStarted:
        """Return the event that the first sound was heard, with the gap and its parts from the turn's facts."""
        gap: dict[str, Any] = {}
        milestones = reply_milestones(turn, reply.reply_id, count.at_ns)
        first = reply.clauses.get(0)
        frame_ns = first.first_frame_ns if first else 0
        at_door_ns = max(frame_ns, reply.leave_ns) if frame_ns else None
        if milestones is not None:
            milestones = dataclasses.replace(
                milestones,
                first_chunk_ns=milestones.first_chunk_ns or frame_ns or None,
                sound_at_door_ns=frame_ns or None,
                leave_at_door_ns=reply.leave_ns or None,
                at_door_ns=max(frame_ns, reply.leave_ns),
            )
            found = breakdown(milestones)
            gap = {
                "gap_ms": max(0.0, found.gap_ms),  # the end of speech may have been timed by another door's clock
                "parts": found.parts,
                "waited_for": found.waited_for,
                "ready_before_ms": found.ready_before_ms,
                "beside": found.beside,
            }
        return self._about(
            reply,
            e.PlaybackStarted,
            now_ns,
            reply.cause_id,
            played_samples=count.samples,
            heard_ns=count.at_ns if count.exact else None,
            estimated=estimated,
            at_door_ns=at_door_ns,
            **gap,
        )

    def changed(self, reply: ReplyPlayback, change: Change, now_ns: int) -> e.PlaybackStalled | e.PlaybackResumed:
        """Return the event that playback stalled, or continued, on its own."""
        fields: dict[str, Any] = {"per": f"{change.samples}:{change.at_ns}", "played_samples": change.samples}
        if isinstance(change, PlaybackStopped):
            fields |= {"cause": change.cause, "heard_ns": change.at_ns if change.cause != "door" else None}
            return self._about(reply, e.PlaybackStalled, now_ns, reply.cause_id, **fields)
        fields |= {"heard_ns": change.at_ns, "paused_ms": max(0, change.at_ns - change.stopped_ns) / 1e6}
        return self._about(reply, e.PlaybackResumed, now_ns, reply.cause_id, **fields)

    def paused(self, reply: ReplyPlayback, pause: Hold, now_ns: int) -> e.PlaybackPaused:
        """Return the event that playback was paused."""
        fields: dict[str, Any] = {
            "per": pause.cause_id,
            "played_samples": reply.played_samples,
            "cause": pause.cause_id,
        }
        return self._about(reply, e.PlaybackPaused, now_ns, pause.cause_id, **fields)

    def resumed(self, reply: ReplyPlayback, pause: Hold, cause_id: str, now_ns: int) -> e.PlaybackResumed:
        """Return the event that playback was resumed."""
        paused_ms = max(0, now_ns - pause.begun_ns) / 1e6
        fields: dict[str, Any] = {"per": pause.cause_id, "played_samples": reply.played_samples, "paused_ms": paused_ms}
        return self._about(reply, e.PlaybackResumed, now_ns, cause_id, **fields)

    def interrupted(self, reply: ReplyPlayback, stop: Hold, played_samples: int, now_ns: int) -> e.PlaybackInterrupted:
        """Return the event with what was heard of a reply that was cut off."""
        heard = reply.heard(played_samples)
        return self._about(
            reply,
            e.PlaybackInterrupted,
            now_ns,
            stop.cause_id or reply.cause_id,
            heard_text=heard.text,
            played_samples=played_samples,
            clause_index=heard.clause_index,
            reason=stop.reason,
        )

    def finished(self, reply: ReplyPlayback, now_ns: int, heard_ns: int | None = None) -> e.PlaybackFinished:
        """Return the event that all of it was heard."""
        return self._about(
            reply,
            e.PlaybackFinished,
            now_ns,
            reply.cause_id,
            heard_text=reply.heard_to_its_end(),
            played_samples=reply.sent_samples,
            heard_ns=heard_ns,
        )

    def _about(
        self,
        reply: ReplyPlayback,
        event_class: type[About],
        now_ns: int,
        cause_id: str,
        /,
        per: str = "",
        **fields: Any,
    ) -> About:
        """Return an event of a reply: one of its class for each reply, or for each reply and `per`."""
        cause = Cause(self._session_id, cause_id or None, reply.turn_id)
        id_from = f"{self._session_id}:{reply.reply_id}:{per}"
        if "counted" in event_class.model_fields:
            fields["counted"] = reply.is_counted
        return answer(cause, event_class, time_ns=now_ns, id_from=id_from, reply_id=reply.reply_id, **fields)
