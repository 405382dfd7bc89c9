"""Units after numbers in words: `60 km/h`, `5 °C`, `5'11"`."""

import re

from infra.spoken.attributive import is_attributive
from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import VULGAR, cardinal, mixed, number, ordinal
from infra.spoken.unit_names import NAMES, ONLY_SPACED, PER, POWERED
from infra.spoken.vocabulary import NUMBERED

_UNIT = "|".join(sorted(map(re.escape, NAMES), key=len, reverse=True))
_PER_UNIT = "|".join(sorted(map(re.escape, PER), key=len, reverse=True))
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_BEHIND = r"(?![\w\u00b2\u00b3]|-\w|/[A-Za-z]|['\u2019]\w)"
_DEGREES = re.compile(r"\u00b0\s?(?=[CF]\b)|\u00ba\s?(?=[CF]\b)")
_MEASURE = re.compile(
    rf"(?<![\w.,])(?<!\d/)(?P<first>{_AMOUNT})(?:\s?(?P<to>[-\u2013\u2014]"
    rf"|to)\s?(?P<last>{_AMOUNT}))?(?P<gap>[\s\u00a0\u202f-]?)"
    rf"(?P<unit>{_UNIT})(?P<power>[\u00b2\u00b3]|(?<=m)[23]|(?<=ft)[23])?"
    rf"(?:/(?P<per>{_PER_UNIT})(?P<per_power>[\u00b2\u00b3]|(?<=[sm])[23])?)?{_BEHIND}(?:(?<=[a-z])\.(?=\s+[a-z]))?"
)
_FEET_INCHES = re.compile(
    r"(?<![\w.,])(\d{1,2})\s?(?:'|\u2019|\u2032|ft\.?)\s?(\d{1,2}(?:\.\d+)?)\s?(?:\"|\u201d|\u2033|''|in\b\.?)"
)
_FEET = re.compile(r"(?<![\w.,'\u2018])(\d+)\s?['\u2019\u2032](?=[\s.,;:!?)]|$)(?!s)")
_INCHES = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s?[\"\u2033](?=[\s.,;:!?)-]|$)")
_PART = re.compile(
    rf"(?<![\w/.,])(?:(?:(\d+)\s)?(\d{{1,2}})/(\d{{1,4}})|(?:(\d+)\s?)?([{''.join(VULGAR)}]))[\s-]?({_UNIT}"
    rf"|[\"\u2033])(?![\w/])\.?"
)
_SAME_UNIT = re.compile(r"(?<=\d)[%\u00b0]\s?[-\u2013\u2014]\s?(?=\d+(?:\.\d+)?\s?[%\u00b0])")
_LENGTHS = r"(?:cm|mm|km|m|ft|in|yd|px|inch|inches|feet|meters|metres)"
_EACH_SIDE = re.compile(
    rf"(?<=\d)(\s?{_LENGTHS})?\s?[xX\u00d7]\s?(?=\d+(?:\.\d+)?(?:\s?[xX\u00d7]\s?\d+(?:\.\d+)?)*\s?{_LENGTHS}\b)"
)
_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_POSITION = re.compile(
    rf"(?<![\w.,])({_AMOUNT})\s?\u00b0\s?(?:(\d+(?:\.\d+)?)\s?['\u2032\u2019]\s?)?(?:(\d+(?:\.\d+)?)\s?[\"\u2033]\s?)?"
    r"([NSEW])(?!\w)"
)
_ROAD = re.compile(r"\b((?:I|US|SR|Route|Highway|Hwy)\.?[-\s]?\d{1,3})\s([NSEW])(?![\w'])")
_PRESSURE = re.compile(r"(?<![\w./])(\d{2,3})/(\d{2,3})\s?mm\s?Hg\b")
_CONSUMPTION = re.compile(r"(?<=\d)\s?[lL]/100\s?km\b")
_LABEL = re.compile(
    rf"(?i)(?:\b(?:{'|'.join(NUMBERED)}|apt|seat|row|exit|block|flat|house|hall|bed|ward|size|no)\.?\s(?:is\s"
    rf"|number\s)?|[A-Z]-)$"
)
_TYPE_SIZE = re.compile(r"[\s-](?:font|type|text|bold|italic|Arial|Times|Helvetica)\b")
_INCH_END = re.compile(r"(?:(?<=\.\d)|(?<=\.\d\d)|(?<= by \d)|(?<= by \d\d))\s?in(?=\s*(?:$|[,;)]))")
_SAME_NAMED = re.compile(rf"(?<=\d)\s?({_UNIT})\s?[-\u2013\u2014]\s?(?=\d+(?:\.\d+)?\s?\1(?!\w))")
_EITHER = re.compile(rf"(?<=\d)(\s?(?:{_UNIT}))/(?=\d+(?:\.\d+)?\s?(?:{_UNIT})(?!\w))")
_BARE_SIDES = re.compile(r"(?<=\d)\s?[xX]\s?(?=\d+\s?in(?:\s*$|[,;)]))")
_SIDES = re.compile(r"(?<=\d[\"'\u2033\u2032])\s?[xX\u00d7]\s?(?=\d)")
_LENGTH_OF = re.compile(
    r"\s(?!(?:tall|long|wide|deep|high|thick|away|apart|from|and|or|of|is|by|in|to|short|across|above|below|on|at"
    r"|for|it|the|a)\b)[a-z]{3,}"
)
_HOURS_MINUTES = re.compile(r"(?<![\w.,:])(\d{1,3})\s?h(?:rs?)?\s?(\d{1,2})\s?m(?:in)?s?(?:\s?(\d{1,2})\s?s)?(?!\w)")
_MINUTES_SECONDS = re.compile(r"(?<![\w.,:])(\d{1,3})\s?m(?:in)?\s?(\d{1,2})\s?s(?!\w)")
_PERIODS = {
    **PER,
    "min": "minute",
    "minute": "minute",
    "sq ft": "square foot",
    "sqft": "square foot",
    "GB": "gigabyte",
}
_PER_AFTER = re.compile(
    r"(?<=[a-z\d])\s?/\s?(month|mo|year|yr|day|hour|hr|h|week|wk|night|person|user|seat|unit|item|kg|lb|l|gal|GB"
    r"|min|minute"
    r"|mile|km|sq ft|sqft|meter|litre|liter|head|share|ticket|word|page|kWh)(?!\w)"
)
_PER_WORD = re.compile(r"(?<=\bper )(kg|g|km|m|lb|oz|l|L|gal|hr|h|min|sec|s|mo|yr|wk|GB)(?![\w/])")
_PERCENT = re.compile(r"(?<=\d)\s?%(?=-?\w)")


def say(text: MappedText) -> None:
    """Turn measures into words."""
    text.rewrite(_DEGREES, lambda match: "\u00b0")
    text.rewrite(_POSITION, _position)
    text.rewrite(_ROAD, lambda match: f"{kept(1)} {_COMPASS[match[2]].capitalize()}")
    text.rewrite(_PRESSURE, lambda match: f"{number(match[1])} over {number(match[2])} millimeters of mercury")
    text.rewrite(_CONSUMPTION, lambda match: " liters per one hundred kilometers")
    text.rewrite(_SAME_NAMED, lambda match: " to ")
    text.rewrite(_SAME_UNIT, lambda match: " to ")
    text.rewrite(_BARE_SIDES, lambda match: " by ")
    text.rewrite(_INCH_END, lambda match: " inch")
    text.rewrite(_SIDES, lambda match: " by ")
    text.rewrite(_PART, _part)
    text.rewrite(
        _FEET_INCHES, lambda match: f"{_counted(match[1], 'foot', 'feet')} {_counted(match[2], 'inch', 'inches')}"
    )
    text.rewrite(_INCHES, _inches)
    text.rewrite(_FEET, _feet)
    text.rewrite(_HOURS_MINUTES, _hours)
    text.rewrite(
        _MINUTES_SECONDS,
        lambda match: f"{_counted(match[1], 'minute', 'minutes')} {_counted(match[2], 'second', 'seconds')}",
    )
    text.rewrite(_EITHER, lambda match: f"{kept(1)} or ")
    text.rewrite(_MEASURE, _measure)
    text.rewrite(_PER_WORD, lambda match: _PERIODS[match[1]])
    text.rewrite(_PER_AFTER, lambda match: f" per {_PERIODS.get(match[1], match[1])}")
    text.rewrite(_PERCENT, lambda match: " percent ")


def say_sides(text: MappedText) -> None:
    """Turn the crosses between lengths, which are not products, into words: `10x15 cm`; call it before operators."""
    text.rewrite(_EACH_SIDE, lambda match: f"{kept(1)} by ")


def is_label(match: "re.Match[str]") -> bool:
    """Return whether a number with a letter is a name rather than a measure: `gate 23A`, `room 4B`, `I-80 W`."""
    return _LABEL.search(match.string[: match.start()]) is not None


def _position(match: "re.Match[str]") -> str:
    parts = [_counted(match[1], "degree", "degrees")]
    parts += [_counted(match[2], "minute", "minutes")] if match[2] else []
    parts += [_counted(match[3], "second", "seconds")] if match[3] else []
    return " ".join([*parts, _COMPASS[match[4]]])


def _counted(digits: str, one: str, many: str) -> str:
    return f"{number(digits)} {one if digits == '1' else many}"


def _inches(match: "re.Match[str]") -> str | None:
    quotes = re.findall(r'(?<!\d)"', match.string[: match.start()])
    many = "inch" if _LENGTH_OF.match(match.string, match.end()) else "inches"
    return None if len(quotes) % 2 else _counted(match[1], "inch", many)


def _feet(match: "re.Match[str]") -> str | None:
    quotes = match.string[: match.start()]
    return None if re.search(r"(?:^|\s)'", quotes) else _counted(match[1], "foot", "feet")


def _part(match: "re.Match[str]") -> str | None:
    whole = match[1] or match[4]
    above, below = VULGAR[match[5]] if match[5] else (match[2], match[3])
    one, many = NAMES.get(match[6], ("inch", "inches"))
    if not below.strip("0") or int(above) >= int(below):
        return None
    if int(below) > 20:
        part = f"{cardinal(above)} {ordinal(below)}{'' if above == '1' else 's'}"
        return f"{part} of {'an' if one[0] in 'aeiou' or one == 'hour' else 'a'} {one}" if not whole else None
    ends = match.group().endswith(".") and not match.string[match.end() :].strip()
    said = f"{mixed(whole or '', above, below)} {many if whole else one}"
    return f"{said}." if ends else said


def _hours(match: "re.Match[str]") -> str:
    seconds = f" {_counted(match[3], 'second', 'seconds')}" if match[3] else ""
    return f"{_counted(match[1], 'hour', 'hours')} {_counted(match[2], 'minute', 'minutes')}{seconds}"


def _per(unit: str, power: str) -> str:
    if unit == "m" and power:
        return f"{POWERED[power]} meter"
    return PER[unit] + {"square": " squared", "cubic": " cubed"}.get(POWERED.get(power, ""), "")


def _measure(match: "re.Match[str]") -> str | None:
    first, last, unit, per = match["first"], match["last"], match["unit"], match["per"]
    gap = match["gap"]
    if len(unit) == 1 and unit.isupper() and is_label(match):
        return None
    if unit == "pt" and _TYPE_SIZE.match(match.string[match.end() :]):
        return f"{number(first)} point"
    if (unit in ONLY_SPACED and gap.strip(" ") != "") or (unit in ONLY_SPACED and not gap):
        return None
    if gap == "-" and (len(unit) < 2 or match["to"]):
        return None
    if unit in ("s", "t", "A", "m", "g", "h") and gap == "" and not per and len(first) == 4 and unit == "s":
        return None  # the 1990s
    if (
        unit == "in."
        and match.string[match.end() :].strip()
        and not match.string[match.end() :].startswith((" ", ",", ")"))
    ):
        return None
    one, many = NAMES[unit]
    singular = first == "1" and not last
    name = one if singular or gap == "-" or is_attributive(match) else many
    if power := match["power"]:
        name = f"{POWERED[power]} {name}"
    if per:
        name += f" per {_per(per, match['per_power'] or '')}"
    amount = number(first) if not last else f"{number(first)} to {number(last)}"
    behind = "." if unit == "in." and not match.string[match.end() :].strip() else ""
    return f"{amount} {name}{behind}"
