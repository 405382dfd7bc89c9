"""Formulas and signs in words: operators, exponents, and signs that stand for a word."""

import re
import unicodedata

from infra.spoken.latex import power
from infra.spoken.mapped import MappedText, kept

_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f", "0123456789-n"
)
_SUBSCRIPTS = str.maketrans("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "0123456789")

_OPERAND = r"(?:[\d)\]%\u00b0]|(?<![^\W\d_])[a-zA-Z])"
_NEXT = r"(?=\s*(?:[-+\u2212$\u20ac\u00a3(\u221a]?[\d(\u221a.$\u20ac\u00a3]|[a-zA-Z](?![^\W\d_])))"
_BETWEEN = tuple(
    (re.compile(pattern), f" {said} ")
    for pattern, said in (
        (r"\s*&&\s*", "and"),
        (r"(?<=\S)\s+\|\|\s+(?=\S)", "or"),
        (r"(?<=[\d)])\s*\*\*\s*(?=[-\d(a-z])|(?<=(?<!\w)[a-zA-Z])\s*\*\*\s*(?=[-\d(])", "to the power of"),
        (rf"(?<={_OPERAND})\s*(?:\u2264|<=|=<)\s*", "is less than or equal to"),
        (rf"(?<={_OPERAND})\s*(?:\u2265|>=)\s*", "is greater than or equal to"),
        (r"\s*(?:!=|\u2260|<>)\s*(?=\S)", "is not equal to"),
        (r"(?<=[\w)])\s*(?:\u2248|\u2243|\u2245)\s*(?=\S)", "is approximately"),
        (r"(?<=\d)\s*[\u00d7\u22c5\u00b7*]\s*(?=[-\d($])", "times"),
        (rf"(?<={_OPERAND})\s+\*\s+{_NEXT}|(?<=[\w)])\s+[\u00d7\u22c5]\s+(?=[\w($])", "times"),
        (r"(?<=\d)\s*[xX]\s*(?=\d+\s*=)", "times"),
        (r"(?<=[a-zA-Z\d)])[*\u22c5](?=[a-zA-Z\d(])", "times"),
        (r"(?<=[\w)%])\s*\u00f7\s*(?=[\w(])", "divided by"),
        (r"(?<=[\d)%])\s+/\s+(?=[-\d(])|(?<=(?<!\w)[a-z])\s*/\s*(?=[a-z]\s*=)", "divided by"),
        (r"(?<=(?<![\w-])[a-z])-(?=\d)", "minus"),
        (rf"(?<={_OPERAND})\s*\+\s*{_NEXT}", "plus"),
        (rf"(?<={_OPERAND})\s+[-\u2212]\s+{_NEXT}|(?<=[\d)])\s*\u2212\s*{_NEXT}|(?<=\))-(?=[\d(])", "minus"),
        (rf"(?<=[\d)])\s*[-\u2013]\s*{_NEXT}(?=\s*[\d.,()]+\s*=)", "minus"),
        (r"(?<=[\w)\]%\u00b0\"'])\s*={2,3}\s*(?=\S)|(?<=[\w)\]%\u00b0])\s*=\s*(?=[-+\w(\u221a\u2212$\"'])", "equals"),
        (r"\s+(?:=>|\u21d2|->|-->|\u2192|\u279c)\s+|(?<=\w)(?:->|\u2192)(?=\w)", "to"),
    )
)
_BEFORE = tuple(
    (re.compile(pattern), f"{said} ")
    for pattern, said in (
        (r"\u00b1\s*(?=[\d$])|\+/-\s*(?=[\d$])", "plus or minus"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:~|\u2248)\s*(?=[-$\u20ac\u00a3\d])", "about"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:<=|\u2264)\s*(?=[-$\u20ac\u00a3\d.])", "at most"),
        (r"(?:(?<=\s)|^|(?<=[(\"']))(?:>=|\u2265)\s*(?=[-$\u20ac\u00a3\d.])", "at least"),
        (r"\u221a\s*(?=[\d(a-z])", "the square root of"),
        (r"\u221b\s*(?=[\d(a-z])", "the cube root of"),
    )
)
_LESS = re.compile(r"(?<=[\w)%])\s*<\s*(?=[-\w($])|(?:(?<=\s)|^)<\s*(?=[-$\d])")
_MORE = re.compile(r"(?<=[\w)%])\s*>\s*(?=[-\w($])|(?:(?<=\s)|^)>\s*(?=[-$\d])")
_CARET = re.compile(r"(?<=[\w)])\^(?:\{([^{}]+)\}|\(([^()]+)\)|(-?\w+))")
_SUPERSCRIPT = re.compile("(?<=[\\w)])([\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b\u207f]+)")
_SUBSCRIPT = re.compile("(?<=\\w)([\u2080-\u2089]+)")
_MINUS = re.compile(r"(?:(?<=[\s(\[\"':=])|^)[-\u2212\u2013](?=[$\u20ac\u00a3\u00a5]?\.?\d)|\u2212(?=\d)")
_PLUS = re.compile(r"(?:(?<=[\s(\[\"'=])|^)\+(?=[$\u20ac\u00a3]?\d)")
_AFTER_NUMBER_PLUS = re.compile(r"(?<=\d)\+(?=[\s.,;!?)]|$)|(?<=(?<!\w)[A-F])\+(?=[\s.,;!?)]|$)")

_QUOTIENT = re.compile(r"(?<![\w/.])(\d+)/(\d+)(?=\s*(?:=|equals\b))")
_FACTORIAL = re.compile(r"(?<=\d)!(?=\s*[-=+*/\u00d7\u00f7])")
_OR = re.compile(
    r"(?i)\b(yes|he|his|him|she|true|on|s|either|one|in)\s?/\s?(no|she|hers?|he|false|off|or|both|many|out)\b"
)
_GRADE = re.compile(r"(?<=(?<![\w-])[A-F])[-\u2212](?=[\s.,;!?)]|$)")
_SIGNS = {
    "&": "and",
    "@": "at",
    "%": "percent",
    "\u2030": "per mille",
    "\u00b0": "degrees",
    "\u00a7": "section",
    "\u00b6": "paragraph",
    "\u2116": "number",
    "\u00a9": "copyright",
    "\u221e": "infinity",
    "\u2206": "delta",
    "\u2202": "partial",
    "\u2207": "nabla",
    "\u220f": "the product of",
    "\u2200": "for all",
    "\u2203": "there exists",
    "\u2209": "not in",
    "\u222a": "union",
    "\u2229": "intersection",
    "\u2282": "is a subset of",
    "\u2286": "is a subset of",
    "\u2205": "the empty set",
    "\u2261": "is equivalent to",
    "\u221d": "is proportional to",
    "\u00ac": "not",
    "\u266f": "sharp",
    "\u266d": "flat",
    "\u2211": "the sum of",
    "\u222b": "the integral of",
    "\u2208": "in",
    "\u2227": "and",
    "\u2228": "or",
    "\u2234": "therefore",
    "$": "dollars",
    "\u20ac": "euros",
    "\u00a3": "pounds",
    "\u00a5": "yen",
    "+": "plus",
    "=": "equals",
    "<": "less than",
    ">": "greater than",
    "\u2260": "not equal to",
    "\u2264": "at most",
    "\u2265": "at least",
    "\u2248": "approximately",
    "\u00b1": "plus or minus",
    "\u00d7": "times",
    "\u00f7": "divided by",
    "\u2212": "minus",
    "\u2192": "to",
    "\u2190": "from",
    "\u2194": "to and from",
    "\u2191": "up",
    "\u2193": "down",
    "\u21d2": "implies",
}
_SIGN = re.compile("[" + re.escape("".join(_SIGNS)) + "]")
_GREEK_LETTER = re.compile(
    r"(?<![\u0370-\u03ff\u1f00-\u1fff])([\u0391-\u03a9\u03b1-\u03c9])(?![\u0370-\u03ff\u1f00-\u1fff])"
)
_COPYRIGHT = re.compile(r"(?i)(?<=\bcopyright)\s*\u00a9")
_MARKS = re.compile("[\u2122\u00ae\u2020\u2021\u00ad]")
_SLASH = re.compile(r"(?<=[^\W\d_])\s*/\s*(?=[^\W\d_])")
_UNDERSCORE = re.compile(r"(?<=[^\W_])_+(?=[^\W_])|(?:(?<=\s)|^)_+(?=\w)|(?<=\w)_+(?=[\s.,;:!?)]|$)")
_BACKSLASH = re.compile(r"\\")


def say(text: MappedText) -> None:
    """Turn the operators between numbers into words; numbers stay."""
    if not re.search(
        r"[\\^*+=<>~/&|\u2212\u2013\u00b1\u00d7\u00f7\u2070-\u209f\u00b9\u00b2\u00b3\u2190-\u22ff-]", text.text
    ):
        return
    text.rewrite(_FACTORIAL, lambda match: " factorial")
    text.rewrite(_CARET, lambda match: f" {power(match[1] or match[2] or match[3])}")
    for pattern, said in _BETWEEN:
        text.rewrite(pattern, lambda match, said=said: said)  # type: ignore[misc]
    for pattern, said in _BEFORE:
        text.rewrite(pattern, lambda match, said=said: said)  # type: ignore[misc]
    text.rewrite(_LESS, lambda match: f"{_is(match)} less than " if match.start() else "less than ")
    text.rewrite(_MORE, lambda match: f"{_is(match)} greater than " if match.start() else "more than ")
    text.rewrite(_MINUS, lambda match: "minus ")
    text.rewrite(_PLUS, lambda match: "plus ")
    text.rewrite(_QUOTIENT, _quotient)
    text.rewrite(_GRADE, lambda match: " minus")
    text.rewrite(_AFTER_NUMBER_PLUS, lambda match: " plus")


def say_superscripts(text: MappedText) -> None:
    """Turn superscript and subscript digits into words; call it after units."""
    text.rewrite(_SUPERSCRIPT, lambda match: f" {power(match[1].translate(_SUPERSCRIPTS))}")
    text.rewrite(_SUBSCRIPT, lambda match: f" {match[1].translate(_SUBSCRIPTS)}")


def say_signs(text: MappedText) -> None:
    """Turn the remaining signs into words."""
    text.rewrite(_MARKS, lambda match: "")
    text.rewrite(_COPYRIGHT, lambda match: "")
    text.rewrite(_GREEK_LETTER, lambda match: f" {_greek(match[1])} ")
    text.rewrite(_SIGN, lambda match: f" {_SIGNS[match.group()]} ")
    text.rewrite(_OR, lambda match: f"{kept(1)} or {kept(2)}")
    text.rewrite(_SLASH, lambda match: " or " if match.group() == " / " else " ")
    text.rewrite(_UNDERSCORE, lambda match: " ")
    text.rewrite(_BACKSLASH, lambda match: " ")


def _greek(letter: str) -> str:
    name = unicodedata.name(letter).split()[-1].lower()
    return "lambda" if name == "lamda" else name


def _quotient(match: "re.Match[str]") -> str | None:
    return f"{kept(1)} divided by {kept(2)}" if int(match[1]) >= int(match[2]) else None


def _is(match: "re.Match[str]") -> str:
    """Return the verb, unless the sentence has one: `Is 3 < 5?`."""
    return "" if re.search(r"(?i)\b(?:is|are|was|be)\s+\S+$", match.string[: match.start()]) else " is"
