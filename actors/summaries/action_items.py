"""What somebody promised or asked for, found by how people say it."""

import re
from collections.abc import Iterable

from actors.summaries.conversation import SpokenLine
from actors.summaries.extraction import sentences

MOST_ITEMS, LONGEST_ITEM = 10, 140

_REMIND = re.compile(r"\bremind me (?:again )?(?:to|that|about|of) (?P<what>.+)", re.I)
_ASKED = re.compile(
    r"\b(?:(?:could|can|would|will) you (?:please |also |maybe )*|please )(?P<what>.+)",
    re.I,
)
_PROMISED = re.compile(
    r"\bI(?:'ll| will| am going to|'m going to| have to|'ve got to| need to| must| should) (?P<what>.+)", re.I
)
_TALK = re.compile(
    r"(?:(?:please|just|always|also|now|not|never) )*(?:be\b|tell|say\b|repeat|speak|explain|hear|talk|listen|help\b"
    r"|give me|hold|wait|stop|go on|spell|answer|describe|read|sing|count|try\b|do that|do it|do my best|see\b|think"
    r"|know|understand|let you|look forward|remember that|recommend|suggest)",
    re.I,
)
"""What is done by talking in the call itself, and what people say they will do without a promise."""


def action_items(lines: Iterable[SpokenLine]) -> tuple[str, ...]:
    """Return each thing once, in the order said, as a short sentence: "The user will call the dentist"."""
    items: dict[str, str] = {}
    for line in lines:
        for sentence in sentences(line.text):
            item = _item(line, sentence)
            if item:
                items.setdefault(item.casefold(), item)
    return tuple(items.values())[:MOST_ITEMS]


def _item(line: SpokenLine, sentence: str) -> str:
    """Return what a sentence asks for or promises, empty if nothing."""
    is_user, who = line.speaker == "user", line.name or f"the {line.speaker}"
    if is_user and (found := _REMIND.search(sentence)):
        return _sentence(f"Remind {who}: ", found["what"])
    if is_user and (found := _ASKED.search(sentence)):
        return "" if _TALK.match(found["what"]) else _sentence(f"{_begun(who)} asked: ", found["what"])
    # "Should I …" and "what will I …" ask; "if I have to …" promises nothing.
    if (found := _PROMISED.search(sentence)) and not sentence.endswith("?") and not re.match(r"if\b", sentence, re.I):
        return "" if _TALK.match(found["what"]) else _sentence(f"{_begun(who)} will ", found["what"])
    return ""


def _begun(who: str) -> str:
    return who[:1].upper() + who[1:]


def _sentence(beginning: str, what: str) -> str:
    what = what.strip(" .!?,;")
    if len(what.split()) < 2:
        return ""
    return beginning + (what if len(what) <= LONGEST_ITEM else what[: LONGEST_ITEM - 3].rstrip() + "...")
