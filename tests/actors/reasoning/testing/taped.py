"""Conversations of tests whose tapes are kept, and run again."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from actors.reasoning.testing import ScriptedConversation, conversation
from contracts.journal import JournalChunk, decode_chunk
from contracts.topology import REASONING, journal_subject
from infra.agents.agent import Agent
from infra.agents.loading import Agents
from infra.log.clock import now_ns
from infra.replay.actors import ReplayedActor
from infra.replay.reasoning import replayed_reasoning
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.tape.live import LiveTapes


class Tapes:
    """The tapes of the processes of a conversation."""

    def __init__(self) -> None:
        self._tapes: dict[str, LiveTapes] = {}
        self._chunks: dict[str, list[JournalChunk]] = {}

    def make(self, instance: str) -> LiveTapes:
        """Return those of a process."""
        chunks = self._chunks[instance] = []

        async def keep(session_id: str, chunk: bytes) -> bool:
            chunks.append(decode_chunk(journal_subject(session_id, REASONING), chunk))
            return True

        tapes = self._tapes[instance] = LiveTapes(REASONING, instance, "test", keep, now_ns)
        return tapes

    def replayed(self, talk: ScriptedConversation) -> list[Outcome]:
        """Run each process of a conversation that is over again."""
        return [
            run_stretch(self._stretch(instance), talk.session_id, talk.stored, ReplayedActor(replayed_reasoning))
            for instance in self._tapes
        ]

    def kinds(self) -> set[str]:
        """Return what was asked of engines, by kind."""
        deliveries = [each for chunks in self._chunks.values() for chunk in chunks for each in chunk.deliveries]
        return {each.payload[1] for each in deliveries if each.kind == "asked"}

    def _stretch(self, instance: str) -> TapedStretch:
        asyncio.run(self._tapes[instance].finish())
        deliveries = tuple(each for chunk in self._chunks[instance] for each in chunk.deliveries)
        return TapedStretch(REASONING, instance, deliveries, is_cut=instance != list(self._tapes)[-1])


def assert_comes_out_the_same(
    patch: pytest.MonkeyPatch, agent: Agent, says: Sequence[str], expected_kinds: set[str], **given: Any
) -> ScriptedConversation:
    """Hold a conversation and check that each fact of reasoning comes out again, and nothing else."""
    tapes = Tapes()
    with conversation(agent, make_tapes=tapes.make, **given) as talk:
        for text in says:
            talk.say(text)
    patch.setattr("infra.replay.reasoning._agents", lambda places: Agents({agent.name: agent}))
    own = {fact.sequence for fact in talk.stored if fact.event.appended_by.startswith(REASONING)}
    outcomes = tapes.replayed(talk)
    assert [[each.what for each in outcome.differences] for outcome in outcomes] == [[]] * len(outcomes)
    assert set().union(*(outcome.same for outcome in outcomes)) == own != set()
    assert expected_kinds <= tapes.kinds()
    return talk
