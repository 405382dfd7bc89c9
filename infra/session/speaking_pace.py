"""How fast a voice speaks, by what it has said. Pure."""

from collections.abc import Iterable

LETTERS_PER_S = 15
"""Pace of a voice of which nothing is known, with spaces: about 160 words of English a minute."""


def samples_per_letter(said: Iterable[tuple[str, int]], rate_hz: int) -> float:
    """Return how many samples a letter takes, spaces and marks counted too, from texts and their lengths in samples."""
    known = [(len(text.strip()), samples) for text, samples in said if samples > 0]
    letters = sum(count for count, _ in known)
    return sum(samples for _, samples in known) / letters if letters else max(rate_hz, 1) / LETTERS_PER_S
