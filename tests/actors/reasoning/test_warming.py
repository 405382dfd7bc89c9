"""What the local model reads in advance."""

import asyncio

from langchain_core.language_models import BaseChatModel

from actors.reasoning.chat_models import ChatModels
from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.prompts import Background
from actors.reasoning.warming import PromptWarmer
from infra.engines.llm import LlmNotFound
from infra.engines.tokens import TokenCounter
from infra.settings import Settings
from tests.actors.reasoning.facts import SESSION
from tests.actors.reasoning.test_end_scoring import CONFIG, Scorer
from tests.waiting import until


def no_model(name: str, settings: Settings) -> BaseChatModel:
    raise LlmNotFound(name)


async def nothing() -> Background:
    return Background()


async def test_words_are_read_to_their_end_though_the_session_goes_on() -> None:
    scorer = Scorer()
    scorer.may_answer = asyncio.Event()
    warmer = PromptWarmer(ChatModels(CONFIG, no_model), TokenCounter(CONFIG), EndScoring(scorer))
    warmer.score_words(SESSION, "t1", CONFIG, nothing, "What is")
    await until(lambda: len(scorer.asked) == 1)
    warmer.stop(SESSION)
    warmer.score_words(SESSION, "t1", CONFIG, nothing, "What is the")  # not beside the other one
    for _ in range(20):
        await asyncio.sleep(0)
    assert [asked[-1] for asked in scorer.asked] == [("user", "What is")]
    scorer.may_answer.set()

    def has_read_more() -> bool:
        warmer.score_words(SESSION, "t1", CONFIG, nothing, "What is the capital")
        return scorer.asked[-1][-1] == ("user", "What is the capital")

    await until(has_read_more)
    assert len(scorer.asked) == 2
    await warmer.close()


async def test_reading_ends_with_its_process() -> None:
    scorer = Scorer()
    scorer.may_answer = asyncio.Event()
    warmer = PromptWarmer(ChatModels(CONFIG, no_model), TokenCounter(CONFIG), EndScoring(scorer))
    warmer.score_words(SESSION, "t1", CONFIG, nothing, "What is")
    await until(lambda: len(scorer.asked) == 1)
    await warmer.close()
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"warming"})
