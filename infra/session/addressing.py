"""How people show whom they address: by name, with a question, with a request. Pure."""

import re
from difflib import SequenceMatcher

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
"""A word, also one with an apostrophe of either kind."""

MISHEARD = 0.85
"""A word this similar to the agent's name is a misrecognition of it; only for names of some length."""
MISHEARD_LETTERS = 6

_GREETING = (
    r"(?:(?:hey|hi|hello|okay|ok|so|and|well|oh|yes|yeah|no|thanks|thank you|but|um|uh|listen|look|sorry)[,.!]? )*"
)
_TO_SOMEBODY = (
    r"(?:[,.!?:]|$| (?:please|can|could|would|will|do|did|are|have|what|what's|where|where's|when|why|how|you|your"
    r"|tell)\b)"
)

_QUESTION = re.compile(
    r"^(?:(?:and|so|but|well|okay|ok|oh|hey|hi|now|then|yes|no)[,.!]? )*"
    r"(?:what|what's|who|who's|whose|where|where's|which|how|how's|why|when|when's|is|are|was|were|do|does|did|can|could|"
    r"will|would|shall|should|may|have|has|am|isn't|aren't|don't|doesn't|didn't|can't)\b"
)
_REQUEST = re.compile(
    r"\bplease\b|\b(?:can|could|would|will) you\b|\b(?:tell|show|give|remind|help|read|let) (?:me|us)\b"
    r"|\bi(?:'d| would) like (?:to know|you to|a|an|some)\b|\bi (?:need|want) (?:you to|to know|a|an|some)\b"
    r"|\b(?:what|how) about\b|\bi wonder\b"
    r"|^(?:(?:and|so|but|okay|ok|now|then)[,.!]? )*(?:tell|show|give|explain|say|repeat|stop|set|play|call|find|book"
    r"|open|close|read|search|start|make|help|remind|calculate|count|translate|list|write|describe|continue|go on"
    r"|wait)\b"
)


MOST_CHARS = 2000
"""Only this much of a text is read: nobody speaks longer, but somebody may paste a book."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return WORD.findall(text.lower().replace("\u2019", "'"))


def names(text: str, name: str) -> bool:
    """Return whether a text contains a name, also as recognisers write it: `dare devil`, `Daredevils`."""
    wanted = "".join(words_of(name))
    words = [word.removesuffix("'s") for word in words_of(text[:MOST_CHARS])]
    if not wanted:
        return False
    most = len(words_of(name)) + 1
    spans = ("".join(words[at : at + count]) for at in range(len(words)) for count in range(1, most + 1))
    return any(span == wanted or _is_misheard(span, wanted) for span in spans)


def _is_misheard(word: str, name: str) -> bool:
    return (
        len(name) >= MISHEARD_LETTERS
        and abs(len(word) - len(name)) <= 2
        and SequenceMatcher(None, word, name, autojunk=False).ratio() >= MISHEARD
    )


def is_said_to(text: str, name: str) -> bool:
    """Return whether a text evidently addresses somebody of this name: `Kim, did you …`, `what do you think, Kim?`.

    A name that merely occurs is talked about: `Kim likes cake`.
    """
    said = " ".join(text[:MOST_CHARS].lower().replace("\u2019", "'").split())
    full = " ".join(words_of(name))
    for called in dict.fromkeys((full, full.partition(" ")[0])):
        if len(called) < 2:
            continue
        mark = re.escape(called)
        if re.search(rf"(?:^|[.!?] ){_GREETING}{mark}{_TO_SOMEBODY}", said) or re.search(rf", {mark}[.!?]*$", said):
            return True
    return False


def asks(text: str) -> bool:
    """Return whether a text is a question or a request, to anybody."""
    said = " ".join(text[:MOST_CHARS].lower().replace("\u2019", "'").split())
    if said.endswith("?"):
        return True
    sentences = re.split(r"(?<=[.!?]) ", said)
    return any(
        sentence.endswith("?") or _QUESTION.match(sentence) or _REQUEST.search(sentence) for sentence in sentences
    )


SAME = 0.85
"""Two turns that share this many letters are the same turn, heard twice; short ones must match exactly."""
SHORT_WORDS = 3
COMPARED_LETTERS = 300


def are_the_same_words(text: str, other: str) -> bool:
    """Return whether two microphones may have heard the same words; a recogniser writes them slightly differently."""
    words, others = words_of(text[:MOST_CHARS]), words_of(other[:MOST_CHARS])
    if not words or not others:
        return False
    if min(len(words), len(others)) < SHORT_WORDS:
        return words == others
    letters, other_letters = "".join(words)[:COMPARED_LETTERS], "".join(others)[:COMPARED_LETTERS]
    return SequenceMatcher(None, letters, other_letters, autojunk=False).ratio() >= SAME
