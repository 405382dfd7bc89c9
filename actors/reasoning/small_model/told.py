"""What somebody has told about themselves in so many words: their name, or what something of theirs is. Pure."""

import re
from collections.abc import Sequence

from actors.reasoning.small_model.words import plain_words

_MORE = r"(?: [A-Z][\w'-]+)?"
_SAYS_NAME = re.compile(
    rf"\b(?:[Mm]y name is|[Mm]y name's|I am called|[Cc]all me) (?P<any>(?!not\b|back\b|later\b)\w[\w'-]*{_MORE})"
    r"|^(?:(?:[Hh]ello|[Hh]i|[Hh]ey)[,.!]? )?(?:I'm|I am|[Tt]his is) "
    rf"(?P<name>[A-Z][\w'-]+{_MORE})(?:,? by the way)?[.!]?$"
)
_ASKS_WHAT = re.compile(
    r"\b(?:what(?:'s| is| was| are)|tell me|do you (?:know|remember)) my (?P<what>[\w' ]+?)(?: again)?$"
)
_ASKS_WHO = re.compile(r"\bwho (?:am i|i am)$")


def name_told(said: str) -> str:
    """Return the name by which somebody introduces themselves; empty if they do not."""
    found = _SAYS_NAME.search(" ".join(said.replace("\u2019", "'").split()))
    name = (found["any"] or found["name"]) if found is not None else ""
    return name[:1].upper() + name[1:]


def told_before(question: str, said: Sequence[str]) -> str:
    """Return the answer to what somebody asks about themselves from what they `said`, the latest last; else empty."""
    words = plain_words(question)
    asked = _ASKS_WHAT.search(words)
    if _ASKS_WHO.search(words) or (asked is not None and asked["what"] == "name"):
        name = next((name for each in reversed(said) if (name := name_told(each))), "")
        return f"Your name is {name}." if name else ""
    if asked is None:
        return ""
    what = re.escape(asked["what"]).replace("favourite", "favorite").replace("favorite", "favou?rite")
    tells = re.compile(rf"\bmy {what} (?P<verb>is|are) (?P<it>[^.,;!?\n]+)", re.IGNORECASE)
    found = next((match for each in reversed(said) if (match := tells.search(each))), None)
    return f"Your {asked['what']} {found['verb']} {found['it'].strip()}." if found is not None else ""
