"""A word while a tool takes its time."""

import asyncio

import pytest

from actors.reasoning.filler import with_filler
from actors.reasoning.testing import CallTool, Die, Say, Step, conversation
from infra.agents.agent import Agent
from infra.agents.tool import reader
from infra.tape.untaped import Untaped

TAPE = Untaped().of("s")


@reader
async def slow() -> str:
    """Look it up."""
    await asyncio.sleep(3)
    return "found"


@reader
async def quick() -> str:
    """Look it up."""
    return "found"


AGENT = Agent(name="patient", tools=[slow, quick], filler="One moment, please.", filler_after_ms=1_500)


def test_a_slow_tool_is_bridged_and_a_quick_one_is_not() -> None:
    script = [CallTool("slow"), Say("Here it is."), CallTool("quick"), Say("And here.")]
    with conversation(AGENT, model=script) as talk:
        assert talk.say("Please look.").reply == "One moment, please. Here it is."
        assert talk.say("Again?").reply == "And here."


def test_nothing_is_added_to_what_the_model_has_said_itself() -> None:
    script: list[Step] = [[Say("I will look."), CallTool("slow")], Say("Here it is.")]
    with conversation(AGENT, model=script) as talk:
        assert talk.say("Please look.").reply == "I will look. Here it is."


@pytest.mark.parametrize("dies_after", [False, True], ids=["before the filler", "after it"])
def test_it_is_said_once_although_the_process_dies_while_the_tool_runs(dies_after: bool) -> None:
    script = [CallTool("slow"), Say("Here it is.")]
    with conversation(AGENT, model=script, tools={"slow": Die(after=dies_after)}) as talk:
        assert talk.say("Please look.").reply == "One moment, please. Here it is."
        assert [message.type for message in talk.asked[-1]][-2:] == ["ai", "tool"], "the filler is not the answer's"


async def test_what_a_tool_raises_is_raised_and_nothing_is_said() -> None:
    async def failing() -> str:
        raise RuntimeError("no")

    async def say() -> None:
        raise AssertionError("it failed at once")

    with pytest.raises(RuntimeError, match="no"):
        await with_filler(failing(), 1_000, say, TAPE, "r")


async def test_who_is_cancelled_ends_the_tool() -> None:
    ended = asyncio.Event()

    async def hanging() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def say() -> None: ...

    task = asyncio.create_task(with_filler(hanging(), 0, say, TAPE, "r"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
