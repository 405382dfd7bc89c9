"""Conversations of tests are measured by holding them."""

from infra.bench.tested_conversations import TURNS_EACH, measure


def test_turns_are_held_and_checked() -> None:
    held = measure(turns=1)
    assert held.turns == TURNS_EACH
    assert held.cpu_s > 0
