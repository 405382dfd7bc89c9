"""How keys, transfers, handovers and the end of a call are tested.

.venv/bin/python -m pytest docs/examples -q
"""

from actors.reasoning.testing import CallTool, Say, conversation
from docs.examples.hotline import DESK, accounts, hotline

AGENTS = [hotline, accounts]
CALLER = {"sip.phoneNumber": "+49301234"}


def test_with_the_right_pin_the_other_agent_takes_over() -> None:
    script = [CallTool("check_pin"), Say("How can I help with your account?")]
    with conversation(AGENTS, model=script, attributes=CALLER) as talk:
        turn = talk.say("My balance, please.", until_keys=True)
        talk.press("4711")
        assert talk.remarks == ["Please type your four digits."]
        assert turn.reply == "Thank you. How can I help with your account?"
        assert talk.agent == "accounts"


def test_with_a_wrong_pin_nobody_takes_over() -> None:
    script = [CallTool("check_pin"), Say("I am sorry, that is not it.")]
    with conversation(AGENTS, model=script, attributes=CALLER) as talk:
        talk.say("My balance, please.", until_keys=True)
        talk.press("1234")
        assert (talk.pressed, talk.agent) == ("1234", "hotline")


def test_a_caller_is_put_through_to_a_person() -> None:
    with conversation(AGENTS, model=[CallTool("to_a_colleague"), Say("One moment.")]) as talk:
        talk.say("I want to talk with a human.")
        assert talk.transfers == [DESK]


def test_nobody_answers_at_the_desk() -> None:
    script = [CallTool("to_a_colleague"), Say("They are all busy.")]
    with conversation(AGENTS, model=script, no_transfer="nobody answers") as talk:
        turn = talk.say("I want to talk with a human.")
        assert turn.tools[0].result == "That is not possible now: nobody answers."


def test_the_call_ends_when_the_caller_has_heard_the_goodbye() -> None:
    with conversation(AGENTS, model=[CallTool("hang_up"), Say("Goodbye!")]) as talk:
        turn = talk.say("That was all, thank you.")
        assert (turn.heard, talk.ended) == ("Goodbye!", "solved")
