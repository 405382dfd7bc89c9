from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.reasoning.context import fitted, heard_messages, shortened
from contracts import events as e
from contracts.events import ContextMessage
from infra.engines.llm import Limits, limits_of
from tests.actors.reasoning.facts import about, ended, folded, started


def said(messages: list[ContextMessage]) -> list[str]:
    return [f"{message.role[0]}:{message.text}" for message in messages]


def sound(index: int, text: str, word_ends: tuple[int, ...]) -> e.ClauseSynthesized:
    length: dict[str, Any] = {"samples": word_ends[-1] + 10, "sample_rate_hz": 1000, "word_end_samples": word_ends}
    event: e.ClauseSynthesized = about(e.ClauseSynthesized, "r1", index=index, text=text, **length)
    return event


def test_an_interrupted_reply_holds_only_what_was_heard() -> None:
    session = folded(
        ended("Hi."),
        started("Hi."),
        about(e.ReplyClauseWritten, index=0, text="Hello to you, my friend."),
        about(e.PlaybackInterrupted, heard_text="Hello to", played_samples=5),
    )
    assert said(heard_messages(session, "t2", 9, 12)) == ["u:Hi.", "a:Hello to"]


def test_replies_that_were_not_heard_do_not_appear() -> None:
    session = folded(ended("Hi."), started("Hi."), about(e.ReplyClauseWritten, index=0, text="Hello."))
    assert said(heard_messages(session, "t2", 9, 12)) == ["u:Hi."]
    draft = folded(ended("Hi."), started("Hi.", draft=True), about(e.PlaybackStarted))
    assert said(heard_messages(draft, "t2", 9, 12)) == ["u:Hi."]


def test_a_reply_that_is_playing_holds_the_words_played_so_far() -> None:
    playing = (ended("Hi."), started("Hi."), sound(0, "One two", (100, 200)), sound(1, "three four", (100, 200)))
    start = about(e.PlaybackStarted)  # at 1,000 ns; 1,000 samples a second
    at_ns = 1_000 + 330_000_000
    assert said(heard_messages(folded(*playing, start), "t2", at_ns, 12)) == ["u:Hi.", "a:One two three"]
    paused = about(e.PlaybackPaused, played_samples=150)
    assert said(heard_messages(folded(*playing, start, paused), "t2", at_ns, 12)) == ["u:Hi.", "a:One"]
    stopped = about(e.TurnInterrupted, participant_id="p")
    assert said(heard_messages(folded(*playing, start, stopped), "t2", at_ns, 12)) == ["u:Hi."]


def test_of_a_clause_whose_sound_is_still_being_made_the_words_count_at_the_pace_of_those_before() -> None:
    written = about(e.ReplyClauseWritten, index=1, text=" three four five")
    playing = (ended("Hi."), started("Hi."), sound(0, "One two", (100, 200)), written, about(e.PlaybackStarted))
    pace_s = 0.210 / len("One two")

    def heard_after(seconds: float) -> str:
        return said(heard_messages(folded(*playing), "t2", 1_000 + round(seconds * 1e9), 12))[1]

    assert heard_after(0.210) == "a:One two"
    assert heard_after(0.212 + len("three") * pace_s) == "a:One two three"
    assert heard_after(9) == "a:One two three four", "how long the last one takes is not known"


def test_where_a_voice_gave_no_word_ends_the_letters_tell_what_was_heard() -> None:
    length: dict[str, Any] = {"samples": 900, "sample_rate_hz": 1000}
    clause = about(e.ClauseSynthesized, "r1", index=0, text="aaaa bbbb", **length)
    session = folded(ended("Hi."), started("Hi."), clause, about(e.PlaybackStarted))
    assert said(heard_messages(session, "t2", 1_000 + 500_000_000, 12)) == ["u:Hi.", "a:aaaa"]


def test_a_greeting_comes_first() -> None:
    finished = about(e.PlaybackFinished, "g", heard_text="Welcome!", played_samples=5)
    session = folded(started("", "g", "greeting"), finished, ended("Hi."))
    assert said(heard_messages(session, "t9", 9, 12)) == ["a:Welcome!", "u:Hi."]


def test_old_exchanges_are_left_out_several_at_a_time() -> None:
    def first(count: int) -> str:
        session = folded(*(ended(f"q{n}", f"t{n}") for n in range(count)))
        return heard_messages(session, "now", 9, 6)[0].text

    assert [first(count) for count in (5, 6, 7, 8, 9)] == ["q0", "q0", "q2", "q2", "q4"]
    assert heard_messages(folded(ended("q")), "now", 9, 0) == []


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(min_size=1, max_size=300)), max_size=20),
    st.text(min_size=1, max_size=3000),
)
def test_the_context_fits_ends_with_the_question_and_alternates(parts: list[tuple[str, str]], question: str) -> None:
    limits = Limits(context_chars=500, question_chars=200)
    heard = [ContextMessage.model_validate({"role": role, "text": text}) for role, text in parts]
    messages = fitted(heard, question, limits)
    assert sum(len(message.text) for message in messages) <= 500 + len(parts)
    assert messages[-1].role == "user"
    assert messages[-1].text.endswith(shortened(question.strip(), 200))
    assert all(a.role != b.role for a, b in pairwise(messages))


def test_a_hundred_kilobytes_keep_their_beginning_and_end() -> None:
    messages = fitted([], "begin " + "x" * 100_000 + " end", limits_of("local"))
    assert len(messages[0].text) <= 1500
    assert messages[0].text.startswith("begin")
    assert messages[0].text.endswith(" end")
