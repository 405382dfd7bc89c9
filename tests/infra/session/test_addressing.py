import pytest

from infra.session.addressing import are_the_same_words, asks, is_said_to, names


@pytest.mark.parametrize(
    "text", ["Daredevil, what time is it?", "ask dare devil", "What would Daredevil's answer be?", "Hey Daredevils."]
)
def test_the_agent_is_named_also_as_a_recogniser_writes_it(text: str) -> None:
    assert names(text, "Daredevil")


@pytest.mark.parametrize("text", ["What a day.", "The devil is in the details.", "", "Anna, come here."])
def test_other_words_are_not_the_agents_name(text: str) -> None:
    assert not names(text, "Daredevil")


def test_short_names_must_be_said_as_they_are_and_no_name_is_never_said() -> None:
    assert names("Thanks, Ann!", "Ann")
    assert not names("Anna is here.", "Ann")
    assert not names("Anything.", "")


@pytest.mark.parametrize(
    "text",
    [
        "Kim, did you sleep well?",
        "Hey Kim can you pass the salt",
        "That is true. Kim, look at this.",
        "So what do you think, Kim?",
        "KIM!",
    ],
)
def test_a_name_at_the_beginning_or_end_says_to_whom_one_speaks(text: str) -> None:
    assert is_said_to(text, "Kim Larsen")


@pytest.mark.parametrize(
    "text", ["Kim likes cake.", "Do you know Kim?", "What does Kim like?", "Kimberly, hello.", "Is Kim coming today?"]
)
def test_who_is_talked_about_is_not_spoken_to(text: str) -> None:
    assert not is_said_to(text, "Kim")


@pytest.mark.parametrize(
    "text",
    [
        "What time is it",
        "Nice. And where is that?",
        "Tell me a joke.",
        "Could you repeat that please.",
        "Set a timer.",
        "I'd like to know more.",
    ],
)
def test_questions_and_requests_ask(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["I had a long day.", "Yes, that is right.", "We went home and slept.", "..."])
def test_what_is_told_asks_for_nothing(text: str) -> None:
    assert not asks(text)


def test_two_microphones_hear_the_same_words_a_little_differently() -> None:
    assert are_the_same_words("What is the time in Berlin now?", "what's the time in berlin now")
    assert are_the_same_words("Yes.", "yes")
    assert not are_the_same_words("Yes.", "Yes, please.")
    assert not are_the_same_words("I like red apples a lot.", "I like big dogs a lot.")
    assert not are_the_same_words("", "")
