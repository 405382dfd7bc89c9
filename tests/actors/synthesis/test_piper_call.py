"""Synthesis with the local voice."""

import pytest
from faststream.nats import NatsBroker

from actors.synthesis import actor
from infra.log.event_log import append
from tests.actors.running import facts_until, running
from tests.actors.synthesis.test_actor import clause, ear_for, synthesized


@pytest.mark.engines
async def test_a_clause_is_said_by_the_local_voice_at_the_rate_of_the_door(broker: NatsBroker) -> None:
    ear = await ear_for(broker)
    async with running(actor.make(), "synthesis", broker):
        await append(broker, clause(0, "Sure, I can help."))
        await append(broker, clause(1, "\N{GRINNING FACE}"))
        facts = await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 2)
    spoken, emoji = synthesized(facts)
    assert (spoken.engine, spoken.sample_rate_hz) == ("local", 24_000)
    assert len(spoken.word_end_samples) == 4
    assert spoken.samples == sum(len(frame.pcm) // 2 for frame in ear.frames if frame.index == 0)
    assert (emoji.samples, emoji.word_end_samples) == (0, ())
