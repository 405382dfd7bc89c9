"""How an agent is tested: no network, no keys, no sound.

.venv/bin/python -m pytest docs/examples -q
"""

from collections.abc import Iterator

import pytest

from actors.reasoning.testing import CallTool, Die, Fail, Hang, Say, conversation
from docs.examples.booking import BOOKED, agent

FIND = CallTool("find_tables", day="Friday", people=4)
BOOK = CallTool("book_table", day="Friday", table="3")


@pytest.fixture(autouse=True)
def nothing_is_booked() -> Iterator[None]:
    """Begin each test with an empty book."""
    BOOKED.clear()
    yield
    BOOKED.clear()


def test_a_table_is_found_and_booked() -> None:
    script = [FIND, Say("Table three is free. Shall I book it?"), BOOK, Say("It is yours.")]
    with conversation(agent, model=script, variables={"restaurant": "Sole"}) as talk:
        assert talk.greeting == "Good evening, this is Sole. When would you like to come?"
        asked = talk.say("On Friday, for four people.")
        assert asked.tools[0].result == '["3","4"]'
        assert asked.reply == "Table three is free. Shall I book it?"
        booked = talk.say("Yes, please.")
        assert booked.tools[0].arguments == {"day": "Friday", "table": "3"}
    assert {booked.tools[0].key: ("Friday", "3")} == BOOKED


def test_a_table_is_not_booked_for_words_that_were_only_the_beginning() -> None:
    script = [BOOK, Say("As you like.")]
    with conversation(agent, model=script) as talk:
        talk.say("Yes, no, wait, I have to ask my wife.", draft="Yes")
    assert BOOKED == {}


def test_a_caller_who_interrupts_has_heard_only_the_beginning() -> None:
    script = [Say("We have a table at the window and one in the garden."), Say("The window it is.")]
    with conversation(agent, model=script) as talk:
        offer = talk.say("What is free?", until_words=6)
        choice = talk.say("That one!")
        assert offer.heard == "We have a table at the"
        assert [message.text for message in choice.context[-2:]] == [offer.heard, "That one!"]


def test_the_book_is_away() -> None:
    script = [FIND, Say("I am sorry, I cannot look into the book now.")]
    for fault in (Fail(ConnectionError("no route to host")), Hang()):
        with conversation(agent, model=script, tools={"find_tables": fault}) as talk:
            turn = talk.say("A table for four on Friday, please.")
            assert turn.tools[0].error
            assert turn.reply == "I am sorry, I cannot look into the book now."


def test_the_process_dies_after_the_booking() -> None:
    script = [BOOK, Say("It is yours.")]
    with conversation(agent, model=script, tools={"book_table": Die(after=True)}) as talk:
        assert talk.say("Book table three on Friday.").reply == "It is yours."
        assert len(talk.tool_runs) == 2  # again, as it is idempotent: with the same key
    assert list(BOOKED.values()) == [("Friday", "3")]
