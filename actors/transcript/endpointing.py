"""When somebody speaks, and when the turn is over: pure decisions on VAD probabilities, silence and text.

Positions are samples of the track at 16 kHz. A window is 512 samples (32 ms), aligned to multiples of 512.
"""

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

from infra.session.addressing import words_of
from infra.spoken.vocabulary import word_set

SAMPLES_PER_MS = 16
WINDOW_SAMPLES = 512

LIKELY_END = 0.7
"""End-of-turn probability from which the shortest silence is enough. Real ends give 0.4 to 0.8 within 250 ms."""

UNLIKELY_END = 0.2
"""Probability up to which the longest silence is required. Breaks in mid-sentence give 0.2 to 0.7."""


class Change(Enum):
    """What one more window of sound meant."""

    BEGAN = auto()
    """An utterance began."""
    PAUSED = auto()
    """Silence has lasted long enough to be worth a recognition; the utterance may still go on."""
    RESUMED = auto()
    """The utterance went on after a pause."""
    CLOSED = auto()
    """The silence is long enough: what comes next is another utterance."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Thresholds of the state machine: probabilities, and durations in samples."""

    on: float = 0.5
    off: float = 0.35
    min_speech_samples: int = 2 * WINDOW_SAMPLES
    pause_samples: int = 1 * WINDOW_SAMPLES
    close_samples: int = 9 * WINDOW_SAMPLES

    @classmethod
    def with_threshold(cls, on: float) -> "Tuning":
        """Return the tuning for a threshold that opens an utterance; it stays open down to 0.15 less."""
        return cls(on=on, off=max(on - 0.15, on / 2))


@dataclass(frozen=True, slots=True)
class VadState:
    """State of one track's voice activity; `[start, voiced_end)` is the open utterance while `speaking`."""

    speaking: bool = False
    paused: bool = False
    start: int = 0
    voiced_end: int = 0
    voiced: int = 0
    """Samples above the threshold in a row, while not speaking yet."""


def hear(state: VadState, first_sample: int, probability: float, tuning: Tuning) -> tuple[VadState, Change | None]:
    """Return the state after the window at `first_sample`, and what it changed.

    An utterance begins with its first window above `on`, once `min_speech_samples` in a row were; it stays voiced
    down to `off`, but after a voiceless window only `on` counts again. Its acoustic end is the last voiced one's.
    """
    end = first_sample + WINDOW_SAMPLES
    if not state.speaking:
        return _hear_in_silence(state, first_sample, probability, tuning)
    unbroken = state.voiced_end >= first_sample
    if probability >= (tuning.off if unbroken else tuning.on):
        changed = Change.RESUMED if state.paused else None
        return replace(state, paused=False, voiced_end=end), changed
    silence = end - state.voiced_end
    if silence >= tuning.close_samples:
        return VadState(voiced_end=state.voiced_end), Change.CLOSED
    if silence >= tuning.pause_samples and not state.paused:
        return replace(state, paused=True), Change.PAUSED
    return state, None


def _hear_in_silence(
    state: VadState, first_sample: int, probability: float, tuning: Tuning
) -> tuple[VadState, Change | None]:
    if probability < tuning.on:
        return (replace(state, voiced=0) if state.voiced else state), None
    voiced = state.voiced + WINDOW_SAMPLES
    end = first_sample + WINDOW_SAMPLES
    if voiced < tuning.min_speech_samples:
        return replace(state, voiced=voiced), None
    return VadState(speaking=True, start=end - voiced, voiced_end=end), Change.BEGAN


LIVE_LAG_MS = 60
"""How much of the time since the last frame counts as silence while frames still come (every 20 ms)."""

VANISHED_MS = 1000
"""Without frames for this long the caller counts as silent."""


def silence_ms(handled_sample: int, voiced_end: int, since_frame_ms: float) -> float:
    """Return how long it has been silent: by samples, and by the clock only beyond the newest frame.

    Sound that comes late and fast (a catch-up) is therefore measured by its own time.
    """
    beyond = since_frame_ms if since_frame_ms >= VANISHED_MS else min(since_frame_ms, LIVE_LAG_MS)
    return max(0.0, (handled_sample - voiced_end) / SAMPLES_PER_MS) + max(0.0, beyond)


_NEVER_LAST = word_set(
    "a an the and or but because if when while although though unless until since than whose my your his her its our "
    "their every i'm i'd i'll i've we we're you're they're he's she's let's um uh er erm hmm very into onto"
)
"""Words that never end a finished sentence."""

_SELDOM_LAST = word_set(
    "so as who which where to of in on at for with from by about over under between without within through during "
    "like is are was were be been am do does did have has had will would can could should may might must want need "
    "some any these those also really just not"
)
"""Words that can end a finished sentence in a question ("where are you from") or a short answer ("yes I do")."""

_OPENINGS = re.compile(
    r"^(?:(?:and|so|but|well|oh|yes|no) )?"
    # "When I was a child", but not "when is the train"
    r"(?:(?:when|if|while|although|because|since|after|before) (?!is|are|was|were|do|does|did|will|would|can|should)"
    # "The story that I told you"
    r"|(?:the|a|an|my|your|our|his|her|their) \w+ (?:that|who|which) "
    # "could you please"
    r"|(?:can|could|would|will) you please$|(?:can|could|would|will) you tell me$)"
)
_OPENING_WORDS = 6
"""Up to this many words, a text that begins like one of `_OPENINGS` still lacks its main clause."""

_QUESTION_WORDS = word_set("what what's who who's where where's which how how's why")
_SHORT_ANSWER_WORDS = 3

_ASKING = _QUESTION_WORDS | word_set(
    "when when's is are was were do does did can could will would shall should may have has am"
)
WHOLE_QUESTION_WORDS = 6
"""From this many words on, a text that begins and ends as a question is one; after fewer it may be a break."""

WHOLE_QUESTION_BONUS = 0.2
"""What a whole question adds to the end-of-turn probability, which depends on the voice alone."""


def is_unfinished(text: str) -> bool:
    """Return whether the words break off where nobody ends a sentence: "I would like to book a table for".

    Punctuation is ignored: recognisers put a full stop after every fragment.
    """
    words = words_of(text)
    if len(words) <= _OPENING_WORDS and _OPENINGS.match(" ".join(words)):
        return True
    if not words or words[-1] not in _SELDOM_LAST:
        return bool(words) and (words[-1] in _NEVER_LAST or words[-2:] == ["and", "i"])
    return len(words) > _SHORT_ANSWER_WORDS and _QUESTION_WORDS.isdisjoint(words[:-1])


def is_whole_question(text: str) -> bool:
    """Return whether the words are a question from beginning to end: "How long does it take to boil an egg?"."""
    words = words_of(text)
    return len(words) >= WHOLE_QUESTION_WORDS and words[0] in _ASKING and text.rstrip().endswith("?")


def is_sure(probability: float | None) -> bool:
    """Return whether no other opinion could require less silence: the surer of two counts."""
    return probability is not None and probability >= LIKELY_END


def required_silence_ms(probability: float | None, text: str, min_ms: float, max_ms: float) -> float:
    """Return the silence that ends a turn whose words are `text` so far.

    Between `min_ms` and `max_ms` by the end-of-turn probability, the mean of both without one, and `max_ms` when
    the words break off. A whole question counts as likelier to be the end.
    """
    if is_unfinished(text):
        return max(min_ms, max_ms)
    if probability is None:
        return (min_ms + max_ms) / 2
    if is_whole_question(text):
        probability += WHOLE_QUESTION_BONUS
    share = (LIKELY_END - probability) / (LIKELY_END - UNLIKELY_END)
    return min_ms + min(1.0, max(0.0, share)) * max(0.0, max_ms - min_ms)
