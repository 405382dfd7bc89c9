"""What the agent answers to the plain questions that somebody tries first, checked as far as a machine can."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import httpx

from infra.bench.answer_questions import PlainQuestion, Tried
from infra.bench.statistics import percentile
from infra.caller.chat import ChatClient, ChatFailed
from infra.process.error_text import in_one_line

MOST_WORDS = 80
"""More is not said in a conversation."""
_ALWAYS_WRONG = (
    ("says nothing", re.compile(r"^\W*$")),
    ("speaks for others", re.compile(r"(?:^|\n) ?(?:user|assistant|system|human|question|answer) ?:", re.IGNORECASE)),
    ("writes markup", re.compile(r"<\|?\w+|\*\*|^#|```")),
    ("repeats itself", re.compile(r"(?P<once>\b[^.!?]{12,}[.!?]) *(?P=once)")),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, and what is wrong with it; `first_token_ms` is none if no token came before the end."""

    about: str
    question: str
    answer: str
    first_token_ms: float | None = None
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """All answers: how many have nothing wrong that can be checked, and how soon they began."""

    answers: int
    passed: int
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None


async def ask_all(
    door: str, conversations: Iterable[Tried], user: str, report: Callable[[Answered], None], token: str = ""
) -> list[Answered]:
    """Hold the conversations at a door, one after the other, each as somebody else: `user` and a number."""
    found: list[Answered] = []
    async with httpx.AsyncClient() as http:
        for number, tried in enumerate(conversations):
            client = ChatClient(http, door, {"user_id": f"{user}-{number}"}, token=token)
            for asked in tried.turns:
                found.append(await _answered(client, tried.about, asked))
                report(found[-1])
            await client.hang_up()
    return found


async def _answered(client: ChatClient, about: str, asked: PlainQuestion) -> Answered:
    try:
        *_, last = [event async for event in client.say(asked.text)]
    except ChatFailed as failure:
        return Answered(about, asked.text, "", wrong=[f"is not answered: {failure}"])
    except Exception as error:
        return Answered(about, asked.text, "", wrong=[f"is not answered: {in_one_line(error)}"])
    text, first_token_ms = str(last.data["text"]), last.data["first_token_ms"]
    return Answered(about, asked.text, text, first_token_ms, wrong_in(asked, text))


def wrong_in(asked: PlainQuestion, answer: str) -> list[str]:
    """Return what is wrong with an answer, as far as it can be checked."""
    wrong = [problem for problem, pattern in _ALWAYS_WRONG if pattern.search(answer)]
    if len(answer.split()) > MOST_WORDS:
        wrong.append(f"has more than {MOST_WORDS} words")
    if asked.says and not re.search(asked.says, answer, re.IGNORECASE):
        wrong.append("does not say what it has to")
    if asked.never and (found := re.search(asked.never, answer, re.IGNORECASE)):
        wrong.append(f"says {found[0]!r}")
    return wrong


def summarise(found: Sequence[Answered]) -> AnswerFigures:
    """Summarise answers."""
    times = [each.first_token_ms for each in found if each.first_token_ms is not None]
    return AnswerFigures(
        answers=len(found),
        passed=sum(not each.wrong for each in found),
        first_token_p50_ms=round(percentile(times, 0.5), 1) if times else None,
        first_token_p95_ms=round(percentile(times, 0.95), 1) if times else None,
    )
