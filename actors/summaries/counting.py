"""What can be derived from a conversation by counting its words: topics and sentiment."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from actors.summaries.conversation import SpokenLine
from infra.session.addressing import words_of
from infra.spoken.vocabulary import word_set

TOPICS = 5
"""The most topics that are named."""


POSITIVE = word_set(
    "amazing awesome beautiful brilliant cool delighted excellent fantastic fun glad good great happy helpful "
    "love lovely nice perfect pleased super thank thanks wonderful wow"
)
NEGATIVE = word_set(
    "angry annoyed annoying awful bad boring broken confused cry disappointed fail failed hate horrible hurt issue "
    "lost mad never pain poor problem sad slow stupid terrible unhappy upset useless worried worse worst "
    "wrong"
)
COMMON = word_set(
    "a about actually after again all also always am an and any anything are as ask at back be because been before "
    "being bit but by bye call came can come could day did do does doing done down even every few find first for from "
    "get give go going gone got had has have he hear hello help her here hey hi him his how i if in into is it its "
    "just kind know last later let lets like little long look lot made make many may maybe me mean might more most "
    "much must my name need new next no not nothing now of off oh ok okay on one only or other our out over own "
    "please put quite really right said same say see she should so some something soon still such sure take talk "
    "tell than thank thanks that the their them then there these they thing things think this those though time to "
    "today told too two uh um up us use very want was way we well went were what when where which while who why will "
    "wish with wonder would yeah yes yet you your"
)

Sentiment = Literal["positive", "neutral", "negative", "unknown"]


def topics(lines: Iterable[SpokenLine]) -> tuple[str, ...]:
    """Return what the user spoke of most: uncommon words of four letters and more, the most frequent first."""
    said = [word for line in lines if line.speaker == "user" for word in _words_said(line)]
    counted = Counter(word for word in said if len(word) >= 4 and word not in COMMON)
    return tuple(word for word, _ in counted.most_common(TOPICS))


def sentiment(lines: Iterable[SpokenLine]) -> Sentiment:
    """Return how the user's words sound, by two word lists; `unknown` if the user said nothing."""
    said = [word for line in lines if line.speaker == "user" for word in _words_said(line)]
    if not said:
        return "unknown"
    score = 0
    for before, word in zip(["", *said], said, strict=False):
        value = (word in POSITIVE) - (word in NEGATIVE)
        score += -value if before in ("not", "no", "isn't", "don't", "wasn't", "didn't") else value
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def _words_said(line: SpokenLine) -> list[str]:
    """Return the words of a line in lower case; numbers are left out."""
    return [word for word in words_of(line.text) if not any(map(str.isdigit, word))]
