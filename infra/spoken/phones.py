"""Telephone and card numbers in words: digit by digit, with a pause between their groups."""

import re

from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import spelled

_GAP = r"[\s.\u2011-]"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![\w.,/])\+\d{{1,3}}{_GAP}?(?:\(\d{{1,4}}\){_GAP}?)?\d{{1,4}}(?:{_GAP}?\d{{2,4}}){{1,4}}(?![\w])",
        rf"(?<![\w.,+/-])(?:1{_GAP})?\(\d{{3}}\)\s?\d{{3}}{_GAP}\d{{4}}(?!\w)",
        r"(?<![\w.,+/-])(?:1[-.])?\d{3}([-.])\d{3}\1\d{4}(?![\w-])",
        r"(?<![\w.,+/-])\(0\d{2,4}\)\s?\d{3,4}[\s-]?\d{3,4}(?![\w-])",
        r"(?<![\w.,+/-])\d{3}\s\d{3}\s\d{4}(?![\w-])",
        r"(?<![\w.,+/-])[2-9]\d{2}-\d{4}(?![\w-])",
        r"(?<![\w.,+/-])(?<!\d )0\d{2,4}[\s/-]\d{3,8}(?:[\s-]\d{2,4})?(?![\w-])",
        r"(?<![\w.,+/-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])",
        r"(?<![\w.,+/-])\d{3}-\d{2}-\d{4}(?![\w-])",
    )
)
_WORDED = re.compile(r"(?<![\w./-])1-(\d{3})-([A-Z]{4,})(?!\w)")
_KEYS = re.compile(r"(?i)(\b(?:press|dial|hit|enter|push|key|or)\s+(?:the\s+)?)([*#]\d{0,4}[*#]?)(?![\w*#])")
_KEY_NAMES = {"*": "star", "#": "pound"}
_EXTENSION = re.compile(r"(?<=\d{3}[-. ]\d{4}),?\s?(?:[xX]|ext)\.?\s?(?=\d{1,5}(?!\w))")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?(?!\w)")


def say(text: MappedText) -> None:
    """Turn telephone and card numbers into words."""
    text.rewrite(_WORDED, lambda match: f"one, {spelled(match[1])}, {match[2].capitalize()}")
    text.rewrite(_IBAN, lambda match: ", ".join(_signs(group) for group in re.findall(r"\w{1,4}", match.group())))
    text.rewrite(_KEYS, lambda match: f"{kept(1)}{_keys(match[2])}")
    text.rewrite(_EXTENSION, lambda match: " extension ")
    for pattern in _PATTERNS:
        text.rewrite(pattern, _phone)


def _keys(keys: str) -> str:
    return " ".join(_KEY_NAMES.get(key) or spelled(key) for key in keys)


def _signs(group: str) -> str:
    return " ".join(spelled(sign) for sign in group)


def _phone(match: "re.Match[str]") -> str | None:
    if len(match.group()) == 8 and match.group()[3] == "-" and match.group().endswith("0"):
        return None  # a range: `200-1000`
    groups = [spelled(group) for group in re.findall(r"\d+", match.group())]
    plus = "plus " if match.group().startswith("+") else ""
    return plus + ", ".join(groups)
