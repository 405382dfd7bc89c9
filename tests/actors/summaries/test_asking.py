"""How answers of language models are read."""

import json

import pytest

from actors.summaries.asking import Rambled, UnusableAnswer, answer, read_final, read_notes, read_small
from tests.actors.summaries.scripted import ScriptedModel, SlowModel

GIVEN = {"summary": "Sam likes owls.", "topics": ["owls"], "sentiment": "Positive", "action_items": ["Call Sam."]}


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "Here you are: {} I hope this helps."])
def test_json_is_found_among_other_words(around: str) -> None:
    final = read_final(around.replace("{}", json.dumps(GIVEN)))
    assert final.summary == "Sam likes owls."
    assert (final.topics, final.sentiment, final.action_items) == (("owls",), "positive", ("Call Sam.",))


def test_too_much_of_it_is_cut() -> None:
    many = {**GIVEN, "topics": [f"t{n}" for n in range(50)], "action_items": ["x" * 999, " "], "summary": "A b. " * 999}
    final = read_final(json.dumps(many))
    assert (len(final.topics), len(final.action_items[0]), len(final.action_items)) == (5, 200, 1)
    assert len(final.summary) <= 600


@pytest.mark.parametrize("text", ["", "I cannot.", "{not json}", '{"topics": []}', '{"summary": ""}', "[1]"])
def test_what_is_no_such_json_is_unusable(text: str) -> None:
    with pytest.raises(UnusableAnswer):
        read_final(text)


def test_an_unusable_answer_is_not_repeated_in_the_error() -> None:
    with pytest.raises(UnusableAnswer) as raised:
        read_final('{"summary": 5, "topics": "zanzibar"}')
    assert "zanzibar" not in str(raised.value)


def test_the_local_models_summary_must_speak_of_the_call() -> None:
    source = "User: My printer is broken."
    assert read_small("Summary: A broken printer.", source) == "A broken printer."
    with pytest.raises(Rambled):
        read_small("The user is a helpful assistant.", source)
    with pytest.raises(UnusableAnswer):
        read_small("\n", source)
    with pytest.raises(UnusableAnswer):
        read_notes("")


async def test_a_model_may_take_its_time_as_long_as_it_is_not_silent() -> None:
    assert await answer(SlowModel("a b c d e"), [("user", "?")], 0.3) == "a b c d e "  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        await answer(ScriptedModel("hang"), [("user", "?")], 0.1)  # type: ignore[arg-type]


async def test_a_model_that_does_not_stop_is_stopped() -> None:
    endless = ScriptedModel("word " * 10_000)
    assert len(await answer(endless, [("user", "?")], 1, 100)) < 120  # type: ignore[arg-type]
