"""Is speech over the agent's own an interruption? Pure decisions on words and duration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actors.transcript.repeating import repeats
from infra.session.addressing import asks, is_said_to, names, word_set, words_of
from infra.session.signals import is_signal, may_become_signal

Reason = Literal["no-words", "backchannel", "echo", "unaddressed"]

COMMANDS = word_set("stop wait no hold pause quiet enough sorry listen hey cancel nope excuse shush but actually")
"""Words that take the floor by themselves, however short."""

STOPS = word_set("stop wait hold pause quiet enough cancel shush")
"""Words by which anybody stops the agent, whoever it answers: alone or among up to four words."""

MAX_STOP_WORDS = 4


@dataclass(frozen=True, slots=True)
class Company:
    """Whom the agent answers (`addressee` of its profile), its name, and the people whom the speaker may speak to."""

    addressee: Literal["always", "named", "asked"] = "always"
    agent_name: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the agent is saying, and what is known of the speech over it apart from its words.

    `asks` tells that it was at the end of a question, to which even "yeah" is an answer. `is_echo` tells that the
    speech is the agent's own sound, `is_own` that it is certainly not: this microphone is known to be free of echo.
    """

    text: str
    asks: bool = False
    is_echo: bool = False
    is_own: bool = False


ALONE = Company()
"""Whoever is alone with the agent speaks to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: an interruption, or why not."""

    interrupts: bool
    reason: Reason | None = None


def judge(
    text: str, speech_ms: float, over: bool, floor: Overlap, min_speech_ms: float, company: Company = ALONE
) -> Verdict | None:
    """Return what speech over a reply is, or None while it cannot be told.

    `text` is what has been understood of it, `over` tells that it has ended. Words that take the floor interrupt at
    once; other words do when they have lasted `min_speech_ms` or have ended. In company nothing does but what the
    agent would answer, and words that stop it.
    """
    words = words_of(text)
    if floor.is_echo:
        return Verdict(False, "echo") if over else None
    if not words:
        return Verdict(False, "no-words") if over else None
    if is_echo(text, floor):
        return Verdict(False, "echo") if over else None
    if not over and _may_become_echo(words, floor):
        return None
    addressed = is_addressed(text, over, company)
    signal = is_signal(words)
    if addressed and not signal and any(word in COMMANDS for word in words):
        return Verdict(True)
    if signal or (not over and may_become_signal(words)):
        return _of_signal(over, floor.asks and addressed)
    if not addressed:
        return Verdict(False, "unaddressed") if over else None
    return Verdict(True) if over or speech_ms >= min_speech_ms else None


def _of_signal(over: bool, is_answer: bool) -> Verdict | None:
    if not over:
        return None
    return Verdict(True) if is_answer else Verdict(False, "backchannel")


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


LEAST_OWN_WORDS = 4
"""So many words have to be the reply's before a microphone that is known to be free of echo is taken to repeat it. The
same at the end of a question, whose words its answer may have: "tea or coffee?", "coffee"."""


def is_echo(text: str, floor: Overlap) -> bool:
    """Tell whether the agent hears itself, by the words. A few that take the floor are never an echo."""
    words = words_of(text)
    if len(words) <= 2 and any(word in COMMANDS for word in words):
        return False
    return repeats(text, floor.text, LEAST_OWN_WORDS if floor.is_own or floor.asks else 1)


def _may_become_echo(words: Sequence[str], floor: Overlap) -> bool:
    """Tell whether only the last word is none of the reply's: of speech that goes on it may be heard in part."""
    *first, last = words
    return len(first) > 1 and last not in COMMANDS and is_echo(" ".join(first), floor)


def is_question(text: str) -> bool:
    """Tell whether what the agent says ends in a question."""
    return text.rstrip(" \"'\u201d\u2019)*").endswith("?")
