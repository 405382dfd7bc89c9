"""Median, P95 and word errors: the figures that benchmarks report."""

import re
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, interpolated linearly; 0 if there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values: Sequence[float]) -> float:
    """Return the median; 0 if there are no values."""
    return percentile(values, 0.5)


_OLD_SPELLINGS = re.compile(r"\b(to)-(night|day|morrow)\b|\b(good)-(bye)\b")
"""Old spellings of the local speech model, which count as correct."""


def plain_words(text: str) -> str:
    """Return text as it sounds: lower case, no punctuation, single spaces, one spelling."""
    lower = _OLD_SPELLINGS.sub(lambda match: "".join(filter(None, match.groups())), text.lower())
    return " ".join(re.sub(r"[^\w' ]", " ", lower.replace("\u2019", "'")).split())


def word_error_rate(expected: Sequence[str], heard: Sequence[str]) -> float | None:
    """Return word errors per expected word over all pairs; None if nothing was expected."""
    import jiwer

    pairs = [(plain_words(said), plain_words(got)) for said, got in zip(expected, heard, strict=True)]
    pairs = [(said, got) for said, got in pairs if said]
    if not pairs:
        return None
    return float(jiwer.wer([said for said, _ in pairs], [got for _, got in pairs]))
