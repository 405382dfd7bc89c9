"""The conversation of a test runs the actor's real code; what goes wrong in it is told where the test is."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from actors.reasoning.testing import CallTool, Die, Fail, Hang, Say, ScriptOver, Step, conversation
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.errors import BadAgent, UnknownVariable
from infra.agents.tool import action

STORY = "Once upon a time there was a king. He lived in a castle by the sea. All was well."


def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


@action
async def order(dish: str, call: Call) -> str:
    """Order a dish."""
    return f"{dish} for {call.user_id}"


WAITER = Agent(name="waiter", instructions="You serve {place}.", tools=[weather, order], variables={"place": "Luna"})


def test_a_turn_is_answered_and_its_words_are_heard() -> None:
    with conversation(WAITER, model=[Say("Good evening.")]) as talk:
        turn = talk.say("Hello there.")
        assert (turn.reply, turn.heard) == ("Good evening.", "Good evening.")
        assert [message.text for message in turn.context] == ["You serve Luna.", "Hello there."]
        assert [type(event) for event in turn.facts] == [
            e.SpeechStarted,
            e.TranscriptRevised,
            e.ReplyStarted,
            e.ReplyClauseWritten,
            e.ReplyCompleted,
            e.TurnEnded,
            e.ReplyCommitted,
            e.PlaybackStarted,
            e.PlaybackFinished,
        ]


def test_tools_get_the_call_and_their_calls_are_facts_with_keys() -> None:
    script: list[Step] = [[CallTool("weather", city="Rome"), CallTool("order", dish="soup")], Say("Soup it is.")]
    with conversation(WAITER, model=script, user_id="kim", attributes={"table": "7"}) as talk:
        turn = talk.say("Soup, please.")
        assert repr(turn.tools) == "[weather(city='Rome') -> 'sunny in Rome', order(dish='soup') -> 'soup for kim']"
        ordered = talk.tool_runs[1]
        assert ordered.call.attributes == {"table": "7"}
        assert ordered.key == turn.tools[1].key != turn.tools[0].key


def test_a_draft_for_other_words_is_discarded_and_its_action_never_runs() -> None:
    script = [CallTool("order", dish="soup"), CallTool("order", dish="salad"), Say("Salad it is.")]
    with conversation(WAITER, model=script) as talk:
        turn = talk.say("Soup, no, salad.", draft="Soup")
        assert [run.arguments for run in talk.tool_runs] == [{"dish": "salad"}]
        assert (len(turn.of(e.ReplyDiscarded)), turn.reply) == (1, "Salad it is.")


def test_a_caller_interrupts_after_some_words_and_the_model_knows_what_was_heard() -> None:
    with conversation(WAITER, model=[Say(STORY), Say("Fine.")]) as talk:
        told = talk.say("Tell me a story.", until_words=6)
        assert told.heard == ""
        stop = talk.say("Stop.")
        assert told.heard == "Once upon a time there was"
        assert stop.context[-2].text == told.heard
        assert stop.of(e.TurnInterrupted)[0].reply_id == told.of(e.ReplyStarted)[0].reply_id


def test_a_caller_who_interrupts_while_a_tool_runs() -> None:
    script: list[Step] = [
        [Say("One moment, please, I will look."), CallTool("weather", city="Rome")],
        Say("Never mind, then."),
    ]
    with conversation(WAITER, model=script, tools={"weather": Hang(5)}) as talk:
        asked = talk.say("How is the weather?", until_words=2)
        assert talk.tool_runs
        assert talk.say("Forget it.").reply == "Never mind, then."
        assert asked.heard == "One moment,"


def test_words_that_are_never_heard_and_tools_that_never_run_are_told() -> None:
    with conversation(WAITER, model=[Say("Yes."), Say("No.")]) as talk:
        with pytest.raises(AssertionError, match="fewer than 5 words"):
            talk.say("Hello?", until_words=5)
        with pytest.raises(AssertionError, match="weather did not run"):
            talk.say("Hello?", until_tool="weather")


@pytest.mark.parametrize(
    ("fault", "told"),
    [(Fail(ValueError("secret")), "it failed"), (Hang(), "it took longer than 15 s")],
)
def test_a_tool_that_fails_or_hangs_reaches_the_model_as_text(fault: Fail | Hang, told: str) -> None:
    script = [CallTool("weather", city="Rome"), Say("I do not know.")]
    with conversation(WAITER, model=script, tools={"weather": fault}) as talk:
        turn = talk.say("How is the weather?")
        assert (turn.tools[0].error, turn.reply) == (told, "I do not know.")
        assert talk.asked[1][-1].text == told


def test_a_tool_is_replaced_by_a_function() -> None:
    replaced: list[Callable[..., object]] = [lambda city: f"rain in {city}", _snow]
    for stand_in in replaced:
        with conversation(
            WAITER, model=[CallTool("weather", city="Rome"), Say("Oh.")], tools={"weather": stand_in}
        ) as talk:
            assert talk.say("How is the weather?").tools[0].result in ("rain in Rome", "snow in Rome")


async def _snow(city: str) -> str:
    return f"snow in {city}"


def test_a_process_dies_and_another_goes_on_with_what_it_had_begun() -> None:
    with conversation(WAITER, model=lambda _: Say(STORY)) as talk:
        told = talk.say("Tell me a story.", until_words=1, draft="")
        talk.crash()
        talk.finish()
        assert told.heard == STORY
        assert {event.appended_by for event in talk.of(e.ReplyStarted)} == {"reasoning-0"}
        assert talk.say("Again.").of(e.ReplyStarted)[0].appended_by == "reasoning-1"


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_while_an_action_runs_does_not_run_it_twice(after: bool) -> None:
    script = [CallTool("order", dish="soup"), Say("I am not sure.")]
    with conversation(WAITER, model=script, tools={"order": Die(after=after)}) as talk:
        turn = talk.say("Soup, please.")
        assert len(talk.tool_runs) == 1
        assert "not known" in turn.tools[0].error
        assert turn.reply == "I am not sure."


def test_a_model_that_fails_is_apologised_for() -> None:
    with conversation(WAITER, model=[Fail("no credit")], settings={"speculate": False}) as talk:
        assert "cannot answer right now" in talk.say("Hello?").reply
        assert "no credit" in talk.of(e.EngineFailed)[0].error


def test_arguments_that_are_no_json_and_unknown_tools_are_told_to_the_model() -> None:
    script: list[Step] = [[CallTool.written("weather", '{"city"'), CallTool("fly")], Say("Once more?")]
    with conversation(WAITER, model=script) as talk:
        broken, unknown = talk.say("Hm.").tools
        assert (broken.arguments, "not valid JSON" in broken.error) == ('{"city"', True)
        assert "there is no tool 'fly'" in unknown.error
        assert talk.tool_runs == []


def test_people_may_write_instead_of_speaking() -> None:
    with conversation(WAITER, model=[Say("**Hello.**")], by_text=True) as talk:
        turn = talk.say("Hello?")
        assert (turn.heard, turn.of(e.TurnEnded)[0].source) == ("**Hello.**", "text")
        assert turn.of(e.PlaybackStarted) == []


def test_instructions_and_greeting_have_the_variables_and_the_date() -> None:
    greeter = Agent(name="greeter", instructions="{today}, for {user}", greeting="Welcome to {place}.")
    begin = datetime(2026, 1, 5, 9, tzinfo=UTC)
    with conversation(greeter, model=[Say("Yes.")], variables={"place": "Sole"}, user_id="kim", now=begin) as talk:
        assert talk.greeting == "Welcome to Sole."
        assert talk.say("Hello?").context[0].text == "Monday, January 5, 2026, for kim"
        assert datetime.fromtimestamp(talk.facts[0].time_ns / 1e9, UTC) == begin
    with pytest.raises(UnknownVariable, match="place"):
        conversation(greeter)


def test_a_script_that_is_too_short_or_too_long_is_an_error() -> None:
    def hold(*, turns: int) -> None:
        with conversation(WAITER, model=[Say("Hi."), Say("Ho.")]) as talk:
            for n in range(turns):
                talk.say(f"Hello {n}")

    hold(turns=2)
    with pytest.raises(ScriptOver, match="asked for answer 3, but its script has 2"):
        hold(turns=3)
    with pytest.raises(AssertionError, match="never asked for the last 1"):
        hold(turns=1)


def test_a_stand_in_for_a_tool_that_nobody_has_is_an_error() -> None:
    with pytest.raises(BadAgent, match="no agent has a tool fly; there are: order, weather"):
        conversation(WAITER, tools={"fly": Hang()})


async def test_within_an_event_loop_it_says_where_to_call_it_from() -> None:
    with pytest.raises(RuntimeError, match="plain `def test_"), conversation(WAITER):
        pass
