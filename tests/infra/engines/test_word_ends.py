"""Where words end in the sound of a clause."""

# ruff: noqa: RUF001  (phonemes look like other letters)

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engines.word_ends import estimated_word_ends, exact_word_ends


def _timed(phonemes: str) -> tuple[list[str], list[int]]:
    return list(phonemes), [100 * (n + 1) for n in range(len(phonemes))]


def test_a_word_ends_with_its_last_phoneme_not_with_the_space_or_the_comma_behind() -> None:
    spoken, ends = _timed("hˈaɪ, ðˈɛɹ.")
    assert exact_word_ends(spoken, ends, ["hˈaɪ,", "ðˈɛɹ."], 2000) == (400, 1000)


def test_words_that_are_run_together_end_one_after_the_other() -> None:
    spoken, ends = _timed("ʌvðə tˈɛn")
    assert exact_word_ends(spoken, ends, ["ʌv", "ðə", "tˈɛn"], 2000) == (200, 400, 900)


def test_a_number_that_is_said_as_several_words_ends_with_the_last_of_them() -> None:
    spoken, ends = _timed("ʌvðə twˈɛnti wˈʌn")
    assert exact_word_ends(spoken, ends, ["ʌv", "ðə", "twˈɛnti wˈʌn"], 2000) == (200, 400, 1700)


def test_a_word_without_sound_ends_where_the_one_before_it_ended() -> None:
    spoken, ends = _timed("jˈɛs nˈoʊ")
    assert exact_word_ends(spoken, ends, ["", "jˈɛs", "", "nˈoʊ"], 2000) == (0, 400, 400, 900)


@settings(max_examples=50)
@given(st.lists(st.text("ab ˈ.,ː", max_size=6), max_size=8), st.text("ab ˈ.,ː", max_size=40), st.integers(0, 5000))
def test_exact_ends_are_one_per_word_never_decrease_and_stay_within_the_sound(
    words: list[str], spoken: str, samples: int
) -> None:
    phonemes, ends = _timed(spoken)
    found = exact_word_ends(phonemes, ends, words, samples)
    assert len(found) == len(words)
    assert list(found) == sorted(found)
    assert all(0 <= end <= samples for end in found)


@settings(max_examples=50)
@given(st.text(max_size=200), st.integers(0, 1000), st.integers(0, 100_000), st.integers(0, 1000))
def test_estimated_ends_are_one_per_word_never_decrease_and_end_with_the_voice(
    text: str, start: int, voiced: int, rest: int
) -> None:
    words = text.split()
    found = estimated_word_ends(words, start, start + voiced, start + voiced + rest)
    assert len(found) == len(words)
    assert list(found) == sorted(found)
    assert found[-1:] == ((start + voiced,) if words else ())


def test_an_estimate_gives_long_words_and_sentence_ends_more_time() -> None:
    short, long, last = estimated_word_ends(["I", "understand.", "Yes"], 0, 1000, 1000)
    assert long - short > 2 * short
    assert last - long > long / 2
