"""What a tool does to the call can be seen in a test: what was said, where it was transferred, its keys, its end."""

import pytest

from actors.reasoning.testing import CallTool, Die, Say, conversation
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.handoff import Handoff
from infra.agents.tool import action

PIN = "1234"


@action
async def hang_up(reason: str, call: Call) -> str:
    """End the call."""
    await call.end(reason)
    return "It ends."


@action
async def announce(text: str, call: Call) -> str:
    """Say something."""
    await call.say(text)
    return "It is said."


@action
async def to_desk(number: str, call: Call) -> str:
    """Put the caller through."""
    try:
        await call.transfer(number)
    except ToolFailed as failure:
        return f"not now: {failure}"
    return "It rings."


@action(timeout_s=60)
async def check_pin(call: Call) -> str:
    """Ask for the PIN, and again if it is wrong."""
    for _ in range(2):
        await call.say("Please type your PIN.")
        if await call.dtmf(4) == PIN:
            return "right"
    return "wrong"


HOTLINE = Agent(name="hotline", greeting="Hello.", tools=[hang_up, announce, to_desk, check_pin])


def test_a_call_is_over_when_a_tool_has_ended_it_and_all_was_heard() -> None:
    with conversation(HOTLINE, model=[CallTool("hang_up", reason="solved"), Say("Goodbye, and thank you.")]) as talk:
        turn = talk.say("That was all.")
        assert (talk.ended, turn.heard) == ("solved", "Goodbye, and thank you.")
        assert isinstance(talk.facts[-1], e.SessionClosed)
        assert talk.facts[-1].reason == "solved"
        with pytest.raises(AssertionError, match="a tool has ended it"):
            talk.say("Hello?")


def test_a_call_that_nobody_ends_goes_on() -> None:
    with conversation(HOTLINE, model=[CallTool("hang_up", reason="All done!"), Say("Anything else?")]) as talk:
        turn = talk.say("Bye.")
        assert "lower-case letters" in turn.tools[0].error
        assert talk.ended == ""
    assert talk.of(e.SessionClosed)[0].reason == "hangup"


def test_what_a_tool_says_is_heard_besides_the_answer() -> None:
    script = [CallTool("announce", text="One moment."), Say("Here it is.")]
    with conversation(HOTLINE, model=script) as talk:
        turn = talk.say("Where is my parcel?")
        assert (talk.greeting, talk.remarks, turn.reply) == ("Hello.", ["One moment."], "Here it is.")
        assert "Agent: One moment." in talk.transcript.splitlines()


def test_nothing_to_say_is_told_to_the_tool() -> None:
    with conversation(HOTLINE, model=[CallTool("announce", text=" … "), Say("Hm.")]) as talk:
        assert "at least one word" in talk.say("Say nothing.").tools[0].error
        assert talk.remarks == []


def test_a_tool_that_runs_again_says_a_thing_once() -> None:
    @action(idempotent=True)
    async def book(call: Call) -> str:
        """Book it."""
        await call.say("I am booking.")
        return "booked"

    agent = Agent(name="booking", tools=[book])
    with conversation(agent, model=[CallTool("book"), Say("Done.")], tools={"book": Die(after=True)}) as talk:
        talk.say("Book it.")
        assert len(talk.tool_runs) == 2
        assert talk.remarks == ["I am booking."]


@pytest.mark.parametrize(
    ("number", "refused", "result", "transfers"),
    [
        ("tel:+4940123456", "", "It rings.", ["tel:+4940123456"]),
        ("tel:+4940123456", "the line is busy", "not now: the line is busy", []),
        ("the desk", "", "not now: to: an address such as", []),
    ],
)
def test_a_transfer_can_be_seen_or_refused(number: str, refused: str, result: str, transfers: list[str]) -> None:
    script = [CallTool("to_desk", number=number), Say("Well.")]
    with conversation(HOTLINE, model=script, no_transfer=refused) as talk:
        assert talk.say("A human, please.").tools[0].result.startswith(result)
        assert talk.transfers == transfers


def test_keys_are_pressed_when_a_tool_asks_for_them() -> None:
    with conversation(HOTLINE, model=[CallTool("check_pin"), Say("Welcome.")]) as talk:
        turn = talk.say("My balance, please.", until_keys=True)
        talk.press("99#", until_keys=True)
        assert turn.tools[0].returned is None
        talk.press(PIN)
        assert (turn.tools[0].result, turn.reply, talk.pressed) == ("right", "Welcome.", "99#1234")


def test_a_caller_who_presses_nothing_is_waited_for_in_virtual_time() -> None:
    with conversation(HOTLINE, model=[CallTool("check_pin"), Say("I heard no key.")]) as talk:
        assert talk.say("My balance, please.").tools[0].error == "no key was pressed within 10 s"


def test_keys_that_nobody_asks_for_and_that_no_phone_has_are_errors() -> None:
    with conversation(HOTLINE, model=[Say("Yes?")]) as talk:
        with pytest.raises(AssertionError, match="no tool has asked for keys"):
            talk.say("Hello?", until_keys=True)
        with pytest.raises(AssertionError, match="no tool asks for the keys 12"):
            talk.press("12")
        with pytest.raises(ValueError, match="no key 'x'"):
            talk.press("12x")


@action
def to_billing() -> Handoff:
    """Hand over to billing."""
    return Handoff("billing", say="One moment.")


@action
def back() -> Handoff:
    """Hand back."""
    return Handoff("reception", summary=True)


RECEPTION = Agent(name="reception", instructions="You welcome callers of {firm}.", tools=[to_billing])
BILLING = Agent(name="billing", instructions="You settle bills of {firm}.", tools=[back], llm="openai:gpt-x")


def test_an_agent_hands_over_and_gets_the_conversation_back() -> None:
    script = [
        CallTool("to_billing"),
        Say("Billing here."),
        CallTool("back"),
        Say("They asked about a bill."),
        Say("Welcome back."),
    ]
    with conversation([RECEPTION, BILLING], model=script, variables={"firm": "Luna"}) as talk:
        first = talk.say("My bill is wrong.")
        assert (talk.agent, first.reply) == ("billing", "One moment. Billing here.")
        assert first.of(e.HandedOver)[0].profile.prompt == "You settle bills of Luna."
        second = talk.say("That is all.")
        assert (talk.agent, second.reply) == ("reception", "Welcome back.")
        assert second.of(e.HandedOver)[0].summary == "They asked about a bill."
        assert "[billing takes over]" in talk.transcript


def test_handing_over_to_nobody_is_told_to_the_model() -> None:
    with conversation(RECEPTION, model=[CallTool("to_billing"), Say("Sorry.")], variables={"firm": "Luna"}) as talk:
        turn = talk.say("My bill is wrong.")
        assert "there is no agent 'billing'" in turn.tools[0].error
        assert talk.agent == "reception"


def test_a_handover_is_gone_on_with_when_the_process_dies_in_it() -> None:
    @action(idempotent=True)
    def over() -> Handoff:
        """Hand over to billing."""
        return Handoff("billing", say="One moment.")

    agents = [Agent(name="front", tools=[over]), BILLING]
    script = [CallTool("over"), Say("Billing here.")]
    with conversation(agents, model=script, variables={"firm": "Luna"}, tools={"over": Die()}) as talk:
        assert talk.say("My bill is wrong.").reply == "One moment. Billing here."
        assert talk.agent == "billing"


def test_who_takes_over_hears_with_the_engine_of_the_call() -> None:
    other = Agent(name="billing", stt="openai.STT", tts="openai.TTS")
    with conversation(
        [RECEPTION, other], model=[CallTool("to_billing"), Say("Hello.")], variables={"firm": "L"}
    ) as talk:
        before = talk.of(e.SessionOpened)[0].profile
        after = talk.say("My bill is wrong.").of(e.HandedOver)[0].profile
        assert (after.stt, after.tts) == (before.stt, "openai.TTS")
