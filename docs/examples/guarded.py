"""An agent with guards: what callers say and what it says itself is judged before it counts.

.venv/bin/daredevil run docs/examples/guarded.py
"""

import re

from actors.reasoning import Agent, Answer, Call, Drop, Replace

CARD = re.compile(r"\b(?:\d[ -]?){13,19}\b")
HATED = frozenset({"idiot", "moron"})


def input_guard(text: str, call: Call) -> Drop | Replace | None:
    """Keep numbers of cards away from the model, and do not answer insults."""
    if CARD.search(text):
        return Replace(CARD.sub("[a card's number]", text))
    return Drop() if HATED & set(text.lower().split()) else None


async def output_guard(clause: str) -> Answer | None:
    """Promise nothing that only people may promise; a service for moderation would be asked here."""
    return Answer("That I have to leave to my colleagues.") if "refund" in clause.lower() else None


agent = Agent(
    name="guarded",
    instructions="You answer questions about orders. Answer in one or two short sentences.",
    input_guard=input_guard,
    output_guard=output_guard,
    guard_timeout_s=1,
)
