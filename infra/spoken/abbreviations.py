"""Abbreviations, initials and Roman numerals in words."""

import re

from infra.spoken import dates, places
from infra.spoken.mapped import MappedText, kept
from infra.spoken.numbers import cardinal, ordinal, year
from infra.spoken.vocabulary import ALWAYS, BEFORE_NUMBER, MONTHS, NUMBERED, ROMAN, TITLES, word_set

_REGNAL = word_set(
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
_NOT_NUMERALS = word_set("XL XXL XXX XX CD DC MD CV MC DM MM CC MIX DIM MIL MILL LI DI MI VI")
_NAMED_NUMERAL = re.compile(rf"\b([A-Z][a-z]+)(\s+)({ROMAN.pattern})(?![\w.]*\w|'(?!s))(?=('s)?)")
_LABELLED_NUMERAL = re.compile(rf"\b({'|'.join(NUMBERED)})(\s+)({ROMAN.pattern})(?!\w|'\w|\.\w)")
_CENTURY = re.compile(rf"\b(?=[XVI])({ROMAN.pattern})(?:th|st|e)?(?=[\s-]+centur(?:y|ies)\b)")
_SMALL_NUMERAL = re.compile(
    r"(?i:\b(page|pages|p|pp|chapter|scene|act|part|section|clause|article|book|volume|verse|step|item|note"
    r"|figure|table))\.?"
    r"\s((?=[ivx]{2})x{0,3}(?:ix|iv|v?i{0,3}))(?:\s?[-\u2013]\s?((?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})))?(?!\w)"
)
_ITEM = re.compile(r"(?<!\w)\(((?=[ivx])x{0,3}(?:ix|iv|v?i{0,3}))\)(?=\s)")
_LONE_NUMERAL = re.compile(
    r"(?<![\w.'/-])(?=[MDCLXVI]{2})((?:II|III|VII|VIII|XI{1,3}|XIV|XVI{0,3}|XI?X|XXI{0,3})|M{1,3}(?:CM|CD"
    r"|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?![\w'-]|\.\w)"
)
_FIRST_OF_ROW = re.compile(r"(?<=s )I(?=(?:,| and| or| to)\s(?:two|three)\b)|^I(?=, two\b)")
_REIGN = re.compile(r"\s*(?:$|[.,;:!?)]|(?:of|was|reigned|ruled|died|became|and|in|'s)\b)")

_PRONOUN = re.compile(
    r"\s+(?:am|was|have|had|think|thought|do|did|will|would|can|could|should|shall|may|might|must|know|knew|like"
    r"|love|want"
    r"|need|see|saw|feel|guess|believe|hope|said|say|mean|wrote|read|made|go|went|get|got|just|really|also|never"
    r"|always)\b"
    r"|\s*['\u2019]"
)
_WORD = r"(?<![\w.])"
_TITLES = "|".join(title.capitalize() for title in TITLES)
_TITLE = re.compile(rf"{_WORD}({_TITLES})(?:\.\s*|\s+)(?=[A-Z]|(?:and|&|or)\s+(?:{_TITLES}|Miss)\b)")
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
_OTHER_DEGREE = re.compile(rf"{_WORD}([MB])\.(Sc|Ed|Phil|Eng|Com|Tech)\.")
_DEGREES = {"Sc": "S C", "Ed": "Ed", "Phil": "Phil", "Eng": "Eng", "Com": "Com", "Tech": "Tech"}
_SHORT = {
    "y/o": "years old",
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


_WORLD_WAR = re.compile(r"\bWW(II?|[12])(?!\w)")
_KEYS = {"Ctrl": "Control", "Del": "Delete", "Esc": "Escape", "Cmd": "Command"}
_KEY = re.compile(r"(?<![\w.])(Ctrl|Del|Esc|Cmd)(?=\s?\+|[-](?=\w\b))|(?<=\+)(Del|Esc)(?!\w)")
_FISCAL = re.compile(r"\b(FY)\s?['\u2019]?(?=\d\d(?:\d\d)?(?!\w))")
_BORN = re.compile(r"(?<![\w.])([bd])\.\s?(?=\d{4}|(?:\d{1,2}\s)?[A-Z][a-z]{2,}\s\d)")
_SPECIES = re.compile(
    r"(?<![\w.])([A-HJ-Z])\.(?=\s(?:coli|elegans|aureus|sapiens|rex|albicans|pylori|difficile|pneumoniae|subtilis"
    r"|cerevisiae"
    r"|falciparum|vivax|melanogaster|musculus|erectus|neanderthalensis|habilis|botulinum|thaliana|sativa"
    r"|familiaris|lupus)\b)"
)


def say_short(text: MappedText) -> None:
    """Expand abbreviations that contain signs; call it before signs become words."""
    text.rewrite(_WORLD_WAR, lambda match: f"World War {'Two' if match[1] in ('II', '2') else 'One'}")
    text.rewrite(_KEY, lambda match: _KEYS[match.group()])
    text.rewrite(_FISCAL, lambda match: "fiscal year ")
    text.rewrite(_BORN, lambda match: "born " if match[1] == "b" else "died ")
    text.rewrite(_SPECIES, lambda match: kept(1))
    places.say_states(text)
    text.rewrite(_SHORT_WORD, lambda match: _SHORT[match[1]] + (" " if match[1] == "w/" else ""))


def say(text: MappedText) -> None:
    """Expand abbreviations."""
    text.rewrite(_BEFORE_NUMBER, lambda match: f"{_cased(BEFORE_NUMBER, match[1])} ")
    text.rewrite(_LABELLED_NUMERAL, _numbered)
    text.rewrite(_NAMED_NUMERAL, _named)
    text.rewrite(_CENTURY, lambda match: ordinal(str(_value(match[1]))))
    text.rewrite(_SMALL_NUMERAL, _small)
    text.rewrite(_ITEM, lambda match: cardinal(str(_value(match[1].upper()))) + ",")
    text.rewrite(_LONE_NUMERAL, _lone)
    text.rewrite(_FIRST_OF_ROW, lambda match: "one")
    dates.say_names(text)
    text.rewrite(_STREET, _street)
    text.rewrite(_TITLE, lambda match: f"{TITLES[match[1].lower()]} ")
    text.rewrite(_LATIN, _latin)
    if "." in text.text:
        _say_stopped(text)
    places.say_quarters(text)


def _say_stopped(text: MappedText) -> None:
    """Expand what is written with a full stop."""
    text.rewrite(_ALWAYS, lambda match: None if match[1] == "EST" else _cased(ALWAYS, match[1]) + _end(match))
    text.rewrite(_MONTH, lambda match: MONTHS[match[1].lower()])
    text.rewrite(_OTHER_DEGREE, lambda match: f"{match[1]} {_DEGREES[match[2]]}{_end(match)}")
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
    before = re.search(
        r"([A-Z][a-z]+(?:['\u2019]s)?|\d+(?:st|nd|rd|th)|[a-z-]+(?:st|nd|rd|th))$", match.string[: match.start()]
    )
    if before is None:
        return None
    end = "." if match.group().endswith(".") and not match.string[match.end() :].strip() else ""
    return f" {'Street' if match[2] == 'St' else 'Drive'}{end}"


def _value(numeral: str) -> int:
    values = [_VALUES[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


def _small(match: "re.Match[str]") -> str:
    last = f" to {cardinal(str(_value(match[3].upper())))}" if match[3] else ""
    return f"{kept(1)} {cardinal(str(_value(match[2].upper())))}{last}"


def _lone(match: "re.Match[str]") -> str | None:
    numeral = match[1]
    if len(numeral) < 5 and (numeral in _NOT_NUMERALS or numeral.startswith("M") or numeral in ("XI", "XX")):
        return None
    value = _value(numeral)
    return year(str(value)) if value >= 1000 else cardinal(str(value))


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
