"""The agent's opener on its way to the listener: played at once, broken off if the caller goes on. Pure."""

from array import array
from dataclasses import replace

from bridge.playback.reply import ReplyPlayback
from contracts import events as e
from contracts.answers import answer
from contracts.audio import OPENER_LOUDNESS, OutFrame

SOUND_PATIENCE_NS = 400_000_000
"""Sound that comes later after the cue than this is not begun any more: the answer is near."""

LONGEST_NS = 3_000_000_000
"""An opener that is not over by then is broken off."""


def sound_request(cued: e.OpenerCued) -> e.ReplyClauseWritten:
    """Return what synthesis is asked for: the opener as a clause, which is stored nowhere."""
    return answer(cued, e.ReplyClauseWritten, time_ns=cued.time_ns, reply_id=cued.reply_id, index=0, text=cued.text)


def quieter(pcm: bytes) -> bytes:
    """Return sound (int16, mono) at an opener's loudness."""
    return array("h", (int(sample * OPENER_LOUDNESS) for sample in array("h", pcm))).tobytes()


def without_rest(reply: ReplyPlayback, frame: OutFrame) -> OutFrame:
    """Return a frame of an opener without the silence after its last word, where the voice tells where that ends.

    Voices leave the pause there that a sentence would need; the answer is to follow.
    """
    if frame.word_end_samples:
        reply.voice_end = frame.word_end_samples[-1]
    end = frame.first_sample + len(frame.pcm) // 2
    if reply.voice_end is None or end < reply.voice_end:
        return frame
    return replace(frame, pcm=frame.pcm[: 2 * max(0, reply.voice_end - frame.first_sample)], last=True)


def played(reply: ReplyPlayback, cued: e.OpenerCued, now_ns: int, ended_ns: int, retracted: bool) -> e.OpenerPlayed:
    """Return the event that an opener was heard, to its end or in part."""
    heard = reply.first_heard
    gap_ns = None if heard is None else heard.at_ns - cued.speech_ended_ns
    return answer(
        cued,
        e.OpenerPlayed,
        time_ns=now_ns,
        reply_id=reply.reply_id,
        text=cued.text,
        played_samples=reply.played_samples,
        sample_rate_hz=reply.rate_hz,
        retracted=retracted,
        gap_ms=None if gap_ns is None else gap_ns / 1e6,
        started_ns=None if heard is None else heard.at_ns,
        started_samples=0 if heard is None else heard.samples,
        ended_ns=ended_ns,
    )
