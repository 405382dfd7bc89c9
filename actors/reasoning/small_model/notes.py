"""What people said about themselves, as notes for a model too small for whole conversations. Pure."""

import re
from collections.abc import Iterable

from actors.reasoning.memories import SAID, one_line
from contracts.events import ContextMessage

NOTE_CHARS, NOTES = 120, 8
"""Length and number of the notes: a small model reads about 150 tokens a second."""

_NOTE = re.compile(rf"^(?:On \S+ )?{SAID} (?P<words>.*)$", re.MULTILINE | re.IGNORECASE)


def said_before(told_text: str, heard: Iterable[ContextMessage]) -> list[str]:
    """Return what somebody said in earlier conversations (`told_text`) and in this one, the latest last."""
    said = [found["words"] for found in _NOTE.finditer(told_text)]
    return [*said, *(message.text for message in heard if message.role == "user")]


def notes(told_text: str, heard: Iterable[ContextMessage]) -> str:
    """Return what people said about themselves, in their own words, before (`told_text`) and in this call."""
    telling = dict.fromkeys(one_line(words, NOTE_CHARS) for words in said_before(told_text, heard) if _tells(words))
    return " ".join(list(telling)[-NOTES:])


_ABOUT_ONESELF = re.compile(r"\b(?:i|i'm|i've|i'd|my|me|mine|we|our|us)\b")


def _tells(words: str) -> bool:
    return not words.rstrip().endswith("?") and _ABOUT_ONESELF.search(words.lower().replace("\u2019", "'")) is not None


_ASKS = re.compile(
    r"\b(?:who|what|where|when|which|how old) (?:am|was) i\b"
    r"|\b(?:who|what|where|when|which|how old|how many)(?:'s)?\b.*\bmy\b"
    r"|\b(?:what|where|which|who|how many)\b.* (?:do|did) i "
    r"(?:like|love|hate|live|work|have|own|want|say|tell|do|prefer|enjoy|play|eat|drink|drive|study|come)\b"
    r"|\bdo you (?:still )?(?:know|remember|recall)\b.*\b(?:me|my|i)\b"
    r"|\b(?:tell me|say|remember|know) (?:my|who i|what i|where i)\b"
)
_ASKS_FOR_ADVICE = re.compile(
    r"\b(?:should|can|could|may|must|shall|would|will|to) i\b|\bi (?:should|can|could)\b|\bhelp\b"
)


def asks_about_caller(question: str) -> bool:
    """Return whether a question is about the person who asks it: their name, what they like, what they said."""
    words = " ".join(re.sub(r"[^\w' ]", " ", question.lower().replace("\u2019", "'")).split())
    is_short = len(words) <= 120
    return is_short and _ASKS.search(words) is not None and _ASKS_FOR_ADVICE.search(words) is None
