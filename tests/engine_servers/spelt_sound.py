"""Sound that a test's engine can really read: each word is a level of its own, so lost and doubled words show."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE_HZ = 16_000
WORD_SAMPLES = 12 * 512
"""How long a word is spoken: 384 ms."""
GAP_SAMPLES = 512
"""Silence between words, too short to count as a pause."""

TEXT = """
please tell me what time the train leaves for berlin today and whether it stops in hanover on that way
because my sister waits there with her dog
"""
WORDS = TEXT.split()
STEP = 600
FIRST = 1500


def spelt(text: str) -> Samples:
    """Return the sound of words of WORDS, one after the other."""
    sounds = []
    for word in text.split():
        sounds += [np.full(WORD_SAMPLES, FIRST + STEP * WORDS.index(word), np.int16), silence(GAP_SAMPLES)]
    return np.concatenate(sounds[:-1])


def silence(samples: int) -> Samples:
    """Return as much silence."""
    return np.zeros(samples, np.int16)


def read(pcm: bytes) -> list[tuple[str, int, int]]:
    """Return the words in a sound, with their first sample and the one after their last.

    A word counts if more than half of it is there.
    """
    samples = np.frombuffer(pcm, "<i2").astype(np.int64)
    edges = np.flatnonzero(np.diff(samples)) + 1
    found = []
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(samples)], strict=True):
        if end - start > WORD_SAMPLES // 2 and samples[start] >= FIRST:
            found.append((WORDS[(int(samples[start]) - FIRST) // STEP], start, end))
    return found
