"""Where each word of a clause ends in its sound, from exact phoneme timings or, without them, by estimate.

Words are what `text.split()` returns. Every function returns one sample count per word, never decreasing and never
beyond the end of the sound.
"""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

STRESS = "ˈˌːˑ"
MATCHED_PHONEMES = 600
"""Longest clause that is matched phoneme by phoneme (quadratic); longer ones are matched in proportion."""

_PAUSE_LETTERS = {",": 4, ";": 5, ":": 5, ".": 6, "!": 6, "?": 6}


def estimated_word_ends(words: Sequence[str], voiced_start: int, voiced_end: int, samples: int) -> tuple[int, ...]:
    """Return word ends by the words' letters, spread over the voiced part; a pause counts as a few letters."""
    marks: list[int] = []
    position = 0
    for word in words:
        position += 1 + sum(character.isalnum() for character in word)
        marks.append(position)
        position += _PAUSE_LETTERS.get(word[-1], 0)
    if not marks:
        return ()
    scale = (voiced_end - voiced_start) / marks[-1]
    return _in_order([round(voiced_start + mark * scale) for mark in marks], samples)


def exact_word_ends(
    spoken: Sequence[str], ends: Sequence[int], words: Sequence[Sequence[str]], samples: int
) -> tuple[int, ...]:
    """Return word ends from the phonemes that were spoken and the sample at which each ends.

    `spoken` has a space between words, punctuation, and may join words ("of the") or say one as several ("2024");
    `words` are the phonemes of each word said alone, empty for a word that is not said.
    """
    groups = _group_ends(spoken, ends)
    said = [index for index, phonemes in enumerate(words) if _sounds(phonemes)]
    one_each = len(groups) == len(said) and all(" " not in words[index] for index in said)
    ends_said = groups if one_each else _matched_ends(spoken, ends, [_sounds(words[index]) for index in said])
    found = dict(zip(said, ends_said, strict=True))
    result: list[int] = []
    for index in range(len(words)):
        result.append(found.get(index, result[-1] if result else 0))
    return _in_order(result, samples)


def _is_sound(phoneme: str) -> bool:
    return phoneme not in STRESS and unicodedata.category(phoneme[0])[0] == "L"


def _sounds(phonemes: Sequence[str]) -> list[str]:
    return [phoneme for phoneme in phonemes if _is_sound(phoneme)]


def _group_ends(spoken: Sequence[str], ends: Sequence[int]) -> list[int]:
    """Return where each run of phonemes between spaces ends, punctuation left out."""
    groups: list[int] = []
    end: int | None = None
    for phoneme, at in zip(spoken, ends, strict=True):
        if phoneme == " " and end is not None:
            groups.append(end)
            end = None
        elif _is_sound(phoneme) or (end is not None and (phoneme in STRESS or unicodedata.combining(phoneme[0]))):
            end = at
    return groups if end is None else [*groups, end]


def _matched_ends(spoken: Sequence[str], ends: Sequence[int], words: Sequence[Sequence[str]]) -> list[int]:
    """Return word ends if words and spoken groups differ: by the best match of the two phoneme sequences."""
    pairs = [(phoneme, at) for phoneme, at in zip(spoken, ends, strict=True) if _is_sound(phoneme)]
    if not pairs:
        return [0] * len(words)
    actual = [phoneme for phoneme, _ in pairs]
    alone = [phoneme for word in words for phoneme in word]
    places = _places(alone, actual)
    word_marks = accumulate(len(word) for word in words)
    return [pairs[min(max(places[mark - 1], 0), len(pairs) - 1)][1] for mark in word_marks]


def _places(alone: Sequence[str], actual: Sequence[str]) -> list[int]:
    """Return, for each phoneme of `alone`, its place in `actual`; interpolated between matches."""
    anchors = [(-1, -1)]
    if len(alone) <= MATCHED_PHONEMES and len(actual) <= MATCHED_PHONEMES:
        for block in SequenceMatcher(None, alone, actual, autojunk=False).get_matching_blocks():
            anchors += [(block.a + n, block.b + n) for n in range(block.size)]
    anchors.append((len(alone), len(actual)))
    places = [0] * len(alone)
    for (a0, b0), (a1, b1) in pairwise(anchors):
        for a in range(a0 + 1, min(a1 + 1, len(alone))):
            places[a] = round(b0 + (b1 - b0) * (a - a0) / (a1 - a0))
    if places:
        places[-1] = len(actual) - 1
    return places


def _in_order(ends: Sequence[int], samples: int) -> tuple[int, ...]:
    return tuple(min(end, samples) for end in accumulate((max(end, 0) for end in ends), max))
