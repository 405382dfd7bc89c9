"""The pipeline: removes markup, then turns numbers, signs and abbreviations into words."""

from functools import lru_cache

from infra.spoken import abbreviations, addresses, citations, codes, formulas, latex, markup, phones, quantities, units
from infra.spoken.mapped import MappedText, SpokenText

ENGLISH = "en"


@lru_cache(maxsize=256)
def spoken(written: str, language: str = ENGLISH) -> SpokenText:
    """Return what a voice of this language (`en-us`, `de`) says for a written text; empty if there is nothing to say.

    Numbers and signs become words in English only; other voices say them in their own way.
    """
    text = MappedText.of(written)
    is_english = language.lower().startswith(ENGLISH)
    if is_english:
        latex.say(text)
    markup.strip(text)
    if is_english:
        abbreviations.say_short(text)
        citations.say(text)
        phones.say(text)
        codes.say_long(text)
        addresses.say(text)
        codes.say(text)
        units.say_sides(text)
        formulas.say(text)
        quantities.say(text)
        abbreviations.say(text)
        formulas.say_signs(text)
    markup.tidy(text)
    said, spans = text.words()
    if not any(character.isalnum() for character in said):
        return SpokenText(written, "", ())
    return SpokenText(written, said, spans)
