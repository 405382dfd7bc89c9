from collections.abc import Sequence

import pytest
from faststream.nats import NatsBroker
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.reasoning import endings
from actors.reasoning.fitting import Given, cut, fitted_to
from actors.reasoning.prompts import Background
from contracts import events as e
from contracts.events import ContextMessage
from infra.engines.llm import limits_of
from infra.engines.tokens import bound_of
from tests.actors.reasoning.openai_server import ended, refused
from tests.actors.reasoning.test_actor import clauses, last, log_of
from tests.actors.reasoning.test_endings import answering, ask


async def by_bytes(name: str, texts: Sequence[str]) -> list[int]:
    return [len(text.encode()) for text in texts]


def heard(*texts: str) -> list[ContextMessage]:
    return [ContextMessage(role="assistant" if n % 2 else "user", text=text) for n, text in enumerate(texts)]


def size(given: Given) -> int:
    return sum(len(message.text.encode()) + 8 for message in given.messages("local"))


@settings(max_examples=60)
@given(
    st.lists(st.text(alphabet="a 中👍न", max_size=2000), max_size=10),
    st.text(alphabet="a 中👍न", min_size=1, max_size=9000),
    st.text(alphabet="ab 中", max_size=5000),
    st.text(alphabet="ab 中", max_size=2000),
)
async def test_whatever_was_said_something_is_left_that_fits(
    texts: list[str], question: str, prompt: str, summary: str
) -> None:
    asked = Given(prompt, Background(heard(*texts), summary, memory=summary), f"begin {question} end")
    fitting = await fitted_to("local", asked, by_bytes, 160)
    assert size(fitting) <= limits_of("local").context_tokens - 160
    assert fitting.question.startswith("begin")


async def test_the_oldest_goes_first_and_what_fits_is_not_touched() -> None:
    short = Given("Be kind.", Background(heard("One.", "Two.")), "Three?")
    assert (await fitted_to("openai:x", short, by_bytes, 160)).background.heard == heard("One.", "Two.")
    long = Given("Be kind.", Background(heard(*[f"{n} {'x' * 4_000}" for n in range(6)], "Near.", "Nearer.")), "Now?")
    kept = (await fitted_to("openai:x", long, by_bytes, 160)).background.heard
    assert [message.text for message in kept][-2:] == ["Near.", "Nearer."]
    assert 0 < len(kept) < 8
    assert kept[0].role == "user"


async def test_a_text_longer_than_everything_is_cut_with_a_note() -> None:
    long = Given("Be kind.", Background(heard("Before.", "Yes.")), "begin " + "\u4e2d" * 1400 + " end")
    question = (await fitted_to("local", long, by_bytes, 160)).question
    assert question.startswith("begin")
    assert question.endswith("end")
    assert "characters are left out here" in question


@pytest.mark.parametrize("text", ["\u4e2d" * 1400, "\U0001f600" * 1400, "\u0928\u092e\u0938\u094d\u0924\u0947 " * 200])
async def test_a_small_model_reads_no_more_of_any_script_than_of_english_and_the_same_in_the_next_turn(
    text: str,
) -> None:
    most = limits_of("local").message_tokens
    asked = (await fitted_to("local", Given("Be kind.", Background(), text), by_bytes, 160)).question
    assert most // 2 < len(asked.encode()) <= most
    later = Given("Be kind.", Background(heard(text, "I see.")), "And now?")
    told = (await fitted_to("local", later, by_bytes, 160)).background.heard
    assert [message.text for message in told] == [asked, "I see."]


def test_a_cut_text_tells_how_much_is_missing() -> None:
    assert cut("short", 100) == "short"
    assert "[… 900 characters are left out here …]" in cut("x" * 1000, 100)
    assert len(cut("x" * 1000, 100)) <= 100


def test_the_bound_is_above_what_tokenizers_count() -> None:
    # cl100k: 9, about 1,600 and 2 or 3 a sign
    assert bound_of("The quick brown fox jumps over the lazy dog.") >= 10
    assert bound_of("\u4e2d" * 1400) >= 2000
    assert bound_of("\U0001f44d") >= 2


async def test_a_prompt_that_is_refused_as_too_long_is_asked_again_shorter_once(broker: NatsBroker) -> None:
    too_long = refused("400 Bad Request", "This model's maximum context length is 4096 tokens.")
    async with answering(broker, [too_long], ["That is it.", *ended("stop")]) as (server, actor):
        await ask(broker, actor, "begin " + "word " * 2_300 + "end")
    first, second = (request["messages"][-1]["content"] for request in server.asked)
    assert len(second) < len(first) * 0.6
    assert await clauses(broker) == ["That is it."]
    failure = await last(broker, e.EngineFailed)
    assert failure.action == "asked again with a shorter context"


async def test_a_prompt_that_is_refused_twice_is_apologised_for_and_the_next_one_answered(broker: NatsBroker) -> None:
    too_long = refused("400 Bad Request", "the request exceeds the available context size", type="exceed_context")
    async with answering(broker, [too_long], [too_long], ["Hello.", *ended("stop")]) as (server, actor):
        await ask(broker, actor, "\u4e2d" * 1400)
        assert len(server.asked) == 2
        await ask(broker, actor, "Hello?", "t2")
    assert await clauses(broker) == [endings.APOLOGY, "Hello."]
    assert len([event for event in await log_of(broker) if isinstance(event, e.EngineFailed)]) == 2


@pytest.mark.parametrize(
    "text", ["\u4e2d\u6587" * 5_000, "Look: " + "\U0001f600" * 4_000, "\u0928\u092e\u0938\u094d\u0924\u0947 " * 2_000]
)
async def test_long_texts_of_any_script_are_answered_and_so_is_the_next(broker: NatsBroker, text: str) -> None:
    async with answering(broker, ["Yes.", *ended("stop")]) as (server, actor):
        await ask(broker, actor, text)
        await ask(broker, actor, "And now?", "t2")
    for request in server.asked:
        assert sum(bound_of(message["content"]) for message in request["messages"]) < 10_000
    assert len(server.asked) == 2
