import pytest

from actors.transcript.barge_in import Verdict, judge

AGENT = "The weather in Paris is sunny today. Would you like to know more?"


def verdict(text: str, speech_ms: float = 400, over: bool = True) -> Verdict | None:
    return judge(text, speech_ms, over, AGENT, min_speech_ms=500)


def test_a_cough_without_words_is_dismissed_when_it_is_over() -> None:
    assert verdict("", over=False) is None
    assert verdict("") == Verdict(False, "no-words")
    assert verdict("...") == Verdict(False, "no-words")


@pytest.mark.parametrize("text", ["Mhm.", "Uh-huh.", "Yeah.", "Okay, okay.", "Oh, I see."])
def test_a_backchannel_is_dismissed_when_it_is_over(text: str) -> None:
    assert verdict(text, over=False) is None
    assert verdict(text) == Verdict(False, "backchannel")


def test_a_backchannel_that_goes_on_is_an_interruption() -> None:
    assert verdict("Yeah but", over=False) == Verdict(True)
    assert verdict("Okay tell me about London", 900, over=False) == Verdict(True)


@pytest.mark.parametrize("text", ["Stop!", "Wait.", "No.", "No, no.", "Stop, wait a moment."])
def test_words_that_take_the_floor_interrupt_at_once(text: str) -> None:
    assert verdict(text, speech_ms=200, over=False) == Verdict(True)


def test_other_words_interrupt_when_they_have_lasted_or_have_ended() -> None:
    assert verdict("What about", 300, over=False) is None
    assert verdict("What about", 500, over=False) == Verdict(True)
    assert verdict("London?", 300, over=True) == Verdict(True)


def test_the_agent_hearing_itself_is_dismissed() -> None:
    assert verdict("is sunny today", 900, over=False) is None
    assert verdict("is sunny today") == Verdict(False, "echo")


def test_an_echo_may_be_misheard_a_little() -> None:
    assert verdict("the weather in Harris is sunny today") == Verdict(False, "echo")
    assert verdict("the weather in London was rainy yesterday") == Verdict(True)


def test_a_command_is_no_echo_even_if_the_agent_says_the_word() -> None:
    assert judge("Stop.", 200, True, "The bus will stop here.", 500) == Verdict(True)
