"""What is asked of synthesis for an opener, and what is stored of it. Pure."""

from dataclasses import dataclass

from bridge.playback.course import Count
from contracts import events as e
from contracts.answers import answer


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of an opener was heard, and when. Times are Unix epoch ns, None if they are not known."""

    samples: int
    rate_hz: int
    first: Count | None
    """The client's count at its first sound."""
    ended_ns: int | None


def sound_request(cued: e.OpenerCued) -> e.ReplyClauseWritten:
    """Return what synthesis is asked for: the opener as a clause, which is stored nowhere."""
    return answer(cued, e.ReplyClauseWritten, time_ns=cued.time_ns, reply_id=cued.reply_id, index=0, text=cued.text)


def played(cued: e.OpenerCued, heard: Heard, retracted: bool, now_ns: int) -> e.OpenerPlayed:
    """Return the event that an opener was heard, to its end or in part. Its id is the same at every door."""
    first = heard.first
    return answer(
        cued,
        e.OpenerPlayed,
        time_ns=now_ns,
        reply_id=cued.reply_id,
        text=cued.text,
        played_samples=heard.samples,
        sample_rate_hz=heard.rate_hz,
        retracted=retracted,
        gap_ms=None if first is None else (first.at_ns - cued.speech_ended_ns) / 1e6,
        started_ns=None if first is None else first.at_ns,
        started_samples=0 if first is None else first.samples,
        ended_ns=heard.ended_ns,
    )
