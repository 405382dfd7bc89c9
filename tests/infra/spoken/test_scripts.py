"""Which scripts a voice can say."""

import pytest

from infra.spoken.pipeline import spoken
from infra.spoken.scripts import foreign_script, scripts_of, without_foreign

ENGLISH, RUSSIAN = scripts_of("en-us"), scripts_of("ru")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("\u4f60\u597d\uff0c\u4e16\u754c\u3002", "Chinese"),
        ("\u041f\u0440\u0438\u0432\u0435\u0442!", "Cyrillic"),
        ("\u3053\u3093\u306b\u3061\u306f", "Japanese"),
        ("\uc548\ub155\ud558\uc138\uc694", "Korean"),
        ("\u0645\u0631\u062d\u0628\u0627", "Arabic"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947", "Hindi"),
        (
            "Na\u00efve caf\u00e9, \u0141\u00f3d\u017a, 5 \u00b5m at 3 \u03a9 \u2014 x\u00b2",
            "",
        ),
        ("Hello, world. 12 + 3 = 15 \U0001f600", ""),
    ],
)
def test_an_english_voice_says_latin_letters_only(text: str, script: str) -> None:
    assert foreign_script(spoken(text).text, ENGLISH) == script


def test_a_voice_says_the_script_of_its_language_and_latin_one_of_many_languages_everything() -> None:
    assert foreign_script("\u041f\u0440\u0438\u0432\u0435\u0442, Bob", RUSSIAN) == ""
    assert foreign_script("\u4f60\u597d", RUSSIAN) == "Chinese"
    assert foreign_script("\u4f60\u597d", None) == ""


def test_of_a_text_that_has_a_foreign_word_the_rest_can_be_said_and_mostly_foreign_text_cannot() -> None:
    said = without_foreign(spoken("The word \u4f60\u597d means hello."), ENGLISH)
    assert said.text == "The word means hello."
    assert said.written_ends([1, 2, 3, 4]) == (1, 2, 2, 3, 4)
    assert without_foreign(spoken("\u041f\u0440\u0438\u0432\u0435\u0442, Bob"), ENGLISH).text == ""
