import pytest

from actors.transcript.repeating import repeats, spoken

AGENT = (
    "Your appointment is on March 3rd at 8:30 a.m. with Dr. Smith, and the fee is $12.75. "
    "Please bring 2 forms of ID. Would you like tea or coffee?"
)


def test_numbers_sound_alike_however_they_are_written() -> None:
    assert spoken("at 8:30") == spoken("at eight thirty") == ["at", "#"]
    assert spoken("$12.75") == spoken("twelve dollars and seventy five cents") == ["#"]
    assert spoken("Dr. Smith") == ["doctor", "smith"]


@pytest.mark.parametrize(
    "text",
    [
        "your appointment is on March third at eight thirty a.m.",
        "appointment is on March 3 at 8.30 AM with doctor Smith",
        "and the fee is twelve dollars and seventy five cents",
        "the fee is twelve seventy-five please bring two forms",
        "please bring to forms of ID",
        "Smith and the sea is twelve dollars",
        "would you like tea or a coffee",
        "you like tee or coffee",
        "forms of ID",
        "Your appointments is uh on March third",
        "March",
    ],
)
def test_a_piece_of_the_reply_is_known_also_shifted_and_misheard(text: str) -> None:
    assert repeats(text, AGENT)


@pytest.mark.parametrize(
    "text",
    [
        "I would like a coffee please",
        "can I change my appointment to Friday",
        "is the fee for both of us",
        "what is the fee for the doctor",
        "which forms of identification do you mean",
        "tomorrow",
        "stop",
        "",
    ],
)
def test_other_words_about_the_same_are_none(text: str) -> None:
    assert not repeats(text, AGENT)


def test_a_few_words_are_known_too_when_one_is_misheard() -> None:
    assert repeats("One baker's.", "Please bring 2 forms of ID to 21 Baker St. before 9:15")
    assert not repeats("One banker.", "Please bring 2 forms of ID to 21 Main St. before 9:15")


def test_few_words_can_be_left_to_the_sound() -> None:
    assert repeats("tea or coffee", AGENT)
    assert not repeats("tea or coffee", AGENT, least_words=4)
    assert repeats("would you like tea or coffee", AGENT, least_words=4)
