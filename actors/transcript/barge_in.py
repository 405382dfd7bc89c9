"""Is speech over the agent's own an interruption? Pure decisions on words and duration."""

from dataclasses import dataclass
from typing import Literal

from actors.transcript.endpointing import word_set, words_of
from infra.wording import asks, is_said_to, names

Reason = Literal["no-words", "backchannel", "echo", "unaddressed"]

COMMANDS = word_set("stop wait no hold pause quiet enough sorry listen hey cancel nope excuse shush but actually")
"""Words that take the floor by themselves, however short."""

BACKCHANNELS = word_set(
    "mhm mm mmm hm hmm mm-hmm uh huh uh-huh uhuh aha ah oh yeah yep yes yup ya okay ok right sure good great nice cool "
    "really wow i see got it alright fine exactly true totally indeed of course so"
)
"""Words by which a listener says "go on"; an utterance of up to four of them is no turn."""

MAX_BACKCHANNEL_WORDS = 4

STOPS = word_set("stop wait hold pause quiet enough cancel shush")
"""Words by which anybody stops the agent, whoever it answers: alone or among up to four words."""

MAX_STOP_WORDS = 4


@dataclass(frozen=True, slots=True)
class Company:
    """Whom the agent answers (`addressee` of its profile), its name, and the people whom the speaker may speak to."""

    addressee: Literal["always", "named", "asked"] = "always"
    agent_name: str = ""
    others: tuple[str, ...] = ()


ALONE = Company()
"""Whoever is alone with the agent speaks to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: an interruption, or why not."""

    interrupts: bool
    reason: Reason | None = None


def judge(
    text: str, speech_ms: float, over: bool, agent_text: str, min_speech_ms: float, company: Company = ALONE
) -> Verdict | None:
    """Return what speech over a reply is, or None while it cannot be told.

    `text` is what has been understood of it, `over` tells that it has ended, `agent_text` is the reply. Words that
    take the floor interrupt at once; other words do when they have lasted `min_speech_ms` or have ended. In company
    nothing does but what the agent would answer, and words that stop it.
    """
    words = words_of(text)
    if not words:
        return Verdict(False, "no-words") if over else None
    if is_echo(words, words_of(agent_text)):
        return Verdict(False, "echo") if over else None
    addressed = is_addressed(text, over, company)
    if addressed and any(word in COMMANDS for word in words):
        return Verdict(True)
    if is_backchannel(words):
        return Verdict(False, "backchannel") if over else None
    if not addressed:
        return Verdict(False, "unaddressed") if over else None
    return Verdict(True) if over or speech_ms >= min_speech_ms else None


def is_addressed(text: str, over: bool, company: Company) -> bool:
    """Tell whether speech may be meant for the agent. To whom a question is put shows at its end: `…, Kim?`."""
    if company.addressee == "always" or not company.others or names(text, company.agent_name):
        return True
    if any(is_said_to(text, other) for other in company.others):
        return False
    words = words_of(text)
    if len(words) <= MAX_STOP_WORDS and any(word in STOPS for word in words):
        return True
    return company.addressee == "asked" and over and asks(text)


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
