"""The agent's voice in tests: a tone, as long as one likes, also when it is asked for again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from nats.aio.msg import Msg

from contracts import events as e
from contracts.audio import OutFrame
from contracts.codec import decode
from contracts.topology import sound_again_subject
from infra.log.connection import connection
from tests.bridge.agent import FRAME_SAMPLES, RATE_HZ, Agent

WORD_S = 0.5


def tone(reply_id: str, index: int, samples: int) -> list[OutFrame]:
    sound = (9000 * np.sin(np.arange(samples) * 2 * np.pi * 300 / RATE_HZ)).astype("<i2")
    firsts = range(0, samples, FRAME_SAMPLES)
    words = tuple(range(int(WORD_S * RATE_HZ), samples + 1, int(WORD_S * RATE_HZ)))
    parts = [(first, sound[first : first + FRAME_SAMPLES].tobytes(), first == firsts[-1]) for first in firsts]
    return [OutFrame(reply_id, index, first, RATE_HZ, pcm, last, words if last else ()) for first, pcm, last in parts]


async def say_tones(agent: Agent, session_id: str, reply_id: str, lengths_s: list[float]) -> str:
    """Answer with a clause of each length, of numbered words of half a second; return the text."""
    turn = {"reply_id": reply_id, "turn_id": f"turn-of-{reply_id}", "text": "hello"}
    await agent.append(e.ReplyStarted, session_id, **turn)
    texts, word = [], 0
    for index, length_s in enumerate(lengths_s):
        count = int(length_s / WORD_S)
        texts.append(" ".join(f"w{word + n}" for n in range(count)))
        word += count
        names = {"reply_id": reply_id, "index": index, "text": texts[-1]}
        samples = int(count * WORD_S * RATE_HZ)
        frames = tone(reply_id, index, samples)
        await agent.append(e.ReplyClauseWritten, session_id, **names)
        await agent.publish(session_id, frames)
        length = {"samples": samples, "sample_rate_hz": RATE_HZ, "word_end_samples": frames[-1].word_end_samples}
        await agent.append(e.ClauseSynthesized, session_id, **names, **length)
    await agent.append(e.ReplyCompleted, session_id, reply_id=reply_id, text=" ".join(texts), clauses=len(texts))
    return " ".join(texts)


@asynccontextmanager
async def saying_again(agent: Agent, session_id: str) -> AsyncIterator[list[int]]:
    """Answer requests for lost sound; collects the clauses asked for."""
    asked: list[int] = []

    async def answer(message: Msg) -> None:
        clause = decode(f"voice.{session_id}.reply.clause", message.data)
        assert isinstance(clause, e.ReplyClauseWritten)
        asked.append(clause.index)
        samples = int(len(clause.text.split()) * WORD_S * RATE_HZ)
        await agent.publish(session_id, tone(clause.reply_id, clause.index, samples))
        await message.respond(b"")

    subscription = await connection(agent.broker).subscribe(sound_again_subject(session_id), cb=answer)
    yield asked
    await subscription.unsubscribe()
