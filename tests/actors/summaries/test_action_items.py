"""What somebody promised or asked to be done, from the words alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.summaries.action_items import LONGEST_ITEM, MOST_ITEMS, action_items
from actors.summaries.conversation import SpokenLine


@pytest.mark.parametrize(
    ("speaker", "text", "expected"),
    [
        ("user", "Remind me to call the dentist tomorrow.", "Remind the user: call the dentist tomorrow"),
        ("user", "Okay. And please remind me to buy ink!", "Remind the user: buy ink"),
        ("user", "Could you send me the invoice?", "The user asked: send me the invoice"),
        ("user", "Please cancel my order.", "The user asked: cancel my order"),
        ("user", "Well, I will call the shop on Monday.", "The user will call the shop on Monday"),
        ("user", "I'll bring the papers.", "The user will bring the papers"),
        ("user", "I have to renew my passport.", "The user will renew my passport"),
        ("agent", "I will book the table for two.", "The agent will book the table for two"),
    ],
)
def test_what_is_promised_or_asked_for_is_an_item(speaker: str, text: str, expected: str) -> None:
    assert action_items([SpokenLine(speaker, text)]) == (expected,)  # type: ignore[arg-type]  # one of two words


@pytest.mark.parametrize(
    ("speaker", "text"),
    [
        ("user", "Could you please tell me the time?"),
        ("user", "Can you repeat that?"),
        ("user", "Please wait."),
        ("user", "Should I call the dentist?"),
        ("user", "If I have to pay for that, no."),
        ("user", "I will."),
        ("agent", "I will be happy to help you."),
        ("agent", "Please remind me to call the dentist."),
        ("agent", "Could you send me the invoice?"),
        ("user", ""),
    ],
)
def test_what_is_done_by_talking_or_only_asked_about_is_none(speaker: str, text: str) -> None:
    assert action_items([SpokenLine(speaker, text)]) == ()  # type: ignore[arg-type]  # one of two words


def test_each_item_is_listed_once_in_the_order_said() -> None:
    lines = [SpokenLine("user", "I will call Anna. Please order the ink. I will call anna.")]
    assert action_items(lines) == ("The user will call Anna", "The user asked: order the ink")


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["please ", "I will ", "remind me to ", "word ", "? ", ". "]), max_size=400))
def test_whatever_is_said_items_are_few_and_short(parts: list[str]) -> None:
    items = action_items([SpokenLine("user", "".join(parts))])
    assert len(items) <= MOST_ITEMS
    assert all(len(item) <= LONGEST_ITEM + 20 for item in items)
