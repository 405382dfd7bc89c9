"""Sums in words and digits, worked out in place of a small model."""

import pytest

from actors.reasoning.small_model.arithmetic import sum_of


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is two plus two?", "2 plus 2 is 4."),
        ("What's 7 times 8", "7 times 8 is 56."),
        ("Please calculate 1,200 / 7.", "1200 divided by 7 is about 171.429."),
        ("How much is one hundred and five minus thirty-seven?", "105 minus 37 is 68."),
        ("Can you add 45 and 67?", "45 plus 67 is 112."),
        ("a thousand minus one", "1000 minus 1 is 999."),
        ("3.5 x 2", "3.5 times 2 is 7."),
        ("5 - 8", "5 minus 8 is -3."),
        ("What is two million three hundred thousand and one plus one?", "2300001 plus 1 is 2300002."),
        ("How much is 15 percent of 80?", "15 percent of 80 is 12."),
        ("What is 20% of 150?", "20 percent of 150 is 30."),
        ("What's the square root of 81?", "The square root of 81 is 9."),
        ("square root of two", "The square root of 2 is about 1.414."),
        ("What is four divided by zero?", "A number cannot be divided by zero."),
        ("the square root of -4", "A negative number has no square root among the real numbers."),
    ],
)
def test_a_sum_is_worked_out(question: str, answer: str) -> None:
    assert sum_of(question) == answer


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is love?",
        "Two and two friends came",
        "What is one two plus three?",
        "9" * 40 + " plus 1",
        "1e999 plus 1",
        "What is the capital of France?",
        "I am twenty five and a half",
        "plus",
    ],
)
def test_anything_else_is_none(question: str) -> None:
    assert sum_of(question) == ""
