"""Abbreviations, initials and Roman numerals in words."""

import re

from infra.spoken import dates
from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import cardinal, ordinal
from infra.spoken.vocabulary import ALWAYS, BEFORE_NUMBER, MONTHS, NUMBERED, ROMAN, TITLES, words

_REGNAL = words(
    "henry louis elizabeth george edward charles william james richard john paul pius benedict francis"
    " nicholas catherine peter ivan alexander frederick philip ferdinand napoleon leo gregory innocent"
    " urban clement boniface mary ramses ramesses thutmose ptolemy darius xerxes cyrus otto friedrich"
    " wilhelm karl carl gustav gustaf haakon harald olav margrethe alfonso juan carlos felipe pedro"
    " umberto emmanuel vittorio leopold albert stephen henri mehmed murad selim suleiman abdullah edmund"
    " harold robert constantine theodosius justinian sixtus celestine adrian hadrian julius martin eugene"
    " callixtus anne cleopatra seti amenhotep antiochus philippe charlemagne maximilian rudolf matthias"
    " christian sigismund casimir vladislav bela haile rama naruhito zog"
)
_SINGLE = frozenset(["I", "V", "X"])
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_NOT_NUMERALS = words("XL XXL XXX XX CD DC MD CV MC DM MM CC MIX DIM MIL MILL LI DI MI VI")
_NAMED_NUMERAL = re.compile(rf"\b([A-Z][a-z]+)(\s+)({ROMAN.pattern})(?![\w.]*\w|'(?!s))(?=('s)?)")
_LABELLED_NUMERAL = re.compile(rf"\b({'|'.join(NUMBERED)})(\s+)({ROMAN.pattern})(?!\w|'\w|\.\w)")
_REIGN = re.compile(r"\s*(?:$|[.,;:!?)]|(?:of|was|reigned|ruled|died|became|and|in|'s)\b)")

_PRONOUN = re.compile(
    r"\s+(?:am|was|have|had|think|thought|do|did|will|would|can|could|should|shall|may|might|must|know|knew|like|love|want"
    r"|need|see|saw|feel|guess|believe|hope|said|say|mean|wrote|read|made|go|went|get|got|just|really|also|never|always)\b"
    r"|\s*['\u2019]"
)
_WORD = r"(?<![\w.])"
_TITLE = re.compile(
    rf"{_WORD}(Mr|Mrs|Ms|Dr|Prof|Rev|Gen|Col|Capt|Lt|Sgt|Cpl|Maj|Hon|Gov|Sen|Rep|Pres|St|Mt|Ft)(?:\.\s*|\s+)(?=[A-Z])"
)
_STREET = re.compile(r"(?<=[a-z])(\s+)(St|Dr)\b\.?(?=\s*(?:$|[,;:!?)]|[a-z]|and\b))(\.?)")
_FIRST_NUMBERS = "about|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thir|for|fif|twen|eigh|nine"
_SHORT_BEFORE = "|".join(sorted(BEFORE_NUMBER, key=len, reverse=True))
_BEFORE_NUMBER = re.compile(
    rf"(?i:{_WORD}({_SHORT_BEFORE}))\.\s*(?=[-~]?\d|(?:[VXL][IVXL]*|I[IVX]+)\b|(?:{_FIRST_NUMBERS}))"
)
_ALWAYS = re.compile(
    rf"{_WORD}({'|'.join(re.escape(each) for each in sorted(ALWAYS, key=len, reverse=True))})\.(?!\w)",
    re.IGNORECASE,
)
_LATIN = re.compile(
    rf"{_WORD}(?:(e\.\s?g|eg)|(i\.\s?e|ie)|(vs?)|(et al)|(?<!slash )(etc)|(a\.k\.a|aka|AKA))(\.?)(,?)(?=\s|$|[.,;:!?)])"
)
_MONTH = re.compile(rf"\b({'|'.join(name.capitalize() for name in MONTHS if name != 'may')})\.(?!\w)")
_INITIALS = re.compile(rf"{_WORD}((?:[A-Za-z]\.\s?){{2,}})(?=\s|$|[^\w.])")
_INITIAL = re.compile(rf"{_WORD}([A-HJ-Z])\.(?=\s+[A-Z][a-z])")
_DEGREE = re.compile(rf"{_WORD}(Ph)\.?\s?(D)s?\b(\.?)")
_SHORT = {
    "w/o": "without",
    "w/": "with",
    "b/c": "because",
    "n/a": "not applicable",
    "N/A": "not applicable",
    "c/o": "care of",
    "and/or": "and or",
    "TL;DR": "T L D R",
    "Q&A": "Q and A",
    "R&D": "R and D",
    "a/c": "A C",
    "ASAP": "as soon as possible",
    "FYI": "for your information",
    "24h": "twenty-four hours",
}
_SHORT_WORD = re.compile(
    rf"(?<![\w/])({'|'.join(re.escape(each) for each in sorted(_SHORT, key=len, reverse=True))})(?!\w)"
)


def say_short(text: MappedText) -> None:
    """Make words of abbreviations that have signs in them; before signs become words."""
    text.rewrite(_SHORT_WORD, lambda match: _SHORT[match[1]] + (" " if match[1] == "w/" else ""))


def say(text: MappedText) -> None:
    """Make words of abbreviations."""
    text.rewrite(_BEFORE_NUMBER, lambda match: f"{_cased(BEFORE_NUMBER, match[1])} ")
    text.rewrite(_LABELLED_NUMERAL, _numbered)
    text.rewrite(_NAMED_NUMERAL, _named)
    dates.say_names(text)
    text.rewrite(_STREET, _street)
    text.rewrite(_TITLE, lambda match: f"{TITLES[match[1].lower()]} ")
    text.rewrite(_LATIN, _latin)
    if "." not in text.text:
        return
    text.rewrite(_ALWAYS, lambda match: _cased(ALWAYS, match[1]) + _end(match))
    text.rewrite(_MONTH, lambda match: MONTHS[match[1].lower()])
    text.rewrite(_DEGREE, lambda match: "P H D" + (_end(match) if match[3] else ""))
    text.rewrite(_INITIALS, lambda match: _initials(match) + _end(match))
    text.rewrite(_INITIAL, lambda match: match[1])


def _cased(table: dict[str, str], word: str) -> str:
    said = table[word.lower()]
    return said[0].upper() + said[1:] if word[0].isupper() else said


def _end(match: "re.Match[str]") -> str:
    """Return the full stop if it also ends the sentence."""
    behind = match.string[match.end() :]
    return "." if not behind.strip("\"')\u201d\u2019 \n") else ""


def _initials(match: "re.Match[str]") -> str:
    letters = re.findall(r"[A-Za-z]", match[1])
    said = " ".join(letter.upper() for letter in letters)
    said = {"A M": "AM", "P M": "PM"}.get(said, said)
    return said + (" " if match[1].endswith(" ") else "")


def _latin(match: "re.Match[str]") -> str | None:
    example, that_is, versus, others, rest, _known_as, stop, comma = match.groups()
    if versus:
        before = match.string[: match.start()].rstrip()
        is_between = before[-1:].isalnum() and match.string[match.end() :].lstrip()[:1].isalnum()
        return "versus" if is_between and (len(versus) == 2 or stop) else None
    if (example or that_is) and not stop:
        return None
    said = "for example" if example else "that is" if that_is else ""
    if said:
        return f"{said},"
    said = "and others" if others else "et cetera" if rest else "also known as"
    return f"{said}{comma}" + (_end(match) if stop else "")


def _street(match: "re.Match[str]") -> str | None:
    before = re.search(r"([A-Z][a-z]+|\d+(?:st|nd|rd|th))$", match.string[: match.start()])
    if before is None:
        return None
    end = "." if match.group().endswith(".") and not match.string[match.end() :].strip() else ""
    return f" {'Street' if match[2] == 'St' else 'Drive'}{end}"


def _value(numeral: str) -> int:
    values = [_VALUES[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


def _numbered(match: "re.Match[str]") -> str | None:
    numeral = match[3]
    if not numeral or (len(numeral) == 1 and numeral not in _SINGLE):
        return None
    if numeral == "I" and not _REIGN.match(match.string[match.end() :]):
        return None
    return f"{kept(1)}{kept(2)}{cardinal(str(_value(numeral)))}"


def _named(match: "re.Match[str]") -> str | None:
    name, numeral = match[1], match[3]
    if not numeral:
        return None
    said = str(_value(numeral))
    is_king = name.lower() in _REGNAL
    is_label = name.lower() in NUMBERED
    if numeral == "I" and is_label and not _PRONOUN.match(match.string[match.end(3) :]):
        return f"{kept(1)} {'One' if name == 'War' else 'one'}"
    if numeral == "I" and not (is_king or is_label):
        return None
    if numeral == "I" and name != "War" and not _REIGN.match(match.string[match.end(3) :]):
        return None
    if len(numeral) == 1 and (numeral not in _SINGLE or not (is_king or is_label)):
        return None
    if is_king:
        return f"{kept(1)} the {ordinal(said).title()}"
    if is_label:
        return f"{kept(1)} {cardinal(said).title() if name == 'War' else cardinal(said)}"
    starts = not match.string[: match.start()].strip() or match.string[: match.start()].rstrip()[-1] in ".!?"
    if (numeral in _NOT_NUMERALS and numeral != "VI") or set(numeral) - set("IVXL") or (starts and len(numeral) < 2):
        return None
    return f"{kept(1)} {cardinal(said)}"
