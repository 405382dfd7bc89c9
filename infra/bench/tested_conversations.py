"""How long conversations of tests take: turns with a scripted model, each with a call of a reader."""

import time
from dataclasses import dataclass

from actors.reasoning.testing import CallTool, Say, conversation
from infra.agents.agent import Agent

TURNS_EACH = 10
"""Turns of a conversation: tests are short, and each begins one."""


@dataclass(frozen=True, slots=True)
class TestedConversations:
    """How many turns were held, and how long that took in all: processor time of one core, and by the clock."""

    turns: int
    cpu_s: float
    wall_s: float


def free_tables(day: str, people: int) -> list[str]:
    """Find the free tables of a day for so many people."""
    return ["3", "4"]


def measure(turns: int = 1000, with_tool: bool = True) -> TestedConversations:
    """Hold conversations with this many turns in all; each turn is checked."""
    agent = Agent(name="booking", instructions="You take bookings. Today is {today}.", tools=[free_tables])
    said = "Table three is free. Shall I book it for you?"
    script = [CallTool("free_tables", day="Friday", people=4), Say(said)] if with_tool else [Say(said)]
    held = 0
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    while held < turns:
        with conversation(agent, model=script * TURNS_EACH) as talk:
            for n in range(TURNS_EACH):
                turn = talk.say(f"A table for four on Friday, please, for the {n}th time.")
                if turn.heard != said or len(turn.tools) != with_tool:
                    raise AssertionError(f"turn {n} went wrong: {turn!r}, {turn.tools}")
        held += TURNS_EACH
    return TestedConversations(held, time.process_time() - begun_cpu_s, time.perf_counter() - begun_s)
