"""Which captions follow from the facts of a conversation, and from how far the agent was heard."""

from typing import Any

from bridge.livekit.captions import AgentSays, Captions, PersonSays
from contracts import events as e

RATE_HZ = 24_000


def fact(kind: type[e.Event], **fields: Any) -> e.Event:
    return kind(**{"event_id": "x", "session_id": "s", "time_ns": 10, "turn_id": "t-1"} | fields)


def clause(index: int, text: str, seconds: float = 0.0) -> list[e.Event]:
    names = {"reply_id": "r-1", "index": index, "text": text}
    written = fact(e.ReplyClauseWritten, **names)
    if not seconds:
        return [written]
    words = len(text.split())
    samples = int(seconds * RATE_HZ)
    ends = tuple(samples * (n + 1) // words for n in range(words))
    length = {"samples": samples, "sample_rate_hz": RATE_HZ, "word_end_samples": ends}
    return [written, fact(e.ClauseSynthesized, **names, **length)]


def learned(*facts: e.Event) -> Captions:
    captions = Captions(since_ns=5)
    for each in facts:
        captions.take(each)
    return captions


def test_a_persons_words_are_shown_whole_with_each_revision_and_then_finally() -> None:
    captions = Captions(since_ns=5)
    revised = {"participant_id": "ada", "utterance_id": "u-1"}
    shown = [
        *captions.take(fact(e.TranscriptRevised, **revised, revision=0, text="how")),
        *captions.take(fact(e.TranscriptRevised, **revised, revision=1, text="how")),
        *captions.take(fact(e.TranscriptRevised, **revised, revision=2, text="how are")),
        *captions.take(fact(e.TurnEnded, participant_id="ada", text="How are you?")),
    ]
    texts = [("how", False), ("how are", False), ("How are you?", True)]
    assert shown == [PersonSays("t-1", "ada", text, final) for text, final in texts]


def test_what_was_no_turn_is_finally_shown_too() -> None:
    captions = Captions(since_ns=5)
    captions.take(fact(e.TranscriptRevised, participant_id="ada", utterance_id="u-1", revision=0, text="mhm"))
    dismissed = {"participant_id": "ada", "reply_id": "r-1", "utterance_id": "u-1", "reason": "backchannel"}
    assert captions.take(fact(e.InterruptionDismissed, **dismissed)) == [PersonSays("t-1", "ada", "mhm", True)]


def test_typed_text_has_no_caption() -> None:
    assert Captions(0).take(fact(e.TurnEnded, participant_id="ada", text="hi", source="text")) == []


def test_the_agents_words_come_when_they_begin_to_sound() -> None:
    captions = learned(*clause(0, "Hello there.", 1.0), *clause(1, "How are you?", 1.5))
    assert captions.played("r-1", 0) == []
    assert captions.played("r-1", 1) == [AgentSays("r-1", "Hello")]
    assert captions.played("r-1", RATE_HZ // 2) == []
    assert captions.played("r-1", RATE_HZ // 2 + 1) == [AgentSays("r-1", " there.")]
    assert captions.played("r-1", 2 * RATE_HZ) == [AgentSays("r-1", " How are")]


def test_words_whose_length_is_not_known_yet_come_at_the_pace_of_speech() -> None:
    captions = learned(*clause(0, "Hello there."))
    assert captions.played("r-1", 1) == [AgentSays("r-1", "Hello")]
    assert captions.played("r-1", RATE_HZ) == [AgentSays("r-1", " there.")]


def test_at_the_end_all_that_was_heard_is_shown() -> None:
    captions = learned(*clause(0, "Hello there.", 1.0))
    captions.played("r-1", 1)
    finished = fact(e.PlaybackFinished, reply_id="r-1", heard_text="Hello there.", played_samples=RATE_HZ)
    assert captions.take(finished) == [AgentSays("r-1", " there."), AgentSays("r-1", "", final=True)]
    assert captions.played("r-1", 2 * RATE_HZ) == []


def test_what_was_never_heard_is_never_shown() -> None:
    captions = learned(*clause(0, "Hello there.", 1.0))
    interrupted = fact(e.PlaybackInterrupted, reply_id="r-1", heard_text="", played_samples=0)
    assert captions.take(interrupted) == []


def test_the_past_is_not_shown_again_but_teaches_what_is_being_said() -> None:
    captions = Captions(since_ns=100)
    assert captions.take(fact(e.TurnEnded, participant_id="ada", text="How are you?")) == []
    for each in clause(0, "Hello there.", 1.0):
        captions.take(each)
    assert captions.played("r-1", RATE_HZ) == [AgentSays("r-1", "Hello there.")]
