"""Summaries extracted from what was said: no model is needed, or can get them wrong."""

import re
from collections.abc import Iterable
from itertools import pairwise

from actors.summaries.conversation import SpokenLine
from actors.summaries.counting import COMMON
from infra.spoken.vocabulary import word_set

LONGEST = 400
"""Default length of an extract, in characters."""
SAID = "The user said: "
"""Beginning of an extract that is read as a summary."""

_TELLING = re.compile(
    r"\b(?:my|i am|i'm|i like|i love|i hate|i prefer|i need|i want|i would like|i'd like|i have|i've|i live|i work"
    r"|i will|i'll|we are|we have|we want|remember|remind|please|could you|can you)\b",
    re.I,
)
_GREETING = re.compile(
    r"(?:hello|hi|hey|good (?:morning|evening|day)|thanks?|thank you|bye|goodbye|okay|ok|yes|no)\b", re.I
)
_TALK_OF_TALK = word_set(
    "agent answer answered answers asked asking asks assistant caller calls conversation describe described discussed "
    "discusses explain explained mention mentioned mentions phone request requested requests said says speaker spoke "
    "stated states summary talked talking talks tells user users wanted wanting wants wished wishes"
)
GROUNDED_SHARE = 0.75


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part]


def extract(lines: Iterable[SpokenLine], most_chars: int = LONGEST, notes: str = "") -> str:
    """Return the most informative sentences of the user, in order; `notes` is an earlier extract to continue from.

    If all fits, all is included, each sentence once.
    """
    old = sentences(notes.removeprefix(SAID))
    said = [(line.name, sentence) for line in lines if line.speaker == "user" for sentence in sentences(line.text)]
    new = [f"{name}: {sentence}" if name else sentence for name, sentence in said]
    # What was chosen before is preferred.
    scores: dict[str, float] = {sentence: _weight(sentence) + 1 for sentence in old}
    for sentence in new:
        scores.setdefault(sentence, _weight(sentence))
    chosen: set[str] = set()
    left = most_chars
    for sentence in sorted(scores, key=lambda sentence: -scores[sentence]):
        if len(sentence) + bool(chosen) <= left:
            left -= len(sentence) + bool(chosen)
            chosen.add(sentence)
    if not chosen and scores:
        return next(iter(scores))[: max(0, most_chars - 3)].rstrip() + "..."
    return " ".join(sentence for sentence in scores if sentence in chosen)


def _weight(sentence: str) -> float:
    """Return how informative a sentence is: names, numbers and words about the person count more than a greeting."""
    count = len(sentence.split())
    weight = 3.0 * bool(_TELLING.search(sentence))
    weight += len(re.findall(r"\d+", sentence)) + len(re.findall(r"(?<=\s)[A-Z][a-z]+", sentence))
    weight -= 2.0 * (count < 3) + 2.0 * (count < 6 and bool(_GREETING.match(sentence)))
    return weight


def cleaned(answer: str, most_chars: int) -> str:
    """Return a model's summary without the labels, repetitions and unfinished end that small models add."""
    text = " ".join(answer.split())
    text = re.sub(r"^(?:sure[,!.]? |here is[^:]*: |(?:a |the )?summary: )+", "", text, flags=re.I).strip('"“” ')
    kept: list[str] = []
    for sentence in sentences(text):
        if sentence in kept or sum(map(len, kept)) + len(sentence) + len(kept) > most_chars:
            break
        kept.append(sentence)
    if len(kept) > 1 and kept[-1][-1] not in '.!?"”':
        kept.pop()
    return " ".join(kept) or text[:most_chars].rstrip()


def is_grounded(summary: str, source: str) -> bool:
    """Return whether a summary says what the source says, as far as its words show.

    All names and numbers must be there, most other words, and words that follow each other in the summary must mostly
    stand in one sentence of the source: small models rearrange the words of a call into something else.
    """
    said = [_stems(sentence) for line in source.splitlines() for sentence in sentences(line)]
    known = set().union(*said)
    names = re.findall(r"(?<=[a-z,;] )[A-Z]\w+|\d+", summary)
    if not known.issuperset(_stems(" ".join(names))):
        return False
    told = [_stem(word) for word in _tokens(summary) if word not in COMMON | _TALK_OF_TALK]
    if not told or _share(word in known for word in told) < GROUNDED_SHARE:
        return False
    pairs = list(pairwise(told))
    return not pairs or _share(any({*pair} <= sentence for sentence in said) for pair in pairs) >= GROUNDED_SHARE


def _share(holds: Iterable[bool]) -> float:
    every = list(holds)
    return sum(every) / len(every)


def _tokens(text: str) -> list[str]:
    """Return the words that carry meaning, and the numbers."""
    return [token for token in re.findall(r"\d+|[^\W\d_]+", text.lower()) if token.isdigit() or len(token) > 2]


def _stems(text: str) -> set[str]:
    return {_stem(token) for token in _tokens(text)}


def _stem(word: str) -> str:
    return word[:4]
