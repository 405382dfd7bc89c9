"""Median, P95 and words: the few figures that benchmarks tell."""

import re
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, linearly between neighbours; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values: Sequence[float]) -> float:
    """Return the middle value; 0 of none."""
    return percentile(values, 0.5)


def plain_words(text: str) -> str:
    """Return text as it sounds: lower case, no punctuation, single spaces."""
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower().replace("\u2019", "'").replace("-", " ")).split())


def word_error_rate(expected: Sequence[str], heard: Sequence[str]) -> float | None:
    """Return word errors per expected word over all pairs; None if nothing was expected."""
    import jiwer

    pairs = [(plain_words(said), plain_words(got)) for said, got in zip(expected, heard, strict=True)]
    pairs = [(said, got) for said, got in pairs if said]
    if not pairs:
        return None
    return float(jiwer.wer([said for said, _ in pairs], [got for _, got in pairs]))
