"""How likely words end is asked at a pause, unless that was done while they were said."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.reasoning.end_scoring import EndScoring, messages_for
from actors.reasoning.prompts import Background
from actors.reasoning.session_log import SessionLog
from actors.reasoning.wire import SilentWire
from contracts import events as e
from contracts.events import ContextMessage
from infra.engines.sentence_end import Message, NoScore
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, revised
from tests.actors.transcript.heard_track import MemoryLog
from tests.waiting import until

CONFIG = Settings(prompt="Be kind.", patience="balanced")
NOTHING = Background()


class Scorer:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[Message]] = []
        self.may_answer: asyncio.Event | None = None
        self.problem: Exception | None = None
        """It is raised once."""

    async def probability(self, messages: Sequence[Message]) -> float:
        self.asked.append(messages)
        if self.may_answer is not None:
            await self.may_answer.wait()
        if (problem := self.problem) is not None:
            self.problem = None
            raise problem
        return 0.5

    async def aclose(self) -> None:
        """Nothing is open."""


def session_log() -> tuple[SessionLog, MemoryLog]:
    log = MemoryLog()
    return SessionLog(log, Untaped(), SilentWire(), SESSION), log


def scored(log: MemoryLog) -> list[e.Event]:
    return [fact.event for fact in log.facts]


async def test_words_that_were_read_while_they_were_said_are_not_asked_about_again() -> None:
    scorer, (session, log) = Scorer(), session_log()
    scoring = EndScoring(scorer)
    for _ in range(2):
        await scoring.read(SESSION, "t1", CONFIG, NOTHING, "What is")
    await scoring.score(session, revised("What is."), CONFIG, NOTHING, asyncio.Event())
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, fact.elapsed_ms, len(scorer.asked)) == (0.5, 0, 1)


@pytest.mark.parametrize(("session_id", "turn"), [("s-2", "t1"), (SESSION, "t2")])
async def test_the_same_words_of_another_session_or_turn_are_asked_about(session_id: str, turn: str) -> None:
    scorer, (session, log) = Scorer(), session_log()
    scoring = EndScoring(scorer)
    await scoring.read(session_id, turn, CONFIG, NOTHING, "Yes")
    await scoring.score(session, revised("Yes."), CONFIG, NOTHING, asyncio.Event())
    assert (len(scored(log)), len(scorer.asked)) == (1, 2)


async def test_words_that_are_just_being_read_are_waited_for() -> None:
    scorer, (session, log) = Scorer(), session_log()
    scorer.may_answer = asyncio.Event()
    scoring, answered = EndScoring(scorer), asyncio.Event()
    reading = asyncio.create_task(scoring.read(SESSION, "t1", CONFIG, NOTHING, "What is"))
    await until(lambda: len(scorer.asked) == 1)
    asking = asyncio.create_task(scoring.score(session, revised("What is."), CONFIG, NOTHING, answered))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (len(scorer.asked), answered.is_set()) == (1, False)
    scorer.may_answer.set()
    await asyncio.gather(reading, asking)
    assert (len(scored(log)), len(scorer.asked), answered.is_set()) == (1, 1, True)


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_words_whose_reading_failed_or_was_stopped_are_asked_about(is_cancelled: bool) -> None:
    scorer, (session, log) = Scorer(), session_log()
    scorer.may_answer = asyncio.Event()
    scoring = EndScoring(scorer)
    reading = asyncio.create_task(scoring.read(SESSION, "t1", CONFIG, NOTHING, "What is"))
    await until(lambda: len(scorer.asked) == 1)
    asking = asyncio.create_task(scoring.score(session, revised("What is."), CONFIG, NOTHING, asyncio.Event()))
    await asyncio.sleep(0)
    if is_cancelled:
        reading.cancel()
    else:
        scorer.problem = NoScore("it hangs")
        scorer.may_answer.set()
    await asyncio.wait([reading])
    scorer.may_answer.set()
    await asyncio.gather(reading, asking, return_exceptions=True)
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, fact.problem, len(scorer.asked)) == (0.5, "", 2)


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


def test_where_another_model_answers_the_local_one_is_given_the_last_exchange_only() -> None:
    said = [ContextMessage(role=role, text=f"{role} {n}") for n in range(3) for role in ("user", "assistant")]
    background = Background(said, summary="They talked about owls.")
    cloud = CONFIG.model_copy(update={"llm": "openai:gpt-5,local", "prompt": "Be kind. " * 2_000})
    own = messages_for(CONFIG, background, "What now")
    given = messages_for(cloud, background, "What now")
    assert [text for _, text in given[-3:]] == ["user 2", "assistant 2", "What now"]
    assert "user 1" in [text for _, text in own]
    assert not {"user 1", cloud.prompt} & {text for _, text in given}
