"""How guards are tested: what they change is a fact.

.venv/bin/python -m pytest docs/examples -q
"""

from actors.reasoning.testing import Say, conversation
from contracts.events import ClauseGuarded, TurnGuarded
from docs.examples.guarded import agent


def test_no_model_reads_the_number_of_a_card() -> None:
    with conversation(agent, model=[Say("Thank you, I do not need it.")]) as talk:
        turn = talk.say("My card is 4111 1111 1111 1111.")
        assert turn.of(TurnGuarded)[0].decision == "replaced"
        assert talk.asked[0][-1].text == "My card is [a card's number]."


def test_an_insult_is_not_answered() -> None:
    with conversation(agent) as talk:
        assert not talk.say("You idiot !").is_answered


def test_no_refund_is_promised() -> None:
    with conversation(agent, model=[Say("I see. You get a full refund today. Anything else?")]) as talk:
        turn = talk.say("My order is broken.")
        assert turn.heard == "I see. That I have to leave to my colleagues."
        assert [event.text for event in turn.of(ClauseGuarded)] == ["You get a full refund today."]
