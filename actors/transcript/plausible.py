"""Decides whether recognised words were really said to the agent. Pure.

A recogniser writes words for whatever it is given: a crowd becomes one sentence over and over, a screech a "Yeah.",
French some similar-sounding English. Signs: text that repeats itself, more words than anybody can say in
the time, and an engine that was not sure of them. Figures are from the sets of `daredevil bench hearing`.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from actors.transcript.sound import Samples
from contracts.audio import IN_SAMPLE_RATE_HZ
from infra.engines.stt import Recognition
from infra.session.addressing import WORD, words_of

Reason = Literal["repetition", "too-fast", "unlikely", "language"]

MOST_WORDS_PER_S, WORDS_AT_ONCE = 8.0, 3
"""The fastest speech of the sets has 5.5 words a second, an auctioneer 7; a short sound may hold this many more."""

MOST_LETTERS_PER_S, LETTERS_AT_ONCE = 40.0, 16
"""The same in letters: 24 in the sets."""

FEWEST_ROUNDS = {1: 10, 2: 8, 3: 5, 4: 5}
"""How often in a row this many words make a loop: people say "no" eight times, and "I don't know" four times."""
FEWEST_ROUNDS_OF_MORE = 4
LONGEST_ROUND_WORDS = 24

LOOP_IN_WORD = re.compile(r"(\w{1,4}?)\1{9,}")
"""As in "hahahahaha…"."""

VARIED_FROM_WORDS = 24
LEAST_VARIED = 0.3
"""From this many words on, the least share of distinct groups of three words in speech.

A loop that changes a word now and then ("It's not a good swatch. It's a good swatch. …") has less.
"""

LOOPS_BELIEVED_FROM = 0.8
"""An engine this sure of a text that repeats itself heard it repeated; a loop makes it surer than it should be."""

ALIKE_FROM_WORDS, VARIED_ENOUGH = 8, 0.7
"""From this many words with a smaller share of distinct groups of three, an engine must be as sure as of a loop."""

SURE: tuple[tuple[int, float, float], ...] = ((2, 0.36, 0.53), (5, 0.45, 0.55))
SURE_OF_MORE = (0.52, 0.60)
"""How sure an engine must be of up to this many words: in clear sound, and in a murmur or a very short sound.

Single words are heard out of context and are less sure. Of true English 98 % are above, also with noise 15 dB below
the voice; of other languages 10 % are, of crowds none.
"""

SURE_OF_A_GUESS = 0.58

SURE_AFTER_ANOTHER_LANGUAGE = 0.64
"""How sure an engine must be of words by somebody who has just spoken another language, and probably still does.

Of what it believes of four languages a tenth is above; of an Englishwoman's prompts 99 % are.
"""

SURELY_UNDERSTOOD = 0.75
"""Words that an engine is this sure of are in its language: 95 % of those prompts, nothing of the other languages."""

SILENCE_BELOW_DB = 20.0
"""Sound this much quieter than the loudest parts, before and after them, is not part of the speech."""

MURMUR_DB = 15.0
"""Sound that varies less than this is a crowd or noise, or speech drowned by it; crowds vary by 4 to 14 dB."""

MOMENT_S = 0.42
"""With the silence around it that a recogniser is given, this is a tenth of a second: a click, no word."""

CLEAR_DB, CLEAR_S, CLEAR_WORDS = 20.0, 1.2, 3
"""A sound this clear and long with this many words is speech: if the words are unlikely, in another language."""

_NUMBERS = frozenset(["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double"])


@dataclass(frozen=True, slots=True)
class Judged:
    """The words that count; `reason` is why none do although some were recognised."""

    text: str
    reason: Reason | None = None


def judge(
    text: str,
    seconds: float,
    confidence: float | None = None,
    variation_db: float | None = None,
    after_another_language: bool = False,
) -> Judged:
    """Return the part of `text`, recognised in `seconds` of sound, that was said to the agent.

    `confidence` is how sure the engine is, 0 to 1; None or 0 if unknown. `variation_db` is `variation_of`
    the sound, `after_another_language` the result of `speaks_otherwise` for earlier speech. If a loop follows true
    words, they are kept together with its first round.
    """
    sure = confidence or None
    if sure is None or sure < LOOPS_BELIEVED_FROM:
        text, is_loop = _without_loops(text)
        if is_loop:
            return Judged("", "repetition")
    words = words_of(text)
    if not words:
        return Judged("")
    if _is_too_fast(words, seconds):
        return Judged("", "too-fast")
    needed = _needed(words, seconds, variation_db)
    if after_another_language and len(words) >= CLEAR_WORDS:
        needed = max(needed, SURE_AFTER_ANOTHER_LANGUAGE)
    if sure is not None and sure < needed:
        is_clear = variation_db is None or variation_db >= CLEAR_DB
        is_language = is_clear and seconds >= CLEAR_S and len(words) >= CLEAR_WORDS
        return Judged("", "language" if is_language else "unlikely")
    return Judged(text)


def speaks_otherwise(before: bool, recognition: Recognition) -> bool:
    """Return whether somebody seems to speak another language than the engine's, after one more recognition."""
    if recognition.dismissed:
        return before or recognition.dismissed == "language"
    return before and not (recognition.text and (recognition.confidence or 1.0) >= SURELY_UNDERSTOOD)


def is_sure_of_language(recognition: Recognition) -> bool:
    """Return whether an engine is sure enough of words to be believed beside others in another language."""
    return (recognition.confidence or 1.0) >= SURE_AFTER_ANOTHER_LANGUAGE


def heard(
    recognition: Recognition, samples: Samples, guess: bool = False, after_another_language: bool = False
) -> Recognition:
    """Return a recognition of `samples` with the words that count, and why if none do.

    A `guess` was made in the middle of speech: it has to be surer, since it may stop the agent and can wait.
    """
    variation_db = variation_of(samples)
    seconds = len(samples) / IN_SAMPLE_RATE_HZ
    judged = judge(recognition.text, seconds, recognition.confidence, variation_db, after_another_language)
    if judged.reason is not None:
        return replace(recognition, text="", dismissed=judged.reason, dismissed_text=recognition.text)
    counted = replace(recognition, text=judged.text)
    return guessed(counted) if guess else counted


def guessed(recognition: Recognition) -> Recognition:
    """Return a recognition whose words count as that of a guess: they count only if the engine is surer of them."""
    if not recognition.text or (recognition.confidence or 1.0) >= SURE_OF_A_GUESS:
        return recognition
    return replace(recognition, text="", dismissed="unlikely", dismissed_text=recognition.text)


def variation_of(samples: Samples) -> float:
    """Return how much the level of a sound varies, in dB: from its 10th to its 90th percentile, over 20 ms each.

    Words have gaps between and within them; in a crowd others fill them. Silence before and after does not count.
    """
    frame = IN_SAMPLE_RATE_HZ // 50
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    if not len(frames):
        return 0.0
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1.0)
    (loud,) = np.nonzero(levels > np.percentile(levels, 90) - SILENCE_BELOW_DB)
    levels = levels[loud[0] : loud[-1] + 1]
    return float(np.percentile(levels, 90) - np.percentile(levels, 10))


def _is_too_fast(words: list[str], seconds: float) -> bool:
    letters = sum(map(len, words))
    most_words = WORDS_AT_ONCE + MOST_WORDS_PER_S * seconds
    return len(words) > most_words or letters > LETTERS_AT_ONCE + MOST_LETTERS_PER_S * seconds


def _without_loops(text: str) -> tuple[str, bool]:
    """Return the text with one round of each loop, and whether it is nothing but a loop."""
    spans = [match.span() for match in WORD.finditer(text)]
    words = words_of(text)
    if len(words) == 1 and LOOP_IN_WORD.search(words[0]):
        return "", True
    at = 0
    while at < len(words):
        length, end = _loop_at(words, at)
        if length:
            if at == 0 and end == len(words):
                return "", True
            cut = spans[end][0] if end < len(words) else len(text)
            rest, _ = _without_loops(text[cut:])
            return f"{text[: spans[at + length - 1][1]]} {rest}".strip(), False
        at += 1
    return text, _is_monotonous(words)


def _loop_at(words: list[str], at: int) -> tuple[int, int]:
    """Return how many words the loop that begins here goes round, and where it ends; (0, 0) if none does."""
    for length in range(1, min(LONGEST_ROUND_WORDS, (len(words) - at) // 2) + 1):
        a_round = words[at : at + length]
        end = at + length
        while end < len(words) and words[end] == a_round[(end - at) % length]:
            end += 1
        rounds = (end - at) // length
        if rounds >= FEWEST_ROUNDS.get(length, FEWEST_ROUNDS_OF_MORE) and not _is_number(a_round):
            # The last round may be cut short, if nothing else follows.
            return length, end if end == len(words) else at + rounds * length
    return 0, 0


def _is_monotonous(words: list[str]) -> bool:
    return len(words) >= VARIED_FROM_WORDS and not _is_number(words) and _variety(words) < LEAST_VARIED


def _variety(words: list[str]) -> float:
    """Return the share of different groups of three words; 1 if there are fewer."""
    groups = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(groups)) / len(groups) if groups else 1.0


def _is_number(words: list[str]) -> bool:
    return all(word in _NUMBERS or word.isdigit() for word in words)


def _needed(words: list[str], seconds: float, variation_db: float | None) -> float:
    clear, murmur = next(((clear, murmur) for most, clear, murmur in SURE if len(words) <= most), SURE_OF_MORE)
    if len(words) >= ALIKE_FROM_WORDS and _variety(words) < VARIED_ENOUGH and not _is_number(words):
        return LOOPS_BELIEVED_FROM
    is_murmur = variation_db is not None and variation_db < MURMUR_DB
    return murmur if is_murmur or seconds < MOMENT_S else clear
