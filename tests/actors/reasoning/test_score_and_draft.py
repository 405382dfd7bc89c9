"""A pause's words are scored and answered: the model is asked for the draft when it has answered about the words."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.model_chunks import AskModel, ModelChunk, ModelRequest, Part, asked_after
from actors.reasoning.prompts import Background
from actors.reasoning.score_and_draft import ScoreAndDraft
from actors.reasoning.session_log import SessionLog
from actors.reasoning.wire import SilentWire
from contracts import events as e
from infra.engines.llm import LlmNotFound
from infra.engines.sentence_end import Message, NoScore
from infra.log.inbox import Job
from infra.process.tasks import ended
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, revised
from tests.actors.transcript.heard_track import MemoryLog
from tests.waiting import until

WORDS = revised("What is")
LOCAL_MODEL = Settings(patience="balanced", llm="local")
OTHER_MODEL = Settings(patience="balanced", llm="openai:gpt-4o-mini, local")


@dataclass
class Pause:
    """A pause whose score is answered when a test says so, and its draft, which notes when its model is asked."""

    answer: float | Exception = 0.5
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    scores_asked: int = 0
    drafts_asked: int = 0
    begins: bool = True
    problem: Exception | None = None
    log: MemoryLog = field(default_factory=MemoryLog)

    async def probability(self, _: Sequence[Message]) -> float:
        self.scores_asked += 1
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        """Nothing is open."""

    async def begin(self, settings: Settings = LOCAL_MODEL) -> Job:
        self.order = ScoreAndDraft(EndScoring(self))
        session = SessionLog(self.log, Untaped(), SilentWire(), SESSION)
        return await self.order.begin(session, WORDS, settings, Background(), self._begin_draft)

    async def _begin_draft(self) -> Job | None:
        if self.problem is not None:
            await until(lambda: self.scores_asked == 1)
            raise self.problem
        scored = self.order.scored_before(WORDS)
        ask = asked_after(scored, self._ask) if scored is not None else self._ask
        return asyncio.create_task(self._write(ask)) if self.begins else None

    async def _ask(self, _: ModelRequest) -> AsyncGenerator[Part, None]:
        self.drafts_asked += 1
        yield ModelChunk("Paris")

    async def _write(self, ask: AskModel) -> None:
        async for _ in ask(ModelRequest("local", [])):
            pass

    @asynccontextmanager
    async def while_unanswered(self, settings: Settings = LOCAL_MODEL) -> AsyncIterator[Job]:
        """Yield the task of both when the model was asked for the score and has not answered."""
        job = await self.begin(settings)
        try:
            await until(lambda: self.scores_asked == 1)
            for _ in range(20):
                await asyncio.sleep(0)
            yield job
        finally:
            await ended(job)

    @property
    def scores(self) -> list[e.Event]:
        return [fact.event for fact in self.log.facts]


async def test_the_model_is_asked_for_the_draft_when_it_has_answered_about_the_words() -> None:
    pause = Pause()
    async with pause.while_unanswered() as job:
        assert pause.drafts_asked == 0
        pause.may_answer.set()
        await job
    assert (pause.drafts_asked, len(pause.scores)) == (1, 1)
    # A later reply to the same words, as after an interruption, waits for nothing.
    assert pause.order.scored_before(WORDS) is None


@pytest.mark.parametrize(
    ("problem", "facts"), [(NoScore("it does not answer within 1 s"), 1), (LlmNotFound("none runs"), 0)]
)
async def test_a_score_that_fails_or_is_late_or_is_never_asked_for_holds_no_draft_up(
    problem: Exception, facts: int
) -> None:
    pause = Pause(answer=problem)
    pause.may_answer.set()
    await (await pause.begin())
    assert (pause.drafts_asked, len(pause.scores)) == (1, facts)


async def test_a_draft_of_another_model_does_not_wait_for_the_score() -> None:
    pause = Pause()
    async with pause.while_unanswered(OTHER_MODEL):
        assert (pause.scores_asked, pause.drafts_asked) == (1, 1)


async def test_words_that_need_no_draft_are_scored() -> None:
    pause = Pause(begins=False)
    pause.may_answer.set()
    await (await pause.begin())
    assert (pause.drafts_asked, len(pause.scores)) == (0, 1)


async def test_both_end_when_they_are_cancelled() -> None:
    pause = Pause()
    async with pause.while_unanswered() as job:
        job.cancel()
        await asyncio.wait([job])
    assert job.cancelled()
    pause.may_answer.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert (pause.drafts_asked, pause.scores) == (0, [])


async def test_a_fault_of_one_ends_the_other() -> None:
    pause = Pause(answer=ValueError("a fault of ours"))
    pause.may_answer.set()
    with pytest.raises(ValueError, match="a fault of ours"):
        await (await pause.begin())
    pause = Pause(problem=ValueError("nobody decides"))
    with pytest.raises(ValueError, match="nobody decides"):
        await pause.begin()
    pause.may_answer.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert pause.scores == []
