"""Words are scored before the draft is written, and a session in which scores decided comes out the same."""

import asyncio
from collections.abc import Sequence

import pytest
from faststream.nats import NatsBroker

from actors.reasoning import actor
from contracts import events as e
from infra.engines.llm import LOCAL, LlmNotFound
from infra.engines.sentence_end import Message, NoScore
from infra.replay.registry import ACTORS
from infra.replay.verify import verify
from tests.actors.reasoning.facts import ended, fact, opened, revised
from tests.actors.reasoning.models import ScriptedModel
from tests.infra.replay.recording import MODEL, Recording, record

ANSWER = ["Good day, ", "nice to hear ", "you."]


class Scorer:
    """Says what a test wants of the end of words; an exception is raised."""

    said: float | Exception = 0.75

    def __init__(self, *_: object) -> None:
        self.asked: list[Sequence[Message]] = []

    async def probability(self, messages: Sequence[Message]) -> float:
        self.asked.append(messages)
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Scorer:
    scorer = Scorer()
    monkeypatch.setattr(actor, "SentenceEnds", lambda *_: scorer)
    return scorer


def closed() -> e.SessionClosed:
    ending: e.SessionClosed = fact(e.SessionClosed, "close", reason="hangup")
    return ending


async def call(broker: NatsBroker, *, scored: int = 1, patience: str = "balanced", llm: str = MODEL) -> Recording:
    """Record a call of one turn with a pause that was none before its end."""
    waited = [(e.TranscriptScored, scored)] if scored else []
    return await record(
        broker,
        ScriptedModel.playing(ANSWER),
        [opened(llm=llm, patience=patience)],
        [revised("Hello there."), (e.ReplyClauseWritten, 2), *waited, ended("hello there"), (e.ReplyCompleted, 1)],
        [closed()],
    )


def facts_of(recording: Recording, event_class: type[e.Event]) -> list[e.Event]:
    return [each.event for each in recording[0].facts if isinstance(each.event, event_class)]


@pytest.mark.parametrize("llm", [MODEL, LOCAL])
async def test_the_words_of_a_pause_are_scored_and_the_session_verifies(
    broker: NatsBroker, scorer: Scorer, llm: str
) -> None:
    recording = await call(broker, llm=llm)
    (score,) = facts_of(recording, e.TranscriptScored)
    assert isinstance(score, e.TranscriptScored)
    assert (score.end_probability, score.cause_id, score.turn_id, score.problem) == (0.75, "rev", "t1", "")
    assert scorer.asked[-1][-1] == ("user", "Hello there")
    done = await asyncio.to_thread(verify, *recording, ACTORS)
    assert (done.status, done.differences) == ("identical", [])


async def test_a_model_that_cannot_score_is_said_and_one_that_is_not_there_is_not(
    broker: NatsBroker, scorer: Scorer
) -> None:
    scorer.said = NoScore("it hangs")
    recording = await call(broker)
    (score,) = facts_of(recording, e.TranscriptScored)
    assert isinstance(score, e.TranscriptScored)
    assert (score.end_probability, score.problem) == (None, "it hangs")
    assert (await asyncio.to_thread(verify, *recording, ACTORS)).status == "identical"


async def test_nothing_is_appended_where_no_local_model_runs(broker: NatsBroker, scorer: Scorer) -> None:
    scorer.said = LlmNotFound("not here")
    recording = await call(broker, scored=0)
    assert facts_of(recording, e.TranscriptScored) == []
    assert (await asyncio.to_thread(verify, *recording, ACTORS)).status == "identical"


async def test_without_a_patience_no_words_are_scored(broker: NatsBroker, scorer: Scorer) -> None:
    recording = await call(broker, scored=0, patience="")
    assert scorer.asked == []
    assert facts_of(recording, e.TranscriptScored) == []


@pytest.mark.parametrize(
    ("llm", "told"),
    [(LOCAL, "I have a question about my last bill."), (MODEL, "I have a question about. My last bill.")],
)
async def test_a_local_model_answers_the_words_as_it_has_read_them_to_score_them(
    broker: NatsBroker, scorer: Scorer, llm: str, told: str
) -> None:
    text = "I have a question about. My last bill."
    said: e.TranscriptRevised = revised(text).model_copy(update={"pauses": (25,)})
    recording = await record(
        broker,
        ScriptedModel.playing(ANSWER),
        [opened(llm=llm, patience="balanced")],
        [said, (e.ReplyClauseWritten, 2), (e.TranscriptScored, 1), ended(text), (e.ReplyCompleted, 1)],
        [closed()],
    )
    assert scorer.asked[-1][-1] == ("user", "I have a question about my last bill")
    (started,) = facts_of(recording, e.ReplyStarted)
    assert isinstance(started, e.ReplyStarted)
    assert (started.context[-1].text, started.text) == (told, text)
    assert len(facts_of(recording, e.ReplyCommitted)) == 1
    assert (await asyncio.to_thread(verify, *recording, ACTORS)).status == "identical"
