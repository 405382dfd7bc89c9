"""Calls at a real door, recorded by the real recorder, against what their clients' loudspeakers played."""

import asyncio
from typing import Any

import numpy as np
import pytest
from faststream.nats import NatsBroker

from actors.persistence import actor
from contracts import events as e
from contracts.audio import OutFrame
from infra.bench.marked_voice import FIRST_CLAUSE, RATE_HZ, marks_of, sound_of
from infra.bench.record import STALLS, Condition, compared
from infra.caller import ScriptedUtterance, Sound, place_call
from infra.caller.manner import Manner
from infra.caller.result import CallResult
from infra.log.connection import connection
from tests.actors.running import running
from tests.bridge.agent import FRAME_SAMPLES, Agent
from tests.bridge.conftest import OpenDoor

CLAUSES = (FIRST_CLAUSE, " Seven yellow lanterns float beyond quiet harbours,", " while distant thunder rolls.")
LATE_S, DRY_S = 1.5, 1.2
MOST_MS = 100
SLOW = Condition("slow", slow=True)
CONDITIONS = (
    SLOW,
    Condition("stalls", manner=Manner(stalls=STALLS[:3])),
    Condition("slow, stalls", slow=True, manner=Manner(stalls=STALLS[:3])),
    Condition("slow, bare counts", slow=True, manner=Manner(tells="counts")),
)


async def _clause(agent: Agent, session_id: str, index: int, slow: bool) -> None:
    """Say a clause as a slow voice does: late, and with a break half-way."""
    text = CLAUSES[index]
    names: dict[str, Any] = {"turn_id": "t", "reply_id": "r", "index": index, "text": text}
    await agent.append(e.ReplyClauseWritten, session_id, **names)
    sound = sound_of(text)
    ends = {mark.word: mark.first + len(sound_of("a")) for mark in marks_of(text)}
    firsts = range(0, len(sound), FRAME_SAMPLES)
    for first in firsts:
        if slow and index and first in (0, firsts[len(firsts) // 2]):
            await asyncio.sleep(DRY_S if first else LATE_S)
        pcm = sound[first : first + FRAME_SAMPLES].tobytes()
        await agent.publish(session_id, [OutFrame("r", index, first, RATE_HZ, pcm, first == firsts[-1])])
    length = {"samples": len(sound), "sample_rate_hz": RATE_HZ, "word_end_samples": tuple(ends.values())}
    await agent.append(e.ClauseSynthesized, session_id, **names, **length)


async def _answer(agent: Agent, session_id: str, slow: bool) -> None:
    await agent.append(e.TurnEnded, session_id, turn_id="t", participant_id="p", text="Well?", source="text")
    await agent.append(e.ReplyStarted, session_id, turn_id="t", reply_id="r", text="Well?")
    for index in range(len(CLAUSES)):
        await _clause(agent, session_id, index, slow)
        await asyncio.sleep(len(sound_of(CLAUSES[index])) / RATE_HZ if slow else 0)
    completed = {"text": "".join(CLAUSES), "clauses": len(CLAUSES)}
    await agent.append(e.ReplyCompleted, session_id, turn_id="t", reply_id="r", **completed)


async def _called(url: str, agent: Agent, condition: Condition) -> CallResult:
    """Return what came of a call in which the agent answers once."""
    answering: list[asyncio.Task[None]] = []

    def listen(name: str, data: dict[str, Any]) -> None:
        if name == "TrackPublished":
            loop = asyncio.get_running_loop()
            loop.call_later(
                1, lambda: answering.append(loop.create_task(_answer(agent, data["session_id"], condition.slow)))
            )

    silence = ScriptedUtterance(Sound(np.zeros(8_000, np.int16), 16_000), end_of_speech_sample=0)
    result = await place_call(url, [silence], on_fact=listen, manner=condition.manner)
    await asyncio.gather(*answering)
    return result


@pytest.mark.slow
async def test_recording_words_and_captions_are_within_100_ms_of_the_ear(
    broker: NatsBroker, open_door: OpenDoor, agent: Agent
) -> None:
    url = f"http://127.0.0.1:{(await open_door()).port}"
    async with running(actor.make(), "persistence", broker):
        # At the same time: a call lasts as long as what is said in it.
        results = await asyncio.gather(*(_called(url, agent, condition) for condition in CONDITIONS))
        found = [
            await compared(connection(broker), condition, result)
            for condition, result in zip(CONDITIONS, results, strict=True)
        ]
    assert [(each.condition, each.worst) for each in found if each.max_ms > MOST_MS] == []
    letters = len([mark for text in CLAUSES for mark in marks_of(text)])
    for condition, each in zip(CONDITIONS, found, strict=True):
        assert each.letters >= letters - 2 * each.breaks, condition.name
        assert (each.lost, each.added, each.doubled) == (0, 0, 0), condition.name
        assert each.breaks >= (2 if condition.slow else 3), condition.name
