"""Decides whether an utterance repeats what the agent says, by words as a recogniser may have heard them. Pure."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from infra.spoken.vocabulary import word_set

MOST_WORDS, MOST_AGENT_WORDS = 40, 500
LIKE = 0.75
"""Two longer words that share this many of their letters count as the same word, heard twice."""

SHARE = 0.75
"""A longer utterance repeats the reply if this share of its words is in it, in their order."""
SHORT_WORDS = 3
"""A shorter one must be in it word for word, as far as they are heard alike."""

_NUMBER_WORDS = word_set(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand "
    "million billion and point first second third fourth fifth sixth seventh eighth ninth tenth eleventh "
    "twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth "
    "half quarter past o'clock percent minus plus dollar dollars cent cents euro euros pound pounds pence "
    "degrees kilometers kilometres miles per hour hours minutes"
)
"""What a number, an amount, a date or a time may sound like."""

_SPOKEN = {
    "dr": "doctor", "mr": "mister", "mrs": "missus", "ms": "miss", "st": "street", "vs": "versus", "etc": "et cetera",
    "e.g": "for example", "i.e": "that is", "approx": "approximately", "no": "no", "jan": "january", "feb": "february",
    "aug": "august", "sept": "september", "oct": "october", "nov": "november", "dec": "december", "tel": "telephone",
}  # fmt: skip
"""Abbreviations and what they sound like."""


def spoken(text: str) -> list[str]:
    """Return the words that a text sounds like. A word with a digit becomes "#", as do the words of a number."""
    words: list[str] = []
    for token in re.findall(r"[$€£]?[^\W_]+(?:[.,:'\u2019/-][^\W_]+)*%?", text.lower().replace("\u2019", "'")):
        if any(character.isdigit() for character in token) or token in _NUMBER_WORDS:
            if words[-1:] != ["#"]:
                words.append("#")
            continue
        words += [
            part for word in _SPOKEN.get(token, token).split() for part in re.findall(r"[^\W_]+(?:'[^\W_]+)*", word)
        ]
    return words


def repeats(text: str, agent_text: str, least_words: int = 1) -> bool:
    """Return whether the words are a piece of the reply: shifted, or with words added, left out or misheard."""
    words, agent = spoken(text)[:MOST_WORDS], spoken(agent_text)[-MOST_AGENT_WORDS:]
    if len(words) < least_words or not agent:
        return False
    if len(words) < SHORT_WORDS:
        return any(_are_alike(words, agent[at : at + len(words)]) for at in range(len(agent)))
    return _most_alike(words, agent) >= SHARE


def _are_alike(words: Sequence[str], others: Sequence[str]) -> bool:
    return len(words) == len(others) and all(_alike(word, other) for word, other in zip(words, others, strict=True))


def _most_alike(words: Sequence[str], agent: Sequence[str]) -> float:
    """Return the greatest share of the words that is found, in order, in a stretch of the reply not much longer."""
    span = len(words) + max(2, len(words) // 3)
    starts = range(max(1, len(agent) - span // 2))
    known = set(words)
    likely = [start for start in starts if 3 * sum(w in known for w in agent[start : start + span]) >= len(words)]
    return max((_common(words, agent[start : start + span]) for start in likely), default=0) / len(words)


def _common(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, of words that are alike."""
    row = [0] * (len(others) + 1)
    for word in words:
        before = row
        row = [0]
        for at, other in enumerate(others):
            row.append(before[at] + 1 if _alike(word, other) else max(before[at + 1], row[at]))
    return row[-1]


@lru_cache(maxsize=4096)
def _alike(word: str, other: str) -> bool:
    if word == other:
        return True
    if min(len(word), len(other)) < 4 or abs(len(word) - len(other)) > 2:
        return False
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= LIKE
