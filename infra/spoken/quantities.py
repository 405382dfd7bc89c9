"""Numbers with what they count, in words: money, times, dates, phones, units, ranges, fractions, ordinals, years."""

import re

from infra.spoken import dates, formulas, money, units
from infra.spoken.mapped import MappedText
from infra.spoken.numbers import VULGAR, cardinal, fraction, is_year, mixed, number, ordinal, plural, spelled, year

_VULGAR_FRACTION = re.compile(rf"(?:(\d+)\s?)?([{''.join(VULGAR)}])")
_VULGAR_RANGE = re.compile(rf"(?<=[{''.join(VULGAR)}])\s?[-\u2013]\s?(?=\d*[{''.join(VULGAR)}\d])")
_MIXED = re.compile(r"(?<![\w/.,])(\d{1,4})\s+(\d{1,2})/(\d{1,3})(?![\w/])")
_FRACTION = re.compile(r"(?<![\w/.,$])(\d{1,4})[/\u2044](\d{1,4})(?:\s+(?=of\b))?(?![\w/]|[.,]\d)")
_RATED = re.compile(r"(?<![\w/.,$])(\d+\.\d+)/(\d{1,3})(?![\w/]|[.,]\d)")
_INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d{2})+,\d{3}(?![\d,])")
_ALWAYS_OPEN = re.compile(r"(?<!\w)24/7(?!\w)")
_RANGE = re.compile(
    r"(?<![\w.,/-])((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(%|\u00b0)?\s?[-\u2013\u2014]\s?((?:\d{1,3}(?:,\d{3})+"
    r"|\d+)(?:\.\d+)?)(?![\w/]|-\d|[.,]\d)"
)
_SEQUENCE = re.compile(r"(?<![\w.,/-])(\d+(?:-\d+){2,})(?![\w/-]|[.,]\d)")
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", re.IGNORECASE)
_DECADE = re.compile(
    r"(?<![\w.,$])(?:(\d{3}0)|['\u2019](\d0)|(?:(?<=the )|(?<=his )|(?<=her )|(?<=my )|(?<=id-)|(?<=their )|(?<=late )"
    r"|(?<=early ))(\d0))['\u2019]?s\b"
)
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+\u2212]?)(\d{1,3})(?!\w)")
_RATIO = re.compile(r"(?<![\w:.])(\d{1,4})\s?:\s?(\d{1,3}(?:,\d{3})+|\d{1,4})(?![\w:]|[.,]\d)")
_RATIO_NAMED = re.compile(
    r"(?<![\w:.])(\d{1,2})\s?:\s?(\d{1,2})(?=\s(?:aspect|ratio|format|video|scale|screen|display|widescreen|split"
    r"|mix|mixture|odds)\b)"
)
_TO_JOINED = re.compile(r"(?<=\d)-to-(?=\d)")
_BY = re.compile(r"(?<=\d)\s?[xX\u00d7]\s?(?=\d)")
_TIMES = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)[xX](?![\w]|\s*(?:plus|minus|times|equals|divided|is\b|to the|squared|cubed|[)^]))"
)
_SHORT_SCALE = re.compile(
    r"(?<![\w.,$])(\d+(?:\.\d+)?)(k|K|M|B|bn|mn|m(?=\s(?:people|users|views|views|followers|downloads)))(?!\w)"
)
_SHORT_SCALES = {
    "k": "thousand",
    "K": "thousand",
    "M": "million",
    "m": "million",
    "mn": "million",
    "B": "billion",
    "bn": "billion",
}
_SPACED = re.compile(r"(?<![\w.,-])(\d{1,3})((?:[ \u00a0\u202f]\d{3})+)(?![\w]|[.,]\d|[ \u00a0\u202f]\d|-\d)")
_DOTTED = re.compile(r"(?<![\w.,])(\d{1,3})((?:\.\d{3}){2,})(?:,(\d+))?(?![\w.])")
_APOSTROPHES = re.compile(r"(?<![\w.,])(\d{1,3})((?:['\u2019]\d{3})+)(?!\w)")
_EUROPEAN = re.compile(r"(?<![\w.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?!\w)")
_COUNTED = re.compile(
    r"\s+(?:[a-z]+-)?(?!(?:was|is|has|as|plus|minus|equals|times|this|does|us|its)\b)[a-z]{2,}s\b|\s*(?:%"
    r"|percent\b|people\b|men\b|women\b|children\b)"
)
_SUM_AFTER = re.compile(r"\s*(?:plus|minus|times|by|equals|divided by|to the power|percent)\b")
_SUM_BEFORE = re.compile(r"(?:plus|minus|times|by|equals|power of|number|about|than|over|least|most)\s+$")
_WHOLE = re.compile(r"(?<![\w.,])(\d{4})(?![\w]|[.,]\d)")
_LONG = re.compile(r"(?<![\w.,])\d{9,}(?![\w]|[.,]\d)")
_NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\d)\.\d+)(?!\d)")
_COMMA_DECIMAL = re.compile(r"(?<![\w.,])(\d+),(\d{1,2}|\d{4,})(?![\w,]|\.\d)")
_WITH_LETTERS = re.compile(r"(?<=[A-Za-z])(\d+(?:\.\d+)?)(?!\.?\d)|(?<=[A-Za-z])(\d+)|(\d+)(?=[A-Za-z])")
_OTHER_DIGITS = re.compile(r"\d+")
_DASH_JOINT = re.compile(r"(?<=[A-Za-z])-(?=\d)")
_PLANES = re.compile(
    r"\b(Boeing|Airbus)\s(A?)([1-9]\d\d)(?:-(\d{1,4}))?(s?)(?!\w)|\b(?:[Tt]he|[Aa]|[Tt]wo|[Tt]hree)\s(7\d7)(s?)\b(?!-)"
    r"|(?<!\w)(7\d7)(?=\sMAX\b)|(?<!\w)A(3[0-9]\d)(?!\w)"
)
_CHIPS = re.compile(r"(?<!\w)(i)([3579])-(\d{4,5})")
_CARDS = re.compile(r"\b(RTX|GTX|RX)\s([1-9]\d)([1-9]\d)(?!\w)")
_CODEC = re.compile(r"(?<!\w)([HPx])\.?(26[1-6])(?!\w)")
_PLAN = re.compile(r"(?<!\w)(401|403|457)\(([kb])\)")
_LINES = re.compile(r"(?<!\w)(360|480|576|720|1080|1440|2160|4320)([pi])(?!\w)")
_PIXELS = re.compile(
    r"(?<![\w.,])([1-9]\d{2,3})\s?[xX\u00d7]\s?([1-9]\d{2,3})(?![\w.,]*\d|\s?=)(?=\s?(?:px|pixels)?\b)"
)
_ORDINALS = re.compile(r"(?<=\d(?:st|nd|rd|th))\s?[-\u2013\u2014]\s?(?=\d+(?:st|nd|rd|th)\b)")
_TIMES_RANGE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?[-\u2013]\s?(\d+(?:\.\d+)?)[xX](?!\w)")
_RACE = re.compile(r"\s(?:run|race|walk|marathon|loop)\b")
_JUDGED = re.compile(r"\s+(?:stars?|points?|marks?)\b")
_IN_YEAR = re.compile(r"(?i)\b(?:in|since|until|year|by|of|from|around|circa)\s+$")
_COUNTED_BILLIONS = re.compile(r"\s+(?:[a-z]+\s)?(?:[a-z]+s\b|people\b)|\s?(?:USD|EUR|GBP|dollars)\b")
_ABOUT = re.compile(r"(?i)(?:about|over|nearly|almost|than|roughly|around|at least|at most|up to|some)\s$")
_SPELLED_AFTER = re.compile(r"(?i)\b(?:call|dial|text|press)\s+$")


def say(text: MappedText) -> None:
    """Turn every number into words."""
    if not any(character.isdigit() or character in VULGAR for character in text.text):
        return
    for pattern in (_SPACED, _APOSTROPHES, _INDIAN):
        text.rewrite(pattern, lambda match: re.sub(r"\D", "", match.group()))
    text.rewrite(_EUROPEAN, lambda match: f"{match[1].replace('.', '')}.{match[2]}")
    text.rewrite(_DOTTED, lambda match: re.sub(r"\D", "", match[1] + match[2]))
    text.rewrite(_SCIENTIFIC, _scientific)
    money.say(text)
    text.rewrite(_RATIO_NAMED, lambda match: f"{cardinal(match[1])} to {cardinal(match[2])}")
    text.rewrite(_TO_JOINED, lambda match: " to ")
    text.rewrite(_CHIPS, lambda match: f"{match[1]} {cardinal(match[2])}, {spelled(match[3])} ")
    text.rewrite(_CARDS, lambda match: f"{match[1]} {cardinal(match[2])} {cardinal(match[3])}")
    text.rewrite(_CODEC, lambda match: f"{match[1]} {_tens(match[2])}")
    text.rewrite(_PLANES, _plane)
    text.rewrite(_PLAN, lambda match: f"{_tens(match[1])} {match[2]}")
    text.rewrite(_LINES, lambda match: f"{_tens(match[1])} {match[2]}")
    text.rewrite(_PIXELS, lambda match: f"{_tens(match[1])} by {_tens(match[2])}")
    text.rewrite(_ORDINALS, lambda match: " to ")
    text.rewrite(_DECADE, lambda match: plural(year(match[1]) if match[1] else cardinal(match[2] or match[3])))
    dates.say(text)
    units.say(text)
    formulas.say_superscripts(text)
    _parts(text)
    _plain(text)


def _parts(text: MappedText) -> None:
    """Fractions, ordinals, ranges, ratios."""
    text.rewrite(_RATED, lambda match: f"{number(match[1])} out of {cardinal(match[2])}")
    text.rewrite(_ALWAYS_OPEN, lambda match: "twenty-four seven")
    text.rewrite(_VULGAR_RANGE, lambda match: " to ")
    text.rewrite(_VULGAR_FRACTION, lambda match: mixed(match[1] or "", *VULGAR[match[2]]))
    text.rewrite(_MIXED, lambda match: mixed(match[1], match[2], match[3]) if match[3].strip("0") else None)
    text.rewrite(_FRACTION, _fraction)
    text.rewrite(_ORDINAL, lambda match: ordinal(match[1]))
    text.rewrite(_SEQUENCE, _sequence)
    text.rewrite(_RANGE, _range)
    text.rewrite(_RATIO, _ratio)
    text.rewrite(_BY, lambda match: " by ")
    text.rewrite(_TIMES_RANGE, lambda match: f"{number(match[1])} to {number(match[2])} times")
    text.rewrite(_TIMES, _times)
    text.rewrite(_SHORT_SCALE, _short_scale)


def _plain(text: MappedText) -> None:
    """Turn the remaining numbers into words."""
    text.rewrite(_COMMA_DECIMAL, lambda match: f"{cardinal(match[1])} point {spelled(match[2])}")
    text.rewrite(_LONG, lambda match: None if match.group().endswith("000000") else spelled(match.group()))
    text.rewrite(_DASH_JOINT, lambda match: " ")
    text.rewrite(_WHOLE, _year)
    text.rewrite(_NUMBER, _number)
    text.rewrite(_WITH_LETTERS, lambda match: f" {number(match.group())} ")
    text.rewrite(_OTHER_DIGITS, lambda match: f" {spelled(match.group())} ")


def _fraction(match: "re.Match[str]") -> str | None:
    above, below = match[1], match[2]
    of = " " if match.group().endswith(" ") else ""
    if not below.strip("0"):
        return None
    if (above, below) in (("9", "11"), ("7", "11")):
        return f"{cardinal(above)} {cardinal(below)}"
    if is_year(above):
        return f"{year(above)} to {year(below) if is_year(below) else cardinal(below)}"
    behind = match.string[match.end() :]
    if re.match(r"\s+time\b", behind) and below in ("2", "4", "8", "16"):
        return f"{cardinal(above)} {cardinal(below)}"
    if re.match(r"\s+price\b", behind) and (above, below) == ("1", "2"):
        return "half"
    if re.search(r"\bodds (?:of|at|are|were) $", match.string[: match.start()]):
        return f"{cardinal(above)} to {cardinal(below)}{of}"
    if above == below == "20" or (int(above) + int(below) == 100 and int(above) >= 50):
        return f"{cardinal(above)} {cardinal(below)}{of}"
    if int(above) > int(below) > 5 and len(above) > 1:
        return f"{cardinal(above)} over {cardinal(below)}{of}"
    if below in ("10", "100") or int(above) >= int(below) > 3 or _JUDGED.match(match.string[match.end() :]):
        return f"{cardinal(above)} out of {cardinal(below)}{of}"
    return fraction(above, below) + of


def _range(match: "re.Match[str]") -> str:
    first, sign, last = match[1], match[2] or "", match[3]
    if is_year(first) and is_year(last) and int(first) < int(last):
        return f"{year(first)} to {year(last)}"
    if is_year(first) and len(last) == 2 and int(last) > int(first[2:]):
        return f"{year(first)} to {cardinal(last)}"
    if first == last == "50":
        return "fifty-fifty"
    return f"{number(first)} {'percent ' if sign == '%' else ''}to {number(last)}"


def _times(match: "re.Match[str]") -> str | None:
    if re.search(r"(?:equals|plus|minus|times|than|to|by|over)\s+$", match.string[: match.start()]):
        return None  # `y = 2x`
    return f"{number(match[1])} times"


def _tens(digits: str) -> str:
    """Return a number as two: `747` is "seven forty-seven", `1080` "ten eighty", `800` "eight hundred"."""
    first, last = digits[:-2], digits[-2:]
    if last == "00":
        return cardinal(digits)
    return f"{cardinal(first)} {'oh ' + cardinal(last[1]) if last[0] == '0' else cardinal(last)}"


def _plane(match: "re.Match[str]") -> str:
    if match[8] or match[9]:
        return _tens(match[8]) if match[8] else f"A {_tens(match[9])}"
    if match[6]:
        return f"{match.group().split()[0]} {_tens(match[6]) if not match[7] else plural(_tens(match[6]))}"
    model = _tens(match[3])
    return " ".join(
        filter(
            None,
            (
                match[1],
                match[2],
                plural(model) if match[5] and not match[4] else model,
                match[4] and cardinal(match[4]),
            ),
        )
    )


def _short_scale(match: "re.Match[str]") -> str | None:
    if len(match[1]) <= 3 and match[2] in "BMKm" and units.is_label(match):
        return None
    if match[2] == "K" and _RACE.match(match.string[match.end() :]):
        return f"{number(match[1])} K"
    if match[2] == "B" and "." not in match[1] and not _COUNTED_BILLIONS.match(match.string[match.end() :]):
        return None if not _ABOUT.search(match.string[: match.start()]) else f"{number(match[1])} billion"
    if match[2] == "B" and re.match(r"\s[A-Z]", match.string[match.end() :]):
        return None  # a house's number
    if match[2] == "K" and len(match[1]) == 1:
        return f"{number(match[1])} K"  # of screens
    return f"{number(match[1])} {_SHORT_SCALES[match[2]]}"


def _sequence(match: "re.Match[str]") -> str:
    parts = match[1].split("-")
    if all(len(part) <= 2 for part in parts):
        return " ".join(cardinal(part) for part in parts)
    return ", ".join(spelled(part) for part in parts)


def _ratio(match: "re.Match[str]") -> str:
    is_time = len(match[2]) == 2 and 24 < int(match[1]) < 100 and int(match[2]) < 60
    return f"{cardinal(match[1])} {'' if is_time else 'to '}{cardinal(match[2])}"  # `45:30` are minutes


def _scientific(match: "re.Match[str]") -> str:
    sign = "minus " if match[2] in ("-", "\u2212") else ""
    return f"{number(match[1])} times ten to the power of {sign}{cardinal(match[3])}"


def _year(match: "re.Match[str]") -> str | None:
    digits, behind, before = match[1], match.string[match.end() :], match.string[: match.start()]
    is_early = digits.startswith("10") and _IN_YEAR.search(before)
    if not (is_year(digits) or is_early) or _SUM_AFTER.match(behind) or _SUM_BEFORE.search(before):
        return None
    return None if _COUNTED.match(behind) else year(digits)


def _number(match: "re.Match[str]") -> str:
    digits = match[1]
    if digits == "911" or (
        2 < len(digits) < 7 and digits.isdigit() and _SPELLED_AFTER.search(match.string[: match.start()])
    ):
        return spelled(digits)
    said = number(digits)
    after = match.string[match.end() : match.end() + 1]
    before = match.string[: match.start()][-1:]
    return f"{' ' if before.isalpha() else ''}{said}{' ' if after.isalpha() else ''}"
