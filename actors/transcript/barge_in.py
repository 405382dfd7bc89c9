"""Is speech over the agent's own an interruption? Pure decisions on words and duration."""

from dataclasses import dataclass
from typing import Literal

from actors.transcript.endpointing import word_set, words_of

Reason = Literal["no-words", "backchannel", "echo"]

COMMANDS = word_set("stop wait no hold pause quiet enough sorry listen hey cancel nope excuse shush but actually")
"""Words that take the floor by themselves, however short."""

BACKCHANNELS = word_set(
    "mhm mm mmm hm hmm mm-hmm uh huh uh-huh uhuh aha ah oh yeah yep yes yup ya okay ok right sure good great nice cool "
    "really wow i see got it alright fine exactly true totally indeed of course so"
)
"""Words by which a listener says "go on"; an utterance of up to four of them is no turn."""

MAX_BACKCHANNEL_WORDS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: an interruption, or why not."""

    interrupts: bool
    reason: Reason | None = None


def judge(text: str, speech_ms: float, over: bool, agent_text: str, min_speech_ms: float) -> Verdict | None:
    """Return what speech over a reply is, or None while it cannot be told.

    `text` is what has been understood of it, `over` tells that it has ended, `agent_text` is the reply. Words that
    take the floor interrupt at once; other words do when they have lasted `min_speech_ms` or have ended.
    """
    words = words_of(text)
    if not words:
        return Verdict(False, "no-words") if over else None
    if is_echo(words, words_of(agent_text)):
        return Verdict(False, "echo") if over else None
    if any(word in COMMANDS for word in words):
        return Verdict(True)
    if is_backchannel(words):
        return Verdict(False, "backchannel") if over else None
    return Verdict(True) if over or speech_ms >= min_speech_ms else None


def is_backchannel(words: list[str]) -> bool:
    """Tell whether the words only say "go on"."""
    return len(words) <= MAX_BACKCHANNEL_WORDS and all(word in BACKCHANNELS for word in words)


def is_echo(words: list[str], agent_words: list[str]) -> bool:
    """Tell whether the agent hears itself: the words are a piece of its reply, a few misheard ones allowed.

    A single word that takes the floor is never an echo; other short ones must match exactly.
    """
    if len(words) <= 2 and any(word in COMMANDS for word in words):
        return False
    allowed = len(words) // 5
    return any(
        sum(a != b for a, b in zip(words, agent_words[start:], strict=False)) <= allowed
        for start in range(len(agent_words) - len(words) + 1)
    )
