"""An opener that another door was playing when it died: what was heard of it is told here. Pure.

It is never continued: its moment has passed.
"""

from collections.abc import Sequence

from bridge.playback.commands import Command, Say
from bridge.playback.course import Count
from bridge.playback.opener_events import Heard, played
from bridge.playback.reply import Playing
from bridge.playback.reports import DEFAULT_RATE_HZ, HeldReply
from contracts import events as e


class LeftOpener:
    """The last opener of which the log does not say whether it was heard. Times are Unix epoch ns."""

    def __init__(self) -> None:
        self._cued: e.OpenerCued | None = None
        self._rate_hz = DEFAULT_RATE_HZ

    def follow(self, facts: Sequence[e.Event], playing: Playing | None, now_ns: int) -> list[Command]:
        """Take a session over from its facts; `playing` is what the other door has left, if it could tell."""
        told = {fact.reply_id for fact in facts if isinstance(fact, e.OpenerPlayed)}
        cued = (fact for fact in reversed(facts) if isinstance(fact, e.OpenerCued))
        self._cued = next((fact for fact in cued if fact.reply_id not in told), None)
        made = next((fact for fact in reversed(facts) if isinstance(fact, e.ClauseSynthesized)), None)
        self._rate_hz = made.sample_rate_hz if made is not None else DEFAULT_RATE_HZ
        if playing is None:
            return []
        return self._say(playing.reply_id, Heard(playing.played_samples, self._rate_hz, None, None), False, now_ns)

    def connect(self, held: Sequence[HeldReply], now_ns: int) -> list[Command]:
        """Append what a returning client reports of it."""
        out: list[Command] = []
        for each in held:
            started_ns = each.started_at(now_ns, self._rate_hz, self._cued.time_ns if self._cued is not None else 0)
            first = Count(0, started_ns) if started_ns is not None else None
            ended_ns = started_ns + each.samples * 1_000_000_000 // self._rate_hz if started_ns is not None else None
            out += self._say(each.reply_id, Heard(each.samples, self._rate_hz, first, ended_ns), each.ended, now_ns)
        return out

    def _say(self, reply_id: str, heard: Heard, to_its_end: bool, now_ns: int) -> list[Command]:
        cued = self._cued
        if cued is None or cued.reply_id != reply_id or not heard.samples:
            return []
        self._cued = None
        return [Say(played(cued, heard, not to_its_end, now_ns))]
