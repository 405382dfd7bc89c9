"""What can be told by counting words."""

import pytest

from actors.summaries.conversation import SpokenLine
from actors.summaries.counting import sentiment, topics


def test_topics_are_the_users_words_that_are_not_common() -> None:
    lines = [
        SpokenLine("user", "The printer is broken."),
        SpokenLine("agent", "Cartridge?"),
        SpokenLine("user", "The printer, yes."),
    ]
    assert topics(lines) == ("printer", "broken")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("That is great, thank you!", "positive"),
        ("This is terrible and I hate it.", "negative"),
        ("It is not good.", "negative"),
        ("What time is it?", "neutral"),
        ("", "unknown"),
    ],
)
def test_sentiment_is_that_of_the_users_words(text: str, expected: str) -> None:
    assert sentiment([SpokenLine("agent", "I hate it."), SpokenLine("user", text)]) == expected
