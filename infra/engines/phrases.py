"""Cached sound of short phrases: many answers begin with "I'm sorry,", which need not be synthesised again."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

MOST_WORDS = 3
"""Longer clauses seldom recur."""

MOST_PHRASES = 500
"""About 20 MB of sound at 22.05 kHz."""

OPENERS = (
    "I'm sorry,",
    "I am sorry,",
    "I'm so sorry",
    "I'm glad to",
    "I'm not sure",
    "I'm afraid I",
    "I don't know",
    "I am your",
    "I can help",
    "You can try",
    "You can find",
    "You're welcome.",
    "You're welcome!",
    "Thank you.",
    "Thank you for",
    "Hello!",
    "Hi there!",
    "Sure!",
    "Of course,",
    "Of course!",
    "Great!",
    "It is a",
    "It's a great",
    "That's a great",
    "That sounds like",
    "There are many",
    "Let me see.",
)
"""First clauses of many answers in English, as the clause splitter cuts them."""

S = TypeVar("S")


class Phrases(Generic[S]):
    """The sounds of recent phrases, by their exact text; a full cache drops the one longest unused."""

    def __init__(self, most_phrases: int = MOST_PHRASES) -> None:
        self._most_phrases = most_phrases
        self._known: OrderedDict[str, tuple[S, ...]] = OrderedDict()

    def recall(self, text: str) -> tuple[S, ...] | None:
        """Return the pieces of sound of a phrase, None if it is not known."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    def keep(self, text: str, sounds: Sequence[S]) -> None:
        """Store the whole sound of a phrase, if it is short."""
        if len(text.split()) > MOST_WORDS:
            return
        self._known[text] = tuple(sounds)
        self._known.move_to_end(text)
        if len(self._known) > self._most_phrases:
            self._known.popitem(last=False)
