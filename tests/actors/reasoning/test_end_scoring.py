"""When words are scored: at once if they were read while they were said, else after the draft's first token."""

import asyncio
from collections.abc import Sequence

import pytest

from actors.reasoning.end_scoring import EndScoring, both, messages_for
from actors.reasoning.prompts import Background
from actors.reasoning.session_log import SessionLog
from actors.reasoning.wire import SilentWire
from contracts import events as e
from infra.engines.sentence_end import Message
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

    async def probability(self, messages: Sequence[Message]) -> float:
        self.asked.append(messages)
        return 0.5

    async def aclose(self) -> None:
        """Nothing is open."""


def session_log() -> tuple[SessionLog, MemoryLog]:
    log = MemoryLog()
    return SessionLog(log, Untaped(), SilentWire(), SESSION), log


def scored(log: MemoryLog) -> list[e.Event]:
    return [fact.event for fact in log.facts]


async def test_words_are_scored_when_the_drafts_first_clause_is_written() -> None:
    scorer, (session, log) = Scorer(), session_log()
    first_clause: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    scoring = EndScoring(scorer)
    task = asyncio.create_task(
        scoring.score(session, revised("What is"), CONFIG, NOTHING, asyncio.shield(first_clause))
    )
    for _ in range(20):
        await asyncio.sleep(0)
    assert scorer.asked == []
    first_clause.set_result(None)
    await task
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, len(scorer.asked)) == (0.5, 1)


async def test_words_that_were_read_while_they_were_said_are_scored_at_once() -> None:
    scorer, (session, log) = Scorer(), session_log()
    scoring = EndScoring(scorer)
    await scoring.read(SESSION, CONFIG, NOTHING, "What is")
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await scoring.score(session, revised("What is."), CONFIG, NOTHING, never)
    (fact,) = scored(log)
    assert isinstance(fact, e.TranscriptScored)
    assert (fact.end_probability, fact.elapsed_ms, len(scorer.asked)) == (0.5, 0, 1)
    # Nobody else's words, though they are the same.
    assert scoring._known == {(SESSION, "What is"): 0.5}


async def test_the_model_reads_what_it_would_answer_with_the_words_at_its_end() -> None:
    messages = messages_for(CONFIG, NOTHING, "Where is the")
    assert messages[0] == ("system", "Be kind.")
    assert messages[-1] == ("user", "Where is the")
    assert {role for role, _ in messages} == {"system", "user", "assistant"}


async def test_no_words_are_not_scored() -> None:
    scorer, (session, log) = Scorer(), session_log()
    await EndScoring(scorer).score(session, revised("..."), CONFIG, NOTHING, None)
    assert (scored(log), scorer.asked) == ([], [])


async def test_a_job_ends_with_its_writing_and_its_scoring() -> None:
    async def fails() -> None:
        raise ValueError("stale")

    async def hangs() -> None:
        await asyncio.Event().wait()

    writing, scoring = asyncio.create_task(fails()), asyncio.create_task(hangs())
    with pytest.raises(ValueError, match="stale"):
        await both(writing, scoring)
    assert scoring.cancelled()
