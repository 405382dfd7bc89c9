"""Places in books and moves on boards: `1 Corinthians 13:4`, `Psalm 23:1-6`, `Nf3`."""

import re

from infra.spoken.mapped import MappedText
from infra.spoken.numbers import cardinal, ordinal

_BOOKS = (
    "Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|Job"
    "|Psalms?|Proverbs|Ecclesiastes|Song of Songs|Song of Solomon|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea"
    "|Joel|Amos|Obadiah|Jonah|Micah|Nahum|Habakkuk|Zephaniah|Haggai|Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans"
    "|Corinthians|Galatians|Ephesians|Philippians|Colossians|Thessalonians|Timothy|Titus|Philemon|Hebrews|James|Peter"
    "|Jude|Revelation|Tobit|Judith|Wisdom|Sirach|Baruch|Maccabees|Surah|Sura|Qur[\u2019']?an|Quran"
)
_IN_PARTS = r"(?:([123]|I{1,3})\s)?"
_VERSE = re.compile(
    rf"(?<!\w){_IN_PARTS}({_BOOKS})\s(\d{{1,3}}):(\d{{1,3}})(?:\s?[-\u2013\u2014]\s?(\d{{1,3}}))?(?![\d:]"
    rf"|\s?[apAP]\.?[mM]\b)"
)
_BOOK = re.compile(
    r"(?<![\w.,:])([123]|I{1,3})\s(?=(?:Samuel|Kings|Chronicles|Corinthians|Thessalonians|Timothy|Peter|John"
    r"|Maccabees)\b)"
)
_SHORT_BOOKS = {
    "Gen": "Genesis",
    "Exod": "Exodus",
    "Lev": "Leviticus",
    "Deut": "Deuteronomy",
    "Ps": "Psalm",
    "Prov": "Proverbs",
    "Eccl": "Ecclesiastes",
    "Isa": "Isaiah",
    "Jer": "Jeremiah",
    "Ezek": "Ezekiel",
    "Matt": "Matthew",
    "Rom": "Romans",
    "Cor": "Corinthians",
    "Gal": "Galatians",
    "Eph": "Ephesians",
    "Thess": "Thessalonians",
    "Tim": "Timothy",
    "Heb": "Hebrews",
    "Pet": "Peter",
    "Rev": "Revelation",
}
_SHORT_BOOK = re.compile(rf"\b({'|'.join(_SHORT_BOOKS)})\.?\s(?=\d{{1,3}}:\d)|\b(Ps)\.\s(?=\d)")
_NUMERALS = {"I": "1", "II": "2", "III": "3"}
_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_MOVE = re.compile(r"(?<![\w/.-])([KQRBN])([a-h1-8])?(x)?([a-h])([1-8])([+#])?(?![\w-])")
_CASTLING = re.compile(r"(?<![\w-])(?:O-O(-O)?|0-0(-0)?)(?![\w-])")


def say(text: MappedText) -> None:
    """Turn verses and moves into words."""
    if ":" in text.text:
        text.rewrite(_SHORT_BOOK, lambda match: f"{_SHORT_BOOKS[match[1] or match[2]]} ")
        text.rewrite(_VERSE, _verse)
    text.rewrite(_BOOK, lambda match: f"{_part(match[1])} ")
    text.rewrite(_MOVE, _move)
    if _MOVE.search(text.text) or re.search(r"(?i)\bcastl|\bchess\b|O-O", text.text):
        text.rewrite(_CASTLING, lambda match: f"castles {'queenside' if match[1] or match[2] else 'kingside'}")


def _part(numeral: str) -> str:
    return ordinal(_NUMERALS.get(numeral, numeral)).capitalize()


def _verse(match: "re.Match[str]") -> str:
    part = f"{_part(match[1])} " if match[1] else ""
    if match[5]:
        return f"{part}{match[2]} {cardinal(match[3])}, verses {cardinal(match[4])} to {cardinal(match[5])}"
    return f"{part}{match[2]} {cardinal(match[3])} {cardinal(match[4])}"


def _move(match: "re.Match[str]") -> str:
    start = f" {cardinal(match[2]) if match[2].isdigit() else match[2]}" if match[2] else ""
    takes = " takes" if match[3] else ""
    end = {"+": ", check", "#": ", mate"}.get(match[6] or "", "")
    return f"{_PIECES[match[1]]}{start}{takes} {match[4]} {cardinal(match[5])}{end}"
