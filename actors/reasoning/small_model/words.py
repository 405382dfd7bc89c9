"""What was said as plain words, for patterns to be found in. Pure."""

import re

MOST_CHARS = 160
"""Longer questions are left to the model: a pattern that is found in them says little about the whole."""


def plain_words(text: str) -> str:
    """Return the words in small letters, without punctuation; empty if there are too many."""
    words = " ".join(re.sub(r"[^\w' ]", " ", text.lower().replace("\u2019", "'")).split())
    return words if len(words) <= MOST_CHARS else ""
