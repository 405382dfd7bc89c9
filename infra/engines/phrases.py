"""Sound of short phrases that were said before: "I'm sorry," begins many an answer, and need not be made again."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

MOST_WORDS = 3
"""Longer clauses seldom come back."""

MOST_PHRASES = 500
"""About 20 MB of sound at 22.05 kHz."""

S = TypeVar("S")


class Phrases(Generic[S]):
    """The sounds of the phrases said last, by their exact text; the one longest unused is dropped when it is full."""

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
        """Remember the whole sound of a phrase, if it is a short one."""
        if len(text.split()) > MOST_WORDS:
            return
        self._known[text] = tuple(sounds)
        self._known.move_to_end(text)
        if len(self._known) > self._most_phrases:
            self._known.popitem(last=False)
