"""What was said, as lines, and as text of a bounded length."""

from actors.summaries.conversation import SpokenLine, after_turn, conversation, pieces, transcript
from contracts.events import (
    PlaybackFinished,
    PlaybackInterrupted,
    ReplyCompleted,
    ReplyDiscarded,
    TurnEnded,
    TurnGuarded,
    TurnRecorded,
)

COMMON = {"event_id": "e", "session_id": "s", "time_ns": 1}


def test_the_agent_has_said_what_was_heard_not_what_was_written() -> None:
    facts = [
        TurnEnded(**COMMON, participant_id="p", text="Hello."),
        ReplyCompleted(**COMMON, reply_id="r", text="Hi! How are you?", clauses=2),
        PlaybackInterrupted(**COMMON, reply_id="r", heard_text="Hi!", played_samples=1),
        TurnEnded(**COMMON, participant_id="p", text="  "),
        PlaybackFinished(**COMMON, reply_id="q", heard_text="Bye.", played_samples=1),
    ]
    assert conversation(facts) == [
        SpokenLine("user", "Hello."),
        SpokenLine("agent", "Hi!"),
        SpokenLine("agent", "Bye."),
    ]


def test_what_a_guard_keeps_from_models_is_left_out_or_replaced() -> None:
    first, second = {**COMMON, "turn_id": "t1"}, {**COMMON, "turn_id": "t2"}
    facts = [
        TurnEnded(**first, participant_id="p", text="My card is 4111."),
        TurnGuarded(
            **first,
            participant_id="p",
            text="My card is 4111.",
            decision="replaced",
            replacement="My card is [a number].",
        ),
        TurnEnded(**second, participant_id="p", text="You idiot!"),
        TurnGuarded(**second, participant_id="p", text="you idiot", decision="dropped"),
        TurnEnded(**COMMON, participant_id="p", text="My card is 4111."),
    ]
    assert [line.text for line in conversation(facts)] == ["My card is [a number].", "My card is 4111."]


def test_a_long_transcript_keeps_its_beginning_and_its_end() -> None:
    lines = [SpokenLine("user", f"line {n}") for n in range(100)]
    text = transcript(lines, 200)
    assert len(text) <= 200
    assert text.startswith("User: line 0")
    assert text.endswith("line 99")


def test_what_follows_a_turn_begins_after_its_answer_was_heard() -> None:
    facts = [
        TurnEnded(**COMMON, turn_id="1", participant_id="p", text="One."),
        PlaybackFinished(**COMMON, turn_id="1", reply_id="r", heard_text="First.", played_samples=1),
        TurnEnded(**COMMON, turn_id="2", participant_id="p", text="Two."),
    ]
    assert conversation(after_turn(facts, "1")) == [SpokenLine("user", "Two.")]
    assert after_turn(facts, "unknown") == facts


def test_the_words_after_a_turn_whose_answer_was_never_heard_follow_it_whenever_it_was_recorded() -> None:
    record = {"user_text": "One.", "written_text": "", "heard_text": ""}
    facts = [
        TurnEnded(**COMMON, turn_id="1", participant_id="p", text="One."),
        TurnEnded(**COMMON, turn_id="2", participant_id="p", text="Two."),
        ReplyDiscarded(**COMMON, turn_id="1", reply_id="r"),
        PlaybackFinished(**COMMON, turn_id="2", reply_id="q", heard_text="Both.", played_samples=1),
        TurnRecorded(**COMMON, turn_id="1", reply_id="u", **record),
    ]
    assert conversation(after_turn(facts, "1")) == [SpokenLine("user", "Two."), SpokenLine("agent", "Both.")]


def test_pieces_hold_every_line_once_and_are_no_longer_than_asked() -> None:
    lines = [SpokenLine("user", "word " * (n % 40 + 1)) for n in range(200)]
    found = pieces(lines, 500)
    assert [line for piece in found for line in piece] == lines
    assert max(len(transcript(piece, 10_000)) for piece in found) <= 500


def test_a_line_that_is_too_long_is_a_piece_of_its_own() -> None:
    assert [
        len(piece)
        for piece in pieces([SpokenLine("user", "a"), SpokenLine("user", "b" * 99), SpokenLine("user", "c")], 50)
    ] == [
        1,
        1,
        1,
    ]
    assert pieces([], 50) == []
