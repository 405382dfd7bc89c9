"""What can be told from a conversation's words alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.summaries.conversation import Line, conversation, extract, sentiment, topics, transcript
from contracts.events import PlaybackFinished, PlaybackInterrupted, ReplyCompleted, TurnEnded

COMMON = {"event_id": "e", "session_id": "s", "time_ns": 1}


def test_the_agent_has_said_what_was_heard_not_what_was_written() -> None:
    facts = [
        TurnEnded(**COMMON, participant_id="p", text="Hello."),
        ReplyCompleted(**COMMON, reply_id="r", text="Hi! How are you?", clauses=2),
        PlaybackInterrupted(**COMMON, reply_id="r", heard_text="Hi!", played_samples=1),
        TurnEnded(**COMMON, participant_id="p", text="  "),
        PlaybackFinished(**COMMON, reply_id="q", heard_text="Bye.", played_samples=1),
    ]
    assert conversation(facts) == [Line("user", "Hello."), Line("agent", "Hi!"), Line("agent", "Bye.")]


def test_a_long_transcript_keeps_its_beginning_and_its_end() -> None:
    lines = [Line("user", f"line {n}") for n in range(100)]
    text = transcript(lines, 200)
    assert len(text) <= 200
    assert text.startswith("User: line 0")
    assert text.endswith("line 99")


def test_topics_are_the_users_words_that_are_not_common() -> None:
    lines = [Line("user", "The printer is broken."), Line("agent", "Cartridge?"), Line("user", "The printer, yes.")]
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
    assert sentiment([Line("agent", "I hate it."), Line("user", text)]) == expected


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=300), max_size=5))
def test_an_extract_is_short_and_begins_as_the_user_did(texts: list[str]) -> None:
    summary = extract([Line("user", text) for text in texts])
    assert len(summary) <= 400


def test_an_extract_is_made_of_whole_first_sentences() -> None:
    lines = [Line("user", "My printer is broken. " + "It makes a noise. " * 30)]
    summary = extract(lines)
    assert summary.startswith("My printer is broken. It makes a noise.")
    assert summary.endswith("noise.")
