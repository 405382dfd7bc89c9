"""The sound of an opener: quieter than a reply, and without the pause that its voice leaves after it. Pure."""

from array import array
from dataclasses import replace

from contracts.audio import OPENER_LOUDNESS, OutFrame


def quieter(pcm: bytes) -> bytes:
    """Return sound (int16, mono) at an opener's loudness."""
    return array("h", (int(sample * OPENER_LOUDNESS) for sample in array("h", pcm))).tobytes()


def without_rest(frame: OutFrame, voice_end: int | None) -> OutFrame:
    """Return a frame without the silence after the last word, which ends at `voice_end`, if that is known.

    Voices leave the pause there that a sentence would need; the answer is to follow.
    """
    end = frame.first_sample + len(frame.pcm) // 2
    if voice_end is None or end < voice_end:
        return frame
    return replace(frame, pcm=frame.pcm[: 2 * max(0, voice_end - frame.first_sample)], last=True)
