"""What playback takes in, as it is on the tape: the kinds of deliveries, and payloads of a few bytes. Pure.

Frames and counts come ten times a second and more. Most follow the one before in the same reply, so their payloads say
only what is new; `unpack` after `unpack` gives back what was packed, in the same order. There is no PCM on a tape:
playback decides on lengths only, so a frame comes back with as many silent samples.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from bridge.call.client_clock import Seen
from bridge.playback.reports import HeldReply, Played
from contracts.audio import OutFrame
from infra.tape.tape import Plain

PAST, LEFT = "past", "left"
"""The stored facts up to a sequence, with which a door begins; before it, what the door before was playing, if known:
its reply's id and the samples played."""

FACT = "fact"
ATTACHED, DETACHED, CLOSED, BROKEN = "attached", "detached", "closed", "broken"
"""A client comes (`pack_attached`), or goes; the session ends here (the reason); from here on no fact is stored, as the
log has not stored one in time (the reason)."""

FRAME, MORE, REPORT, TYPED, TICK = "frame", "more", "report", "typed", "tick"
"""A frame of the agent's sound, and one that follows it (`FramePacking`); a count of the client (`ReportPacking`); a
typed turn (participant, text, its sender's name for it, the id of the message); the clock (whether lost sound may be
asked for)."""

SOUND_AGAIN = "sound-again"
"""A request for a clause's sound: its answer is the cost and the time (ns)."""

_SILENCE = bytes(64_000)

_TENTH_NS = 100_000

_MOST_TENTHS = 2**50
"""A client's clock beyond this (thousands of years) is none; below it, tenths are exact as a float of ms."""

_STARTED, _ENDED, _STALLED, _RESUMED = 1, 2, 4, 8


class FramePacking:
    """Frames, without their sound.

    Of one that follows the one before it in its clause there is the number of samples (`MORE`); if it is the clause's
    last one, the distances of the words' ends too; of others all fields.
    """

    def __init__(self) -> None:
        self._before = ("", -1, 0, 0)
        """Reply, clause, end in samples, and rate of the frame before."""

    def pack(self, frame: OutFrame) -> tuple[str, Plain]:
        """Return the kind and payload of the next frame."""
        samples, words = len(frame.pcm) // 2, _steps(frame.word_end_samples)
        follows = self._before == (frame.reply_id, frame.index, frame.first_sample, frame.sample_rate_hz)
        is_same_reply = self._before[0] == frame.reply_id
        self._note(frame, samples)
        if follows and frame.last:
            return FRAME, [samples, words]
        if follows and not words:
            return MORE, samples
        reply_id = 0 if is_same_reply else frame.reply_id
        place = [reply_id, frame.index, frame.first_sample, frame.sample_rate_hz, samples]
        return FRAME, [*place, frame.last, words] if words or frame.last else place

    def unpack(self, payload: Plain) -> OutFrame:
        """Return the frame of the next payload; its sound is silence."""
        reply_id, index, first_sample, rate_hz = self._before
        last, words = False, ()
        match payload:
            case int(samples):
                pass
            case [samples, words]:
                last = True
            case [named, index, first_sample, rate_hz, samples, *more]:
                reply_id = named or reply_id
                last, words = more or (False, ())
            case _:
                raise ValueError(f"not a frame on a tape: {payload!r}")
        frame = OutFrame(reply_id, index, first_sample, rate_hz, _silence(samples), last, tuple(accumulate(words)))
        self._note(frame, samples)
        return frame

    def _note(self, frame: OutFrame, samples: int) -> None:
        self._before = (frame.reply_id, frame.index, frame.first_sample + samples, frame.sample_rate_hz)


class ReportPacking:
    """A client's counts, with times in whole tenths of a millisecond of its clock.

    `[samples since the count before, how much later than that one it came than it was sent, how long before it was sent
    it was true, flags]`; times that are not known and flags of zero are left out. The first of a reply has its id and
    no differences. `came_ns` is when a count arrived, which a replay knows from the tape.
    """

    def __init__(self) -> None:
        self._before = ("", 0, 0)
        """Of the count before: reply, samples, and the client's clock less ours."""

    def pack(self, report: Played, came_ns: int) -> Plain:
        """Return the payload of the next count, which is as it is decided on (`as_decided`)."""
        reply_id, samples, ahead = self._before
        flags, came = _flags_of(report), came_ns // _TENTH_NS
        sent, at = _tenths(report.clock_ms), _tenths(report.at_ms)
        self._before = (report.reply_id, report.samples, ahead if sent is None else sent - came)
        if report.reply_id != reply_id:
            return [report.reply_id, report.samples, flags, at, sent]
        step = [report.samples - samples]
        if sent is not None and at is not None:
            step += [sent - came - ahead, sent - at]
        return [*step, flags] if flags else step

    def unpack(self, payload: Plain, came_ns: int) -> Played:
        """Return the count of the next payload."""
        reply_id, samples, ahead = self._before
        flags, at, sent, came = 0, None, None, came_ns // _TENTH_NS
        match payload:
            case [str(reply_id), samples, flags, at, sent]:
                pass
            case [step, later, ago, *more]:
                samples, sent = samples + step, came + ahead + later
                at, flags = sent - ago, more[0] if more else 0
            case [step, *more]:
                samples, flags = samples + step, more[0] if more else 0
            case _:
                raise ValueError(f"not a count on a tape: {payload!r}")
        self._before = (reply_id, samples, ahead if sent is None else sent - came)
        return Played(
            type="played",
            reply_id=reply_id,
            samples=samples,
            started=bool(flags & _STARTED),
            ended=bool(flags & _ENDED),
            stalled=bool(flags & _STALLED),
            resumed=bool(flags & _RESUMED),
            at_ms=_ms(at),
            clock_ms=_ms(sent),
        )


def as_decided(report: Played, has_clock: bool) -> Played:
    """Return a count as it is decided on, and is on the tape.

    Its times are rounded to tenths of a millisecond. Without both of them, or a clock to compare them with, they are
    left out.
    """
    at, sent = _tenths(report.at_ms), _tenths(report.clock_ms)
    if not has_clock or at is None or sent is None or max(abs(at), abs(sent)) > _MOST_TENTHS:
        at = sent = None
    return report.model_copy(update={"at_ms": _ms(at), "clock_ms": _ms(sent)})


def pack_attached(counts_played: bool, clock: Seen, held: Sequence[HeldReply] | None) -> Plain:
    """Return the payload of a client that comes: whether it counts, its clock (`ClientClock.seen`), what it has."""
    replies = None if held is None else [list(reply.model_dump().values()) for reply in held]
    return [counts_played, list(clock), replies]


def unpack_attached(payload: Plain) -> tuple[bool, Seen, list[HeldReply] | None]:
    """Return what `pack_attached` was given."""
    counts_played, clock, replies = payload
    names = list(HeldReply.model_fields)
    held = None if replies is None else [HeldReply(**dict(zip(names, each, strict=True))) for each in replies]
    offset_ns, before_ns, since_ns = clock
    return counts_played, (offset_ns, before_ns, since_ns), held


def _flags_of(report: Played) -> int:
    told = (report.started, report.ended, report.stalled, report.resumed)
    return sum(flag for flag, is_so in zip((_STARTED, _ENDED, _STALLED, _RESUMED), told, strict=True) if is_so)


def _tenths(ms: float | None) -> int | None:
    return None if ms is None else round(ms * 10)


def _ms(tenths: int | None) -> float | None:
    return None if tenths is None else tenths / 10


def _steps(ends: Sequence[int]) -> list[int]:
    return [after - before for before, after in pairwise((0, *ends))]


def _silence(samples: int) -> bytes:
    return _SILENCE[: 2 * samples] if 2 * samples <= len(_SILENCE) else bytes(2 * samples)
