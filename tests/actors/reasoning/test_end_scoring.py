"""When words are scored: before the draft is written, unless that was done while they were said."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from actors.reasoning.end_scoring import EndScoring, both, messages_for
from actors.reasoning.model_chunks import ModelChunk, ModelRequest, Part, asked_after
from actors.reasoning.prompts import Background
from actors.reasoning.session_log import SessionLog
from actors.reasoning.wire import SilentWire
from contracts import events as e
from infra.engines.llm import LlmNotFound
from infra.engines.sentence_end import Message, NoScore
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, revised
from tests.actors.transcript.heard_track import MemoryLog

CONFIG = Settings(prompt="Be kind.", patience="balanced")
NOTHING = Background()


class Scorer:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[Message]] = []
        self.may_answer: asyncio.Event | None = None
        self.problem: Exception | None = None

    async def probability(self, messages: Sequence[Message]) -> float:
        self.asked.append(messages)
        if self.may_answer is not None:
            await self.may_answer.wait()
        if self.problem is not None:
            raise self.problem
        return 0.5

    async def aclose(self) -> None:
        """Nothing is open."""


def session_log() -> tuple[SessionLog, MemoryLog]:
    log = MemoryLog()
    return SessionLog(log, Untaped(), SilentWire(), SESSION), log


def scored(log: MemoryLog) -> list[e.Event]:
    return [fact.event for fact in log.facts]


async def test_the_draft_asks_its_model_when_the_words_have_been_scored() -> None:
    asked: list[ModelRequest] = []

    async def ask(request: ModelRequest) -> AsyncGenerator[Part, None]:
        asked.append(request)
        yield ModelChunk("Paris")

    scorer, (session, log) = Scorer(), session_log()
    scorer.may_answer = asyncio.Event()
    answered, request = asyncio.Event(), ModelRequest("local", [])
    scoring = asyncio.create_task(EndScoring(scorer).score(session, revised("What is"), CONFIG, NOTHING, answered))

    async def draft() -> list[Part]:
        return [part async for part in asked_after(answered, ask)(request)]

    drafting = asyncio.create_task(draft())
    for _ in range(20):
        await asyncio.sleep(0)
    assert (asked, len(scorer.asked)) == ([], 1)
    scorer.may_answer.set()
    assert await drafting == [ModelChunk("Paris")]
    assert asked == [request]
    await scoring
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, len(scorer.asked)) == (0.5, 1)


async def test_words_that_were_read_while_they_were_said_are_not_asked_about_again() -> None:
    scorer, (session, log) = Scorer(), session_log()
    scoring = EndScoring(scorer)
    await scoring.read(SESSION, CONFIG, NOTHING, "What is")
    answered = asyncio.Event()
    await scoring.score(session, revised("What is."), CONFIG, NOTHING, answered)
    assert answered.is_set()
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, fact.elapsed_ms, len(scorer.asked)) == (0.5, 0, 1)
    # Nobody else's words, though they are the same.
    assert scoring._known == {(SESSION, "What is"): 0.5}


@pytest.mark.parametrize("problem", [LlmNotFound("none runs"), NoScore("it hangs"), ValueError("a fault of ours")])
async def test_a_draft_is_written_though_its_words_cannot_be_scored(problem: Exception) -> None:
    scorer, (session, _) = Scorer(), session_log()
    scorer.problem = problem
    answered = asyncio.Event()
    scoring = EndScoring(scorer).score(session, revised("What is"), CONFIG, NOTHING, answered)
    await asyncio.gather(scoring, return_exceptions=True)
    assert answered.is_set()


async def test_the_model_reads_what_it_would_answer_with_the_words_at_its_end() -> None:
    messages = messages_for(CONFIG, NOTHING, "Where is the")
    assert messages[0] == ("system", "Be kind.")
    assert messages[-1] == ("user", "Where is the")
    assert {role for role, _ in messages} == {"system", "user", "assistant"}


async def test_no_words_are_not_scored() -> None:
    scorer, (session, log) = Scorer(), session_log()
    answered = asyncio.Event()
    await EndScoring(scorer).score(session, revised("..."), CONFIG, NOTHING, answered)
    assert (scored(log), scorer.asked, answered.is_set()) == ([], [], True)


async def test_a_job_ends_with_its_writing_and_its_scoring() -> None:
    async def fails() -> None:
        raise ValueError("stale")

    async def hangs() -> None:
        await asyncio.Event().wait()

    writing, scoring = asyncio.create_task(fails()), asyncio.create_task(hangs())
    with pytest.raises(ValueError, match="stale"):
        await both(writing, scoring)
    assert scoring.cancelled()
