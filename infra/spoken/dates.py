"""Times of day and dates in words."""

import re

from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import cardinal, is_year, ordinal, year
from infra.spoken.vocabulary import DAYS, MONTH_NAMES, MONTHS

_GOES_ON = (
    r"(?:[ECMP][SD]?T|AK[SD]T|HST|UTC|GMT|BST|CEST|CET|IST|JST|AES?T|Eastern|Central|Mountain|Pacific"
    r"|(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
)
"""What may follow `p.m.` in the same sentence."""
_NAME_OF_MONTH = "|".join([*MONTH_NAMES, *(name.capitalize() for name in MONTHS)])
_NAME_OF_DAY = "|".join([*dict.fromkeys(DAYS.values()), *(name.capitalize() for name in DAYS)])
_SHORT_DAYS = "|".join(name.capitalize() for name in DAYS)
_HALF = r"(?:\s?([aApP]\.?\s?[mM])\b(?:\.(?!\s+(?!" + _GOES_ON + r")[A-Z])(?=\s*[^\s\"')]))?(?!\w))"
_CLOCK = r"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?"
_TIME_RANGE = re.compile(rf"(?<![\w:.]){_CLOCK}{_HALF}?\s?[-\u2013\u2014]\s?{_CLOCK}{_HALF}?(?![\w:])")
_HOUR_RANGE = re.compile(rf"(?<![\w:.$])(\d{{1,2}})\s?[-\u2013\u2014]\s?(\d{{1,2}}){_HALF}")
_DOTTED_TIME = re.compile(r"(?<![\w:.$])(\d{1,2})\.([0-5]\d)(?=\s?[aApP]\.?\s?[mM]\b)")
_WATCH = re.compile(r"(?<=\bat )(0[1-9])00(?![\w:.,]*\d)")
_HUNDRED_HOURS = re.compile(r"(?<![\w:.,$])(0[1-9]|1\d|2[0-4])00(?=\s(?:hours|hrs)\b)")
_NAMED_HOURS = re.compile(
    r"(?i)(?:(?<=\bnoon)|(?<=night))\s?[-\u2013\u2014]\s?(?=\w)|(?:(?<=\d)"
    r"|(?<=[AP]M))\s?[-\u2013\u2014]\s?(?=(?:noon|midnight)\b)"
)
_TIME = re.compile(rf"(?<![\w:.]){_CLOCK}{_HALF}?(?![\w]|:\d)")
_HOUR = re.compile(rf"(?<![\w:.,$])(1[0-2]|0?[1-9]){_HALF}")
_OCLOCK = re.compile(r"(?<![\w:.])(\d{1,2})(?=\s?o['\u2019]clock\b)")
_ZONE = re.compile(r"\b(UTC|GMT)\s?([+\u2212-]|plus\b|minus\b)\s?(\d{1,2})(?::?(\d\d))?")

_NAME = "|".join([*MONTH_NAMES, *(f"{name.capitalize()}\\.?" for name in MONTHS if name != "may")])
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_ISO = re.compile(r"(?<![\w/.-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:T(\d\d):(\d\d)(?::\d\d)?(?:\.\d+)?(Z)?)?(?![\w/-])")
_SLASHED = re.compile(r"(?<![\w/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\w/-]|\.\d)")
_SHORT = re.compile(
    r"\b([Oo]n|[Bb]y|[Ss]ince|[Uu]ntil|[Bb]efore|[Aa]fter|(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\.?,?"
    r"|[A-Z][a-z]+day,?) (\d{1,2})/(\d{1,2})(?![\w/])"
)
_MONTH_DAYS = re.compile(rf"\b({_NAME})\s+{_DAY}\s?[-\u2013\u2014]\s?{_DAY}(?:,?\s+(\d{{4}}))?(?![\w]|[.,:]\d)")
_MONTH_DAY = re.compile(rf"\b({_NAME})\s+{_DAY}(?:(,?)\s+(\d{{4}})(?!\s?[-:])|,?\s+'(\d\d))?(?![\w:%]|[.,]\d)")
_DAY_MONTH = re.compile(
    rf"(?<![\w.,:/$-])(the\s+)?{_DAY}(?:\s+of)?[\s-]({_NAME})(?:(?:,?\s+|-)(\d{{4}}|\d{{2}}(?=\b(?!\s?[:%]))))?\b"
)
_DAYS_MONTH = re.compile(
    rf"(?<![\w.,:/$-])(?:the\s+)?{_DAY}\s?[-\u2013\u2014]\s?{_DAY}(?:\s+of)?\s({_NAME})(?:,?\s+(\d{{4}}))?(?!\w"
    rf"|[.,:]\d)"
)
_BETWEEN_MONTHS = re.compile(rf"\b({_NAME})\s+{_DAY}\s?[-\u2013\u2014]\s?(?=(?:{_NAME})\s+\d)")
_BETWEEN_DAYS = re.compile(
    rf"(?<![\w.,:/$-])(?:the\s+)?{_DAY}\s+({_NAME})\s?[-\u2013\u2014]\s?(?=\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_NAME}))"
)
_ONE_OF_SEVERAL = re.compile(r"\d(?:st|nd|rd|th),?\s+(?:and|or|to|through)\s+$")
_MONTH_YEAR = re.compile(rf"\b({_NAME})(?:\s+of)?,?\s+(\d{{4}})(?![\w]|[.,]\d)")
_DAY_NAME = re.compile(
    rf"\b({'|'.join(name.capitalize() for name in DAYS)})(?:\.(?=\s*[,\w])|(?=,(?:\s|$)|\s\d|\s(?:at|from|and"
    rf"|through|to|morning|evening)\b))"
    r"(?![\w'])|\b(Tues?|Thu(?:rs?)?|Fri)(?![\w'\u2019-])(?:\.(?=\s*[,\w]))?"
    r"|(?<=\bon\s|\bby\s)(Mon|Wed|Sat|Sun)(?=\s*(?:$|[.,;:!?)]))"
)
_ERA = re.compile(
    r"(?<![\w.,])(?:(AD|A\.D\.)\s?(\d{1,4})|(\d{1,4}(?:,\d{3})?)\s?(BCE|BC|CE|AD|B\.C\.E?\.?|A\.D\.|C\.E\.))(?![\w])"
)
_LONE_YEAR = re.compile(r"(?<=['\u2019])(\d\d)(?=[\s.,;:!?)]|$)")
_DAY_NAMES = "|".join(sorted((name.capitalize() for name in DAYS), key=len, reverse=True))
_DAYS = re.compile(rf"\b({_DAY_NAMES})\.?\s?[-\u2013]\s?({_DAY_NAMES})\b\.?")
_MONTH_OF_YEAR = re.compile(r"(?<![\w/.-])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/-])")
_SHORT_CLOCK = re.compile(r"(?<![\w:.,])(1\d|2[0-3])h([0-5]\d)(?!\w)")
_COUNTDOWN = re.compile(r"(?<![\w-])T[-\u2212](?=\d)")
_SPAN = re.compile(
    rf"\b((?:{_NAME_OF_MONTH})\.?|(?:{_NAME_OF_DAY})|Q[1-4])\s?[\u2013-]\s?(?=(?:(?:{_NAME_OF_MONTH})"
    rf"|(?:{_NAME_OF_DAY})|Q[1-4])\b)"
)
_PAIR = re.compile(
    rf"\b(Sat|Sun|Mon|Wed)\.?(?=\s?(?:&|and|or|/|,)\s?(?:{_SHORT_DAYS})\b)|(?:(?<=day & )|(?<=day and )"
    rf"|(?<=day or ))(Sat|Sun|Mon|Wed)(?!\w)"
)
_LETTERS = re.compile(r"(?<![\w-])([A-Z])\s?(?:\u2013|(?<=A)-(?=Z))\s?([A-Z])(?![\w-])")
_HALVES_APART = re.compile(r"(?<=[AP]M)\s?[-\u2013\u2014]\s?(?=\w)")
_QUARTER = re.compile(r"\bQ([1-4])(?=\b)")


def say(text: MappedText) -> None:
    """Turn times and dates into words."""
    found = text.text
    if ":" in found or re.search(r"[aApP]\.?\s?[mM]|clock|UTC|GMT", found):
        text.rewrite(_DOTTED_TIME, lambda match: f"{match[1]}:{match[2]}")
        text.rewrite(_ISO, _iso)
        text.rewrite(_ZONE, _zone)
        text.rewrite(_TIME_RANGE, lambda match: f"{_time(*match.groups()[:4])} to {_time(*match.groups()[4:])}")
        text.rewrite(_HOUR_RANGE, lambda match: f"{cardinal(match[1])} to {cardinal(match[2])} {_half(match[3])}")
        text.rewrite(_TIME, lambda match: _time(*match.groups()))
        text.rewrite(_HOUR, lambda match: f"{cardinal(match[1].lstrip('0'))} {_half(match[2])}")
        text.rewrite(_HALVES_APART, lambda match: " to ")
        text.rewrite(_OCLOCK, lambda match: cardinal(match[1]))
    text.rewrite(_NAMED_HOURS, lambda match: " to ")
    text.rewrite(_WATCH, lambda match: f"{_two(match[1])} hundred")
    text.rewrite(_HUNDRED_HOURS, lambda match: f"{_two(match[1])} hundred")
    text.rewrite(_ERA, _era)
    text.rewrite(_ISO, _iso)
    text.rewrite(_SLASHED, _slashed)
    text.rewrite(_SHORT, _short)
    text.rewrite(_COUNTDOWN, lambda match: "T minus ")
    text.rewrite(_SHORT_CLOCK, lambda match: _time(match[1], match[2], None, None))
    text.rewrite(_SPAN, lambda match: f"{_whole(match[1])} to ")
    text.rewrite(_MONTH_OF_YEAR, lambda match: f"{MONTH_NAMES[int(match[1]) - 1]} {year(match[2])}")
    text.rewrite(_DAYS_MONTH, _days_month)
    text.rewrite(_MONTH_DAYS, _month_days)
    text.rewrite(_BETWEEN_MONTHS, _between_months)
    text.rewrite(_BETWEEN_DAYS, _between_days)
    text.rewrite(_MONTH_DAY, _month_day)
    text.rewrite(_DAY_MONTH, _day_month)
    text.rewrite(_MONTH_YEAR, lambda match: f"{_month(match[1])} {year(match[2])}" if is_year(match[2]) else None)
    text.rewrite(_QUARTER, lambda match: f"Q {cardinal(match[1])}")
    text.rewrite(_LONE_YEAR, lambda match: cardinal(match[1]) if int(match[1]) > 9 else f"oh {cardinal(match[1])}")
    text.rewrite(
        re.compile(r"['\u2019](?=(?:oh |ten|eleven|twelve|[a-z]+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty))"),
        lambda match: "",
    )


def say_names(text: MappedText) -> None:
    """Expand short names: `Jan.`, `Mon,`."""
    text.rewrite(_LETTERS, lambda match: f"{kept(1)} to {kept(2)}")
    text.rewrite(_SPAN, lambda match: f"{_whole(match[1])} to ")
    for _ in range(2):  # the first of a pair identifies the second
        text.rewrite(_PAIR, lambda match: DAYS[(match[1] or match[2]).lower()])
    text.rewrite(_DAYS, lambda match: f"{DAYS[match[1].lower()]} to {DAYS[match[2].lower()]}")
    text.rewrite(_DAY_NAME, lambda match: DAYS[(match[1] or match[2] or match[3]).lower()])


def _half(written: str) -> str:
    return "AM" if written[0] in "aA" else "PM"


def _time(hours: str, minutes: str, seconds: str | None, half: str | None) -> str:
    hour = cardinal(str(int(hours)))
    behind = f" {_half(half)}" if half else ""
    if int(minutes):
        said = f"{hour} {'oh ' if minutes[0] == '0' else ''}{cardinal(str(int(minutes)))}"
    elif half or seconds:
        said = hour
    elif int(hours) in (0, 24):
        return "midnight"
    else:
        said = f"{hour} o'clock" if int(hours) <= 12 else f"{hour} hundred"
    if seconds and int(seconds):
        said += f" and {cardinal(str(int(seconds)))} second{'' if int(seconds) == 1 else 's'}"
    return said + behind


def _zone(match: "re.Match[str]") -> str:
    sign = "plus" if match[2] in ("+", "plus") else "minus"
    minutes = f" {cardinal(match[4])}" if match[4] and match[4] != "00" else ""
    return f"{match[1]} {sign} {cardinal(match[3].lstrip('0') or '0')}{minutes}"


def _era(match: "re.Match[str]") -> str:
    digits, era = match[2] or match[3], (match[1] or match[4]).replace(".", "")
    said = year(digits) if len(digits) == 4 else cardinal(digits)
    return f"{' '.join(era)} {said}" if match[2] else f"{said} {' '.join(era)}"


def _month(name: str) -> str:
    return MONTHS.get(name.rstrip(".").lower(), name)


def _date(month: int, day: str, years: str) -> str | None:
    if not 1 <= month <= 12 or not 1 <= int(day) <= 31:
        return None
    said = f"{MONTH_NAMES[month - 1]} {ordinal(day)}"
    if not years:
        return said
    return f"{said}, {year(years) if len(years) == 4 else _short_year(years)}"


def _short_year(digits: str) -> str:
    return year(f"{'19' if int(digits) > 50 else '20'}{digits}")


def _iso(match: "re.Match[str]") -> str | None:
    date = _date(int(match[2]), match[3], match[1])
    if date is None or match[4] is None:
        return date
    zone = " UTC" if match[6] else ""
    return f"{date}, {_time(match[4], match[5], None, None)}{zone}"


def _slashed(match: "re.Match[str]") -> str | None:
    first, mark, second, years = match.groups()
    if mark == "." or int(first) > 12:
        return _date(int(second), first, years)
    return _date(int(first), second, years)


def _short(match: "re.Match[str]") -> str | None:
    month, day = (match[3], match[2]) if int(match[2]) > 12 else (match[2], match[3])
    date = _date(int(month), day, "")
    return f"{kept(1)} {date}" if date else None


def _year_behind(digits: str | None) -> str:
    return f", {year(digits)}" if digits else ""


def _days_month(match: "re.Match[str]") -> str | None:
    if int(match[1]) > 31 or int(match[2]) > 31:
        return None
    years = f" {year(match[4])}" if match[4] else ""
    return f"the {ordinal(match[1])} to the {ordinal(match[2])} of {_month(match[3])}{years}"


def _between_months(match: "re.Match[str]") -> str:
    return f"{_month(match[1])} {ordinal(match[2])} to "


def _between_days(match: "re.Match[str]") -> str:
    return f"the {ordinal(match[1])} of {_month(match[2])} to "


def _whole(name: str) -> str:
    short = name.rstrip(".").lower()
    return MONTHS.get(short) or DAYS.get(short) or name


def _two(digits: str) -> str:
    return f"oh {cardinal(digits[1])}" if digits[0] == "0" else cardinal(digits)


def _month_days(match: "re.Match[str]") -> str | None:
    if int(match[2]) > 31 or int(match[3]) > 31:
        return None
    return f"{_month(match[1])} {ordinal(match[2])} to {ordinal(match[3])}{_year_behind(match[4])}"


def _month_day(match: "re.Match[str]") -> str | None:
    if not 1 <= int(match[2]) <= 31:
        return None
    behind = _year_behind(match[4]) if match[4] else f", {_short_year(match[5])}" if match[5] else ""
    return f"{_month(match[1])} {ordinal(match[2])}{behind}"


def _day_month(match: "re.Match[str]") -> str | None:
    if not 1 <= int(match[2]) <= 31:
        return None
    behind = f" {year(match[4]) if len(match[4]) == 4 else _short_year(match[4])}" if match[4] else ""
    the = "" if _ONE_OF_SEVERAL.search(match.string[: match.start()]) and not match[1] else "the "
    return f"{the}{ordinal(match[2])} of {_month(match[3])}{behind}"
