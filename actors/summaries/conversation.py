"""What was said in a session, as it was heard, and what can be told from its words alone."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, TurnEnded

TOPICS, LONGEST_SUMMARY = 5, 400
"""Most topics, and most characters of an extractive summary."""


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


POSITIVE = _word_set(
    "amazing awesome beautiful brilliant cool delighted excellent fantastic fun glad good great happy helpful "
    "love lovely nice perfect pleased super thank thanks wonderful wow"
)
NEGATIVE = _word_set(
    "angry annoyed annoying awful bad boring broken confused cry disappointed fail failed hate horrible hurt issue "
    "lost mad never pain poor problem sad slow stupid terrible unhappy upset useless worried worse worst "
    "wrong"
)
COMMON = _word_set(
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


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said, by `user` or `agent`."""

    speaker: Literal["user", "agent"]
    text: str


def conversation(facts: Iterable[Event]) -> list[Line]:
    """Return the lines of a session in order: the user's turns, and of the agent what was heard."""
    lines = []
    for fact in facts:
        match fact:
            case TurnEnded(text=text) if text.strip():
                lines.append(Line("user", text.strip()))
            case PlaybackFinished(heard_text=text) | PlaybackInterrupted(heard_text=text) if text.strip():
                lines.append(Line("agent", text.strip()))
    return lines


def transcript(lines: Sequence[Line], most_chars: int) -> str:
    """Return the conversation as text; if it is too long, its beginning and its end."""
    text = "\n".join(f"{'User' if line.speaker == 'user' else 'Agent'}: {line.text}" for line in lines)
    if len(text) <= most_chars:
        return text
    half = (most_chars - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def topics(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return what the user spoke of most: words of four letters and more that are not common, most often first."""
    words = [word for line in lines if line.speaker == "user" for word in _words(line.text)]
    counted = Counter(word for word in words if len(word) >= 4 and word not in COMMON)
    return tuple(word for word, _ in counted.most_common(TOPICS))


def sentiment(lines: Iterable[Line]) -> Sentiment:
    """Return how the user's words sound, by two word lists; `unknown` if the user said nothing."""
    words = [word for line in lines if line.speaker == "user" for word in _words(line.text)]
    if not words:
        return "unknown"
    score = 0
    for before, word in zip(["", *words], words, strict=False):
        value = (word in POSITIVE) - (word in NEGATIVE)
        score += -value if before in ("not", "no", "isn't", "don't", "wasn't", "didn't") else value
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def extract(lines: Iterable[Line]) -> str:
    """Return a summary without a model: the first sentences of the user."""
    said = " ".join(line.text for line in lines if line.speaker == "user")
    summary = ""
    for sentence in re.split(r"(?<=[.!?])\s+", said):
        if summary and len(summary) + len(sentence) > LONGEST_SUMMARY:
            break
        summary = f"{summary} {sentence}".strip()
    return summary if len(summary) <= LONGEST_SUMMARY else summary[: LONGEST_SUMMARY - 3].rstrip() + "..."


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text.lower())
