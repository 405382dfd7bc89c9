"""Codes sign by sign: booking codes, hashes, UUIDs, hexadecimal numbers, colours, network addresses."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import cardinal, spelled

_HEX = re.compile(r"(?<!\w)0([xX])([0-9A-Fa-f]+)(?!\w)|(?<!\w)0([bB])([01]+)(?!\w)")
_CODE = re.compile(r"(?<![\w.$-])(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w]|-\w|[.,]\d)")
_NAMED = re.compile(
    r"(?i:\b(?:code|pin|id|password|passcode|account|order|ticket|confirmation|reference|tracking|serial|zip|otp"
    r"|case|extension|ext|license|iban|invoice|RFC)\b(?:\s+(?:number|code|no\.?|is|id"
    r"|#))*[:\s]+#?)(\d{4,})(?![\d.,]*\d|:)"
)
_UUID = re.compile(r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])")
_MAC = re.compile(r"(?<![\w:-])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])")
_IPV6 = re.compile(
    r"(?<![\w:.])(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}"
    r"|(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?)(?:/(\d{1,3}))?(?![\w:])"
)
_HASH = re.compile(r"(?<![\w./-])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d[0-9a-f]*\d)[0-9a-f]{7,64}(?![\w/-]|\.\w)")
_COLOUR = re.compile(r"(?<![\w&])#((?=[0-9A-Fa-f]*\d)(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})|(?:[0-9A-F]{6}))(?!\w)")
_WORDLIKE = re.compile(r"[A-Z]{3,}-?\d{1,2}|[A-Z]-?\d{1,3}|\d{1,3}[A-Z]{1,2}|[A-Z]{1,3}\d{1,2}[A-Z]?|[A-Z]{2}-\d{1,2}")


def say_long(text: MappedText) -> None:
    """Turn codes into words that would otherwise be mistaken for numbers, times or addresses."""
    if re.search(r"[:-]", text.text):
        text.rewrite(_UUID, lambda match: _groups(match.group().split("-")))
        text.rewrite(_MAC, lambda match: _groups(re.split("[:-]", match.group().upper())))
        text.rewrite(_IPV6, _ipv6)
    text.rewrite(_COLOUR, lambda match: f"hash {_signs(match[1].upper())}")


def say(text: MappedText) -> None:
    """Turn codes into words."""
    text.rewrite(_HEX, lambda match: f"zero {(match[1] or match[3]).lower()} {_signs((match[2] or match[4]).upper())}")
    text.rewrite(_NAMED, lambda match: match.group()[: match.start(1) - match.start()] + spelled(match[1]))
    text.rewrite(_CODE, _code)
    text.rewrite(_HASH, lambda match: _signs(match.group()))


def _signs(group: str) -> str:
    return " ".join(spelled(sign) if sign.isdigit() else sign for sign in group)


def _groups(groups: "list[str]") -> str:
    return ", ".join(_signs(group) for group in groups)


def _ipv6(match: "re.Match[str]") -> str | None:
    address = match.group().partition("/")[0]
    if not any(sign.isalnum() for sign in address):
        return None  # `std::`, or a user's own mark
    said = " ".join("colon" if part == ":" else _signs(part) for part in re.findall(r":|[0-9a-fA-F]+", address))
    return said + (f" slash {cardinal(match[1])}" if match[1] else "")


def _code(match: "re.Match[str]") -> str | None:
    code = match.group()
    if _WORDLIKE.fullmatch(code) or len(code.replace("-", "")) < 4 or re.match(r"\d{4}-\d\d-\d\d", code):
        return None
    return _groups(code.split("-"))
