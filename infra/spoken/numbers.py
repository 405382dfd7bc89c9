"""Numbers in words, as in American English. The words come from num2words (imported when first needed)."""

import re
from functools import lru_cache

MOST_DIGITS = 15
"""Longer numbers are said digit by digit."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_HALVES = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_YEARS = range(1100, 2100)
VULGAR = {
    "\u00bd": ("1", "2"),
    "\u2153": ("1", "3"),
    "\u2154": ("2", "3"),
    "\u00bc": ("1", "4"),
    "\u00be": ("3", "4"),
    "\u2155": ("1", "5"),
    "\u2156": ("2", "5"),
    "\u2157": ("3", "5"),
    "\u2158": ("4", "5"),
    "\u2159": ("1", "6"),
    "\u215b": ("1", "8"),
    "\u215c": ("3", "8"),
    "\u215d": ("5", "8"),
    "\u215e": ("7", "8"),
}
"""Fractions of one character: above and below the line."""


@lru_cache(maxsize=4096)
def _words(number: int, form: str) -> str:
    from num2words import num2words

    # Without the British "and", and without commas, at which a voice would pause.
    return str(num2words(number, lang="en", to=form)).replace(" and ", " ").replace(",", "")


def cardinal(digits: str) -> str:
    """Return a whole number in words: `1,250` is "one thousand two hundred fifty"; `007` is said digit by digit."""
    plain = re.sub(r"\D", "", digits)
    if len(plain) > MOST_DIGITS or (len(plain) > 1 and plain[0] == "0"):
        return spelled(plain)
    return _words(int(plain), "cardinal")


def number(text: str) -> str:
    """Return a number in words that may have a sign, thousands separators and decimals: `-3.5`, `1,200.25`, `.5`."""
    sign = {"-": "minus ", "\u2212": "minus ", "+": "plus "}.get(text[:1], "")
    whole, point, decimals = text.lstrip("-+\u2212").partition(".")
    said = cardinal(whole) if whole else ""
    if point and decimals:
        said = f"{said} point {spelled(decimals)}".strip()
    return sign + said


def ordinal(digits: str) -> str:
    """Return an ordinal in words: `21` is "twenty-first"."""
    plain = re.sub(r"\D", "", digits)
    return _words(int(plain), "ordinal") if len(plain) <= MOST_DIGITS else spelled(plain)


def spelled(digits: str) -> str:
    """Return digits one by one."""
    return " ".join(_DIGITS[int(digit)] if digit.isascii() and digit.isdigit() else digit for digit in digits)


def is_year(digits: str) -> bool:
    """Return whether a number may be a year of the last 900 years or the next 80."""
    return len(digits) == 4 and int(digits) in _YEARS


def year(digits: str) -> str:
    """Return a year in words: `1908` is "nineteen oh eight", `2005` is "two thousand five"."""
    value = int(digits)
    century, rest = divmod(value, 100)
    if not 1000 <= value <= 9999 or (century % 10 == 0 and rest < 10):
        return cardinal(digits)
    if rest == 0:
        return f"{cardinal(str(century))} hundred"
    return f"{cardinal(str(century))} {'oh ' if rest < 10 else ''}{cardinal(str(rest))}"


def plural(words: str) -> str:
    """Return the plural of a number in words: "nineteen nineties", "eighteen hundreds"."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith(("s", "x")) else f"{words}s"


def fraction(above: str, below: str) -> str:
    """Return a fraction in words: "three quarters", "two thirds", "seven over nine hundred"."""
    many = int(above) != 1
    if int(below) in _HALVES:
        return f"{cardinal(above)} {_HALVES[int(below)][many]}"
    if 2 < int(below) <= 20 or int(below) in (30, 32, 50, 64, 100, 1000):
        part = ordinal(below)
        return f"{cardinal(above)} {part}{'s' if many else ''}"
    return f"{cardinal(above)} over {cardinal(below)}"


def mixed(whole: str, above: str, below: str) -> str:
    """Return a whole number and a fraction in words: "two and a half"."""
    part = fraction(above, below)
    if not whole:
        return part
    part = part.replace("one ", "a ", 1) if above == "1" else part
    return f"{cardinal(whole)} and {part}"
