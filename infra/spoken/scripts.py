"""Which scripts a voice can say. For letters of others, a voice makes noise, spells their names, or is silent."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from infra.spoken.mapped import SpokenText

LATIN = "LATIN"
_OWN: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba", "mn"), frozenset({"CYRILLIC"})),
    **dict.fromkeys(("zh", "cmn", "yue", "hak"), frozenset({"CJK", "BOPOMOFO"})),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
    **dict.fromkeys(("ar", "fa", "ur", "ug", "sd", "ku"), frozenset({"ARABIC"})),
    **dict.fromkeys(("hi", "mr", "ne", "sa", "kok"), frozenset({"DEVANAGARI"})),
    "el": frozenset({"GREEK"}),
    "he": frozenset({"HEBREW"}),
    "th": frozenset({"THAI"}),
    "ka": frozenset({"GEORGIAN"}),
    "hy": frozenset({"ARMENIAN"}),
    "bn": frozenset({"BENGALI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "gu": frozenset({"GUJARATI"}),
    "pa": frozenset({"GURMUKHI"}),
    "am": frozenset({"ETHIOPIC"}),
    "my": frozenset({"MYANMAR"}),
    "si": frozenset({"SINHALA"}),
}
_NAMES = {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "DEVANAGARI": "Hindi"}
_SIGNS = frozenset({"MODIFIER", "COMBINING", "FEMININE", "MASCULINE", "SUPERSCRIPT", "MICRO", "OHM", "FULLWIDTH"})
"""First words of the Unicode names of letters that belong to no script."""


def scripts_of(language: str) -> frozenset[str]:
    """Return the scripts that a voice of this language (`en-us`, `ru`) can say: its own, and Latin."""
    return _OWN.get(language.lower().replace("_", "-").partition("-")[0], frozenset()) | {LATIN}


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """Return the script of a letter by the first word of its Unicode name; empty if it is not a letter of a script."""
    if character.isascii() or unicodedata.category(character)[0] not in "LM":
        return LATIN if character.isalpha() else ""
    first = unicodedata.name(character, "").partition(" ")[0]
    return "" if first in _SIGNS else first


def foreign_script(text: str, scripts: frozenset[str] | None) -> str:
    """Return the main script of the letters that a voice of these scripts cannot say, or "" if it can say all."""
    if scripts is None or text.isascii():
        return ""
    counts = Counter(script for script in map(_script, text) if script and script not in scripts)
    if not counts:
        return ""
    script = counts.most_common(1)[0][0]
    return _NAMES.get(script, script.capitalize())


def without_foreign(said: SpokenText, scripts: frozenset[str]) -> SpokenText:
    """Return the text without words in other scripts; empty if that leaves less than half of the letters."""
    words = list(zip(said.text.split(), said.spans, strict=True))
    kept = [(word, span) for word, span in words if all(_script(sign) in ("", *scripts) for sign in word)]
    letters = sum(character.isalpha() for word, _ in kept for character in word)
    if 2 * letters < sum(character.isalpha() for character in said.text):
        return SpokenText(said.written, "", ())
    return SpokenText(said.written, " ".join(word for word, _ in kept), tuple(span for _, span in kept))
