"""Is speech over the agent's own an interruption? Pure decisions on words and duration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actors.transcript.repeating import repeats
from infra.session.addressing import asks, is_said_to, names, words_of
from infra.session.signals import is_signal, may_become_signal
from infra.spoken.vocabulary import word_set

Reason = Literal["no-words", "backchannel", "echo", "unaddressed"]

COMMANDS = word_set("stop wait no hold pause quiet enough sorry listen hey cancel nope excuse shush but actually")
"""Words that take the floor by themselves, however short."""

STOPS = word_set("stop wait hold pause quiet enough cancel shush")
"""Words with which anybody can stop the agent, whoever it answers: alone or among up to four words."""

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

    `asks`: it was at the end of a question, to which even "yeah" is an answer. `is_echo`: the
    speech is the agent's own sound. `is_own`: it certainly is not, because this microphone is known to be free of echo.
    """

    text: str
    asks: bool = False
    is_echo: bool = False
    is_own: bool = False


ALONE = Company()
"""Somebody who is alone with the agent speaks to it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: an interruption, or why not."""

    interrupts: bool
    reason: Reason | None = None


def judge(
    text: str, speech_ms: float, over: bool, floor: Overlap, min_speech_ms: float, company: Company = ALONE
) -> Verdict | None:
    """Return what speech over a reply is, or None while that is unknown.

    `text` is what has been understood so far, `over` whether it has ended. Words that take the floor interrupt at
    once; other words when they have lasted `min_speech_ms` or have ended. In company only words that the
    agent would answer, or that stop it, interrupt.
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
    """Return whether speech may be meant for the agent. The end of a question may name its addressee: `…, Kim?`."""
    if company.addressee == "always" or not company.others or names(text, company.agent_name):
        return True
    if any(is_said_to(text, other) for other in company.others):
        return False
    words = words_of(text)
    if len(words) <= MAX_STOP_WORDS and any(word in STOPS for word in words):
        return True
    return company.addressee == "asked" and over and asks(text)


LEAST_OWN_WORDS = 4
"""How many words must be the reply's before a microphone that is known to be free of echo counts as repeating it. The
same applies at the end of a question, because an answer may use its words: "tea or coffee?", "coffee"."""


def is_echo(text: str, floor: Overlap) -> bool:
    """Return whether, by the words, the agent hears itself. A few words that take the floor are never an echo."""
    words = words_of(text)
    if len(words) <= 2 and any(word in COMMANDS for word in words):
        return False
    return repeats(text, floor.text, LEAST_OWN_WORDS if floor.is_own or floor.asks else 1)


def _may_become_echo(words: Sequence[str], floor: Overlap) -> bool:
    """Return whether only the last word is not the reply's: while speech goes on it may be heard only in part."""
    *first, last = words
    return len(first) > 1 and last not in COMMANDS and is_echo(" ".join(first), floor)


def is_question(text: str) -> bool:
    """Return whether what the agent says ends in a question."""
    return text.rstrip(" \"'\u201d\u2019)*").endswith("?")
