"""What a client that reports nothing must have heard: its sound is assumed to be played as it was sent. Pure."""

from bridge.playback.course import Count
from bridge.playback.reply import Phase, ReplyPlayback

PATIENCE_NS = 2_000_000_000
"""How long a client may take for its first count before it is assumed to report none."""


def unreported(reply: ReplyPlayback, now_ns: int, patience_ns: int) -> Count | None:
    """Return the count that a client which plays what it gets would report now; None if none is due."""
    course = reply.course
    if reply.phase is not Phase.PLAYING or course is None or reply.sent_samples <= reply.resumed_at:
        return None
    if not course.begun:
        if now_ns - reply.begun_ns < patience_ns:
            return None
        return Count(reply.resumed_at, reply.begun_ns, exact=True)
    stalled_at = course.stalled_at
    if stalled_at is not None:
        is_fed = reply.sent_samples > stalled_at
        return Count(stalled_at, course.last_sent_ns, exact=True, resumed=True) if is_fed else None
    if course.late is not None:
        samples, sent_ns = course.late
        return Count(samples, sent_ns, exact=True, resumed=True)
    played = course.samples_at(now_ns, reply.sent_samples)
    return Count(played, now_ns, exact=True) if played is not None else None
