"""How long a silence must last before the turn is over, from what was said: pure.

Text tells an end from a pause, sound hardly does (docs/latency-measured.md). A language model's probability that the
words end here, with a few features of the words, makes a score; the score chooses one of three lengths of silence. Some
words are waited for whatever the score: numbers being read out, spelling, lists, "um".
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from infra.session.addressing import words_of
from infra.spoken.vocabulary import word_set

Patience = Literal["quick", "balanced", "patient"]
PATIENCES: tuple[Patience, ...] = get_args(Patience)

Asked = Literal["", "question", "details"]
"""What the agent's last sentence asks for: nothing, an answer, or something that is read out (a number, a name)."""

Reason = Literal[
    "sure", "between", "goes-on", "question", "answer", "greeting", "hesitation", "number", "list", "no-score"
]
"""Why a silence is as long as it is.

The score is high, between, or low; the words are a question that may well be whole; they answer what the agent asked;
they are a greeting, after which people often go on; they end in an "um"; a number or a spelling is being read out; a
list goes on; nothing has scored the words, or not yet. After a greeting, and without a score, the middle length counts.
"""

WEIGHTS_FILE = Path(__file__).with_name("turn_weights.json")
MOST_ODDS = 1000.0
"""A score beyond says nothing more."""

FEATURES = ("end", "words", "short", "comma")
MOST_WORDS = 12
"""More words than this say nothing more."""


class BadWeights(ValueError):
    """The weights cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Silences in ms, and the scores from which the shorter ones are enough."""

    short_ms: float
    middle_ms: float
    long_ms: float
    sure: float
    between: float

    def __post_init__(self) -> None:
        """Check that they are in order. Raises BadWeights."""
        values = (self.short_ms, self.middle_ms, self.long_ms, self.sure, self.between)
        if not all(math.isfinite(value) for value in values):
            raise BadWeights("a length or a score is not a finite number")
        if not 100 <= self.short_ms <= self.middle_ms <= self.long_ms <= 3000:
            raise BadWeights("lengths must be 100 ms at least, 3,000 ms at most, and the longer not below the shorter")
        if self.sure < self.between:
            raise BadWeights("`sure` must not be below `between`")


@dataclass(frozen=True, slots=True)
class TurnWeights:
    """A small fitted model (log odds of an end), and what each patience makes of its score."""

    weights: Mapping[str, float]
    lengths: Mapping[str, Lengths]
    source: str = ""

    @classmethod
    def read(cls, text: str) -> "TurnWeights":
        """Return the weights that a JSON text has, as `daredevil tune turns` prints it. Raises BadWeights."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadWeights(f"this is no JSON: {error}") from error
        try:
            weights = {name: float(found["weights"][name]) for name in ("bias", *FEATURES)}
            lengths: dict[str, Lengths] = {name: _lengths(name, found["lengths"][name]) for name in PATIENCES}
            source = str(found.get("source", ""))
        except BadWeights:
            raise
        except KeyError as error:
            raise BadWeights(f"not the weights of a turn: {error} is missing") from error
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise BadWeights(f"not the weights of a turn: {error}") from error
        if not all(math.isfinite(value) for value in weights.values()):
            raise BadWeights("a weight is not a finite number")
        return cls(weights, lengths, source)

    def as_json(self) -> str:
        """Return them as text that `read` takes."""
        lengths = {name: asdict(each) for name, each in self.lengths.items()}
        return json.dumps({"source": self.source, "weights": dict(self.weights), "lengths": lengths}, indent=2)


def _lengths(patience: str, plain: Mapping[str, Any]) -> Lengths:
    """Return the lengths of a patience; what else stands there is not read. Raises BadWeights with its name."""
    try:
        return Lengths(**{field.name: float(plain[field.name]) for field in fields(Lengths)})
    except BadWeights as error:
        raise BadWeights(f"{patience}: {error}") from error
    except KeyError as error:
        raise BadWeights(f"not the weights of a turn: {error} of {patience} is missing") from error


@cache
def weights_in(text: str) -> TurnWeights:
    """Return the weights of a setting, or those that come with this program if it is empty. Raises BadWeights."""
    return TurnWeights.read(text or WEIGHTS_FILE.read_text(encoding="utf-8"))


def features(text: str, end_probability: float) -> dict[str, float]:
    """Return the features of the words so far, as the recogniser wrote them, and how likely they end here."""
    words, written = words_of(text), text.rstrip()
    bounded = min(max(end_probability, 1e-4), 1 - 1e-4)
    end = math.log(bounded / (1 - bounded))
    return {
        "end": end,
        "words": math.log(min(max(1, len(words)), MOST_WORDS)),
        "short": float(len(words) <= 2),
        # A recogniser writes a comma where the voice did not fall.
        "comma": float(written.endswith((",", ";", ":", "-", "—", "…", "..."))),
    }


def score_of(text: str, end_probability: float | None, weights: Mapping[str, float]) -> float | None:
    """Return the log odds that the turn is over; None without a probability, or with one that is none."""
    if end_probability is None or not math.isfinite(end_probability) or not 0 <= end_probability <= 1:
        return None
    found = features(text, end_probability)
    score = weights["bias"] + math.fsum(weights[name] * found[name] for name in FEATURES)
    return min(max(score, -MOST_ODDS), MOST_ODDS)


@dataclass(frozen=True, slots=True)
class SpokenSoFar:
    """What is known of a turn in a silence."""

    text: str
    """Its words so far, as the recogniser wrote them."""
    end_probability: float | None = None
    """How likely the words end here, by a language model; None if nothing has said so (yet)."""
    asked: Asked = ""
    own_pauses_ms: Sequence[float] = ()
    """Pauses after which this person went on, in this session, the last ones."""


@dataclass(frozen=True, slots=True)
class Required:
    """How long the silence must last, and why."""

    silence_ms: float
    score: float | None
    reason: Reason


def required(words: SpokenSoFar, patience: Patience, weights: TurnWeights) -> Required:
    """Return the silence that ends a turn. It is never longer than the longest of this patience."""
    lengths = weights.lengths[patience]
    score = score_of(words.text, words.end_probability, weights.weights)
    waits = _waits_for(words.text, words.asked)
    if waits is not None:
        return Required(lengths.long_ms, score, waits)
    if is_answer(words.text, words.asked):
        return Required(lengths.short_ms, score, "answer")
    middle_ms = _for_speaker(lengths, words.own_pauses_ms)
    if is_greeting(words.text):
        return Required(middle_ms, score, "greeting")
    if score is None:
        return Required(middle_ms, None, "no-score")
    if score >= lengths.sure:
        return Required(lengths.short_ms, score, "sure")
    if is_question(words.text, words.end_probability, patience):
        return Required(lengths.short_ms, score, "question")
    if score >= lengths.between:
        return Required(middle_ms, score, "between")
    return Required(lengths.long_ms, score, "goes-on")


OWN_PAUSES = 3
"""From so many pauses on, a person's own say something about the next."""
OVER_USUAL = 1.2
"""How much longer than their usual pause a silence must be that says nothing by itself."""


def _for_speaker(lengths: Lengths, own_pauses_ms: Sequence[float]) -> float:
    """Return the middle length: longer for somebody whose pauses are, up to the longest."""
    if len(own_pauses_ms) < OWN_PAUSES:
        return lengths.middle_ms
    usual_ms = sorted(own_pauses_ms)[len(own_pauses_ms) * 3 // 4]
    return min(lengths.long_ms, max(lengths.middle_ms, OVER_USUAL * usual_ms))


_HESITATION = word_set("um uh erm er hmm mm umm uhm")
_LIST_ENDS = word_set("and or plus")
_DIGITS = word_set("zero oh one two three four five six seven eight nine ten double triple nought")
_LETTER = re.compile(r"^[a-z]$")
_NUMERAL = re.compile(r"^\d+$")
READ_OUT = 3
"""From so many single digits or letters at the end on, something is being read out."""

_ANSWERS = word_set(
    "yes yeah yep yup no nope sure ok okay correct right exactly fine thanks please none nothing both neither maybe "
    "probably absolutely certainly definitely great perfect"
)
_GREETINGS = word_set("hello hi hey good morning afternoon evening there")
LONGEST_GREETING = 4
_DETAILS = word_set(
    "number numbers phone digits code pin name spell spelling address email e-mail postcode zip reference account card "
    "date birth"
)


def _waits_for(text: str, asked: Asked) -> Reason | None:
    """Return why these words are to be waited for, whatever their score."""
    words = words_of(text)
    if not words:
        return None
    if words[-1] in _HESITATION:
        return "hesitation"
    if words[-1] in _LIST_ENDS:
        return "list"
    at_end = 0
    for word in reversed(words):
        # "I" is a word, and "a" an article, unless more letters surround them.
        if not (word in _DIGITS or _LETTER.match(word) or _NUMERAL.match(word)):
            break
        at_end += 1
    if at_end >= READ_OUT or (asked == "details" and at_end and at_end == len(words)):
        return "number"
    return None


def is_waited_for(text: str) -> bool:
    """Return whether the shortest silence is never enough after these words, whatever their score."""
    return _waits_for(text, "") is not None or is_greeting(text)


QUESTION_WORDS = 3
QUESTION_ENDS = 0.25
"""From this probability on, a question mark is believed: docs/latency-measured.md, "A question"."""


def is_question(text: str, end_probability: float | None, patience: Patience) -> bool:
    """Return whether the words end in a question that is taken for whole: "What time is it?"; never if `patient`.

    The score knows only how many words there are, and asks more of few. A recogniser writes a question mark at pauses,
    too ("Could you tell me?"), but there the model is sure that more follows.
    """
    last = re.split(r"(?<=[.?!])\s+", text.strip())[-1]
    is_asked = last.endswith("?") and len(words_of(last)) >= QUESTION_WORDS
    may_end = end_probability is not None and QUESTION_ENDS <= end_probability <= 1
    return patience != "patient" and is_asked and may_end


def is_answer(text: str, asked: Asked) -> bool:
    """Return whether the words are a short answer to what the agent asked: "Yes, please."."""
    words = words_of(text)
    return asked == "question" and 0 < len(words) <= 3 and words[0] in _ANSWERS and not text.rstrip().endswith(",")


def is_greeting(text: str) -> bool:
    """Return whether the words are a greeting and nothing else: "Hello, good morning."."""
    words = words_of(text)
    return 0 < len(words) <= LONGEST_GREETING and all(word in _GREETINGS for word in words)


def asked_by(said: str) -> Asked:
    """Return what the last sentence of what the agent said asks for."""
    sentences = [each for each in re.split(r"(?<=[.?!])\s+", said.strip()) if each]
    if not sentences:
        return ""
    last = sentences[-1]
    details = not _DETAILS.isdisjoint(words_of(last))
    if last.endswith("?"):
        return "details" if details else "question"
    starts = words_of(last)[:2]
    return "details" if details and not {"please", "tell", "give", "spell", "enter", "say"}.isdisjoint(starts) else ""
