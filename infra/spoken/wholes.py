"""What is not to be cut apart: abbreviations and numbers with what belongs to them, and spans of markup. Pure."""

import re

from infra.spoken.vocabulary import (
    ALWAYS,
    BEFORE_NUMBER,
    DAYS,
    MONTHS,
    NUMBERED,
    OPERATORS,
    ROMAN,
    SCALES,
    TITLES,
    words,
)

_OPENING = "\"'\u201c\u2018([{*_~`<"
_CLOSING = "\"'\u201d\u2019)]}*_~`>"
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"\s*(?:\d{1,3}|[a-zA-Z])")
_NUMBER = re.compile(r"[-+\u2212]?[$\u20ac\u00a3\u00a5#(]*[\d][\d.,:/()'\u2019\"\u2032\u2033\u2013-]*%?")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?,")
_DASHES = "-\u2212\u2013\u2014"
_TIMES_OF_DAY = frozenset({"a.m", "p.m", "am", "pm"})
_JOINING = words("to and by of through times x plus minus over or per from point")
_ABBREVIATIONS = frozenset(
    {*TITLES, *ALWAYS, *(set(MONTHS) - {"may", "mar"}), *(set(DAYS) - {"sun", "sat", "mon", "wed"})}
    | {"vol", "pp", "fig", "b.c", "a.d", "ph.d", "d.c", "u.s", "u.k", "u.n", "m.d", "b.a", "m.a", "p.s"}
) - {"max"}
_MAY_END = frozenset({"etc", "inc", "ltd", "corp", "jr", "sr", "bros", "esq", "p.m", "a.m", "ave", "blvd", "rd", "al"})
"""Abbreviations that often end a sentence: the next word tells."""


def last_words(text: str) -> tuple[str, str]:
    """Return the last two words of a text without marks around them; the full stop stays."""
    words = text.rsplit(None, 2)[-2:] if text.strip() else []
    words = [word.lstrip(_OPENING).rstrip(_CLOSING) or word for word in words]
    return (words[-2] if len(words) > 1 else ""), (words[-1] if words else "")


def stops_at(text: str, following: str | None = None) -> bool | None:
    """Tell whether the full stop that ends `text` ends a sentence; None if that depends on what follows.

    `following` is the text behind it, from the next character on that is no white space.
    """
    body = text[:-1]
    if _LIST_NUMBER.fullmatch(body) and body.strip() != "I":
        return False  # a list's number
    before, word = last_words(text)
    word = word.removesuffix(".").lower()
    if word in _MAY_END or (word in _TIMES_OF_DAY and before[-1:].isdigit()):
        return None if following is None else following[:1].isupper()
    if word in BEFORE_NUMBER and word not in _ABBREVIATIONS:
        return None if following is None else not following[:1].isdigit()
    if word in _ABBREVIATIONS:
        return False
    # "I" ends a sentence more often than it begins a name.
    initial = _INITIALS.fullmatch(last_words(text)[1].removesuffix("."))
    return initial is None or word == "i"


def is_bound(before: str, following: str) -> bool:
    """Tell whether the last word of `before` and the first of `following` ("" if unknown) belong together."""
    earlier, last = last_words(before)
    first = following.split(None, 1)[0].lstrip(_OPENING) if following.strip() else ""
    is_numeric = _NUMBER.fullmatch(last) is not None
    has_digit = first[:1].isdigit() or _NUMBER.match(first) is not None
    if last in OPERATORS or (first in OPERATORS and first not in _DASHES):
        return last not in _DASHES or _is_numeric(earlier) or not earlier
    if is_numeric and last[-1] not in ".,:;":
        return True
    if _DAY.fullmatch(last) and earlier.lower().rstrip(".") in _MONTH_WORDS:
        return True
    if last.endswith(".") and stops_at(before, first) is False:
        return True
    word = last.lower().rstrip(".,")
    if has_digit and (word in NUMBERED or word in _MONTH_WORDS or (last[:1].isupper() and last != "I")):
        return True
    if word in SCALES or (word in _JOINING and _is_numeric(earlier) and (has_digit or not first)):
        return _is_numeric(earlier)
    if (
        earlier
        and last.isalpha()
        and last != "I"
        and last[0].isupper()
        and first[:1].isupper()
        and first[1:2].islower()
    ):
        return True  # a name
    is_roman = len(first) > 0 and ROMAN.fullmatch(first.rstrip(".,;:!?")) is not None
    return is_roman and last[:1].isupper() and last[-1:].isalpha()


_MONTH_WORDS = frozenset({*MONTHS, *(name.lower() for name in MONTHS.values())})


def _is_numeric(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None


_LINK = r"!?\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]|(?![(\[]))"
_EMPHASIS = (
    r"\*{3}(?=\S)[^\n]+?(?<=\S)\*{3}|\*{2}(?=\S)[^\n]+?(?<=\S)\*{2}(?!\*)|~~(?=\S)[^\n]+?(?<=\S)~~"
    r"|(?<!\w)__(?=\S)[^\n]+?(?<=\S)__(?!\w)"
    r"|(?<![\w*])\*(?=[^\s*])[^*\n]+?(?<=[^\s*])\*(?!\*)|(?<!\w)_(?=[^\s_])[^\n]+?(?<=[^\s_])_(?!\w)"
)
_LATEX = r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\$(?=[^\s\d$])[^$\n]*(?<=[^\s$])\$(?!\d)"
_TAG = r"<!--.*?-->|</?[a-zA-Z][\w:-]*(?:\s+[\w:-]+\s*=[^<>\n]*)?\s*/?>"
_CLOSED = re.compile(rf"``[^\n]+?``|`[^`\n]+`|{_LATEX}|{_LINK}|{_TAG}|{_EMPHASIS}", re.DOTALL)
_OPEN = re.compile(
    r"`|\$\$|\\\[|\\\(|\$(?=[^\s\d$])|!?\[[^\]]*$|\]\([^)]*$|<!--|</?[a-zA-Z][\w:-]*(?:\s+[\w:-]+\s*=[^<>]*)?$"
    r"|(?<![\w*])\*{1,3}(?=[^\s*])|(?<!\w)_{1,2}(?=\w)|~~(?=\S)"
)
_PAIRED = re.compile(
    r"<(say-as|sub|phoneme|prosody|emphasis|a|b|i|em|strong|code|kbd|u)\b[^<>]*(?<!/)>(?!.*</\1>)", re.DOTALL
)


def is_in_markup(text: str) -> bool:
    """Tell whether a text ends within a span of markup: emphasis, code, a link, a tag, a formula."""
    line = text[text.rfind("\n") + 1 :]
    if not any(mark in line for mark in "`$\\[<*_~"):
        return False
    return _OPEN.search(_CLOSED.sub("", line)) is not None or _PAIRED.search(line) is not None
