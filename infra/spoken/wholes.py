"""What must not be split: abbreviations and numbers with what belongs to them, and spans of markup. Pure."""

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
    UNIT_NAMES,
    word_set,
)

_OPENING = "\"'\u201c\u2018([{*_~`<"
_CLOSING = "\"'\u201d\u2019)]}*_~`>"
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"\s*(?:\d{1,3}|[a-zA-Z])")
_NUMBER = re.compile(r"[-+\u2212]?[$\u20ac\u00a3\u00a5#(]*[\d][\d.,:/()'\u2019\"\u2032\u2033\u2013-]*%?")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?,")
_DASHES = "-\u2212\u2013\u2014"
_TIMES_OF_DAY = frozenset({"a.m", "p.m", "am", "pm"})
_JOINING = word_set("to and by of through times x plus minus over or per from point")
_ABBREVIATIONS = frozenset(
    {*TITLES, *ALWAYS, *(set(MONTHS) - {"may", "mar"}), *(set(DAYS) - {"sun", "sat", "mon", "wed"})}
    | {"vol", "pp", "rt", "gov", "fig", "b.c", "a.d", "ph.d", "d.c", "u.s", "u.k", "u.n", "m.d", "b.a", "m.a", "p.s"}
) - {"max"}
_GOES_ON = word_set(
    "est edt et cst cdt ct mst mdt mt pst pdt pt utc gmt bst cet cest ist jst aest aedt eastern central mountain"
    " pacific"
    " ltd inc llc kg nw ne sw se n s e w monday tuesday wednesday thursday friday saturday sunday mon tue tues"
    " wed thu thur"
    " thurs fri sat sun"
) | {*MONTHS, *(name.lower() for name in MONTHS.values())}
"""What continues the sentence, capital or not: `5 p.m. EST`, `Co. Ltd.`, `Pennsylvania Ave. NW`."""
_WITH_MORE = word_set("ft lb lbs hr hrs min mins") | frozenset(DAYS)
"""A number after these continues the sentence: `5 ft. 6 in.`, `Tue. 3 Dec.`"""
_BEFORE_DIGIT = word_set(
    "ref rs ps rom matt cor gal eph thess tim heb pet exod lev deut prov isa jer ezek mar fl para sched approx"
)
"""Other abbreviations, only before a number."""
_MAY_END = frozenset(
    {"etc", "inc", "ltd", "corp", "co", "jr", "sr", "bros", "esq", "p.m", "a.m", "ave", "blvd", "rd", "al"}
)
"""Abbreviations that often end a sentence; the next word decides."""


def last_words(text: str) -> tuple[str, str]:
    """Return the last two words of a text without marks around them; the full stop stays."""
    words = text.rsplit(None, 2)[-2:] if text.strip() else []
    words = [word.lstrip(_OPENING).rstrip(_CLOSING) or word for word in words]
    return (words[-2] if len(words) > 1 else ""), (words[-1] if words else "")


def stops_at(text: str, following: str | None = None) -> bool | None:
    """Return whether the full stop at the end of `text` ends a sentence; None if that depends on what follows.

    `following` is the text after it, from the next character that is not white space.
    """
    body = text[:-1]
    if _LIST_NUMBER.fullmatch(body) and body.strip() != "I":
        return False  # a list's number
    before, written = last_words(text)
    word = written.removesuffix(".").lower()
    first = following.split(None, 1)[0] if following and following.strip() else ""
    bare = first.rstrip(".,;:!?)").lower()
    if word in _MAY_END or (word in _TIMES_OF_DAY and (before[-1:].isdigit() or before.lower() in ("and", "or", "to"))):
        return None if following is None else first[:1].isupper() and bare not in _GOES_ON
    if len(word) == 1 and written[0].isupper() and word != "i":
        return False
    if word == "i":
        # "I" ends a sentence more often than it begins a name, unless another initial follows.
        return None if following is None else re.fullmatch(r"(?:[A-Z]\.)+", first) is None
    if word == "v":
        return False
    if (word in BEFORE_NUMBER and word not in _ABBREVIATIONS) or word in _BEFORE_DIGIT:
        return None if following is None else not first[:1].isdigit()
    if (word in UNIT_NAMES and before[-1:].isdigit()) or (word in DAYS and written[0].isupper()):
        return (
            None if following is None else not first[:1].islower() and not (first[:1].isdigit() and word in _WITH_MORE)
        )
    if word in _ABBREVIATIONS:
        return False
    return _INITIALS.fullmatch(written.removesuffix(".")) is None


def is_bound(before: str, following: str) -> bool:
    """Return whether the last word of `before` and the first of `following` ("" if unknown) belong together."""
    earlier, last = last_words(before)
    written_first = following.split(None, 1)[0] if following.strip() else ""
    first = written_first.lstrip(_OPENING) or written_first
    is_numeric = _NUMBER.fullmatch(last) is not None
    if _belongs_behind(before, earlier, last, first):
        return True
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
    is_roman = len(first) > 0 and ROMAN.fullmatch(_BEHIND_NUMERAL.sub("", first)) is not None
    return is_roman and last[:1].isupper() and last[-1:].isalpha()


_BEHIND_NUMERAL = re.compile(r"(?:['\u2019]s)?[.,;:!?)]*$")
_AMOUNT_OF_SOMETHING = re.compile(
    rf"(?i)(?<![\w.])(?:a|an|another|every)\s+{_NUMBER.pattern}(?:\s?\u00b0?[^\W\d][\w/]{{0,5}}|\u00b0)?$"
)
_TWO_PARTS = frozenset(
    {("sq", "ft"), ("sq", "m"), ("sq", "km"), ("sq", "mi"), ("fl", "oz"), ("et", "al"), ("cu", "ft")}
)
_STREETS = word_set("st ave blvd rd dr ln street avenue road")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")


def _belongs_behind(before: str, earlier: str, last: str, first: str) -> bool:
    """Return whether the next word belongs to the last one, for words of any kind."""
    word, following = last.lower().rstrip("."), first.lower().rstrip(".,;:!?)")
    if (word, following) in _TWO_PARTS or (following in _STREETS and _ORDINAL.fullmatch(word)):
        return True
    if following.startswith("centur") and (ROMAN.fullmatch(last) or _ORDINAL.fullmatch(word)):
        return True
    if word in UNIT_NAMES and _is_numeric(earlier) and (first[:1].isdigit() or first in ("x", "\u00d7")):
        return True  # 5 ft 10 in, 10 cm x 15 cm
    if last in ("x", "\u00d7") and first[:1].isdigit():
        return True
    return _AMOUNT_OF_SOMETHING.search(before) is not None and (not first or following.isalpha())


_MONTH_WORDS = frozenset({*MONTHS, *(name.lower() for name in MONTHS.values())})


def _is_numeric(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None


_LINK = r"!?\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]|(?![(\[]))"
_EMPHASIS = (
    r"\*{3}(?=\S)[^\n]+?(?<=\S)\*{3}|\*{2}(?=\S)[^\n]+?(?<=\S)\*{2}(?!\*)|~~(?=\S)[^\n]+?(?<=\S)~~"
    r"|(?<!\w)__(?=\S)[^\n]+?(?<=\S)__(?!\w)"
    r"|(?<![\w*])\*(?=[^\s*])[^*\n]+?(?<=[^\s*])\*(?!\*)|(?<!\w)_(?=[^\s_])[^\n]+?(?<=[^\s_])_(?!\w)"
)
_LATEX = (
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\$(?=[^\s\d$])[^$\n]*(?<=[^\s$])\$(?!\d)"
    r"|\$\d[^$\n]*?[\\^_{}][^$\n]*?(?<=\S)\$(?!\d)"
)
_TAG = r"<!--.*?-->|</?[a-zA-Z][\w:-]*(?:\s+[\w:-]+\s*=[^<>\n]*)?\s*/?>"
_CLOSED = re.compile(rf"``[^\n]+?``|`[^`\n]+`|{_LATEX}|{_LINK}|{_TAG}|{_EMPHASIS}", re.DOTALL)
_OPEN = re.compile(
    r"`|\$\$|\\\[|\\\(|\$(?=[^\s\d$])|\$\d[\d.]*\s?[\\^_{}]|!?\[[^\]]*$|\]\([^)]*$|<!--"
    r"|</?[a-zA-Z][\w:-]*(?:\s+[\w:-]+\s*=[^<>]*)?$"
    r"|(?<![\w*])\*{1,3}(?=[^\s*])|(?<!\w)_{1,2}(?=\w)|~~(?=\S)"
)
_PAIRED = re.compile(
    r"<(say-as|sub|phoneme|prosody|emphasis|a|b|i|em|strong|code|kbd|u)\b[^<>]*(?<!/)>(?!.*</\1>)", re.DOTALL
)


def is_in_markup(text: str) -> bool:
    """Return whether a text ends within a span of markup: emphasis, code, a link, a tag, a formula."""
    line = text[text.rfind("\n") + 1 :]
    if not any(mark in line for mark in "`$\\[<*_~"):
        return False
    return _OPEN.search(_CLOSED.sub("", line)) is not None or _PAIRED.search(line) is not None
