"""Whether two texts have the same words, however they are written."""

import re


def normalised(text: str) -> str:
    """Return the words alone, for comparison: without case, punctuation or spacing."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold().replace("\u2019", "'"))
    return " ".join(words) or " ".join(text.casefold().split())
