"""The actors behind the door, played by a test: says their facts and publishes the agent's sound."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts import events as e
from contracts.audio import InFrame, OutFrame, unpack_in
from contracts.codec import decode
from contracts.topology import audio_in_subject, audio_out_subject, sound_again_subject
from infra.log.connection import connection
from infra.log.event_log import append, history, now_ns

RATE_HZ = 24_000
FRAME_SAMPLES = RATE_HZ // 50


def frames_of(
    reply_id: str, index: int, samples: int, word_end_samples: tuple[int, ...] = (), value: int = 1
) -> list[OutFrame]:
    """A clause's sound, cut as synthesis does; every sample has the value."""
    frames = []
    for first in range(0, samples, FRAME_SAMPLES):
        size = min(FRAME_SAMPLES, samples - first)
        last = first + size >= samples
        pcm = value.to_bytes(2, "little", signed=True) * size
        words = word_end_samples if last else ()
        frames.append(OutFrame(reply_id, index, first, RATE_HZ, pcm, last, words))
    return frames


class Agent:
    def __init__(self, broker: NatsBroker) -> None:
        self.broker = broker
        self._ids = itertools.count()

    async def append(self, event_class: type[e.Event], session_id: str, **fields: Any) -> e.Event:
        event = event_class(
            **{"event_id": f"test-{session_id}-{next(self._ids)}", "session_id": session_id, "time_ns": now_ns()}
            | fields
        )
        await append(self.broker, event)
        return event

    async def publish(self, session_id: str, frames: list[OutFrame]) -> None:
        for frame in frames:
            await connection(self.broker).publish(audio_out_subject(session_id), frame.pack())

    async def clause(
        self, session_id: str, reply_id: str, index: int, text: str, samples: int, words: tuple[int, ...] = ()
    ) -> None:
        """Write a clause, and say it."""
        names = {"reply_id": reply_id, "index": index, "text": text}
        await self.append(e.ReplyClauseWritten, session_id, **names)
        await self.publish(session_id, frames_of(reply_id, index, samples, words, value=index + 1))
        length = {"samples": samples, "sample_rate_hz": RATE_HZ, "word_end_samples": words}
        await self.append(e.ClauseSynthesized, session_id, **names, **length)

    async def reply(self, session_id: str, reply_id: str, turn_id: str = "turn-1", draft: bool = False) -> None:
        """Answer in two clauses of half a second, four words."""
        started = {"reply_id": reply_id, "turn_id": turn_id, "draft": draft, "text": "hello"}
        await self.append(e.ReplyStarted, session_id, **started)
        await self.clause(session_id, reply_id, 0, "Hello there.", 12_000, (6_000, 11_000))
        await self.clause(session_id, reply_id, 1, "How are you?", 12_000, (3_000, 6_000, 11_000))
        await self.append(e.ReplyCompleted, session_id, reply_id=reply_id, text="Hello there. How are you?", clauses=2)

    async def facts(self, session_id: str) -> list[e.Event]:
        return [fact.event async for fact in history(connection(self.broker), session_id)]

    @asynccontextmanager
    async def hearing(self, session_id: str, participant_id: str = "caller") -> AsyncIterator[list[InFrame]]:
        """Collect the caller's frames."""
        frames: list[InFrame] = []

        async def take(message: Msg) -> None:
            frames.append(unpack_in(message.data))

        subscription = await connection(self.broker).subscribe(audio_in_subject(session_id, participant_id), cb=take)
        await connection(self.broker).flush()  # what another process publishes from now on is heard
        yield frames
        await subscription.unsubscribe()

    @asynccontextmanager
    async def synthesizing_again(self, session_id: str, samples: int) -> AsyncIterator[list[e.Event]]:
        """Answer requests for lost sound."""
        asked: list[e.Event] = []

        async def answer(message: Msg) -> None:
            clause = decode(f"voice.{session_id}.reply.clause", message.data)
            assert isinstance(clause, e.ReplyClauseWritten)
            asked.append(clause)
            await self.publish(session_id, frames_of(clause.reply_id, clause.index, samples))
            await message.respond(b"")

        subscription = await connection(self.broker).subscribe(sound_again_subject(session_id), cb=answer)
        await connection(self.broker).flush()
        yield asked
        await subscription.unsubscribe()
