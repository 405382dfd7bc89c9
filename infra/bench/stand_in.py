"""`python -m infra.bench.stand_in DURABLE`: an actor without work, which appends the next fact of a turn at once."""

import asyncio
import signal
import sys

from contracts.events import ClauseSynthesized, Event, ReplyClauseWritten, ReplyStarted, TurnEnded
from contracts.ids import derive_id
from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.event_log import append, now_ns
from infra.log.inbox import Inbox
from infra.log.provisioning import provision


def answers(event: Event) -> list[Event]:
    """Return what the actors would say to an event of a turn."""
    session_id, cause_id, turn_id = event.session_id, event.event_id, event.turn_id
    common = {"session_id": session_id, "cause_id": cause_id, "turn_id": turn_id, "time_ns": now_ns()}
    if isinstance(event, TurnEnded):
        reply = {"reply_id": derive_id(cause_id, "reply"), **common}
        return [
            ReplyStarted(event_id=derive_id(cause_id, "ReplyStarted"), text=event.text, **reply),
            ReplyClauseWritten(event_id=derive_id(cause_id, "Clause"), index=0, text="Certainly.", **reply),
        ]
    if isinstance(event, ReplyClauseWritten):
        clause = {"reply_id": event.reply_id, "index": 0, "text": event.text, **common}
        sound = {"samples": 24_000, "sample_rate_hz": 24_000}
        return [ClauseSynthesized(event_id=derive_id(cause_id, "Sound"), **sound, **clause)]
    return []


async def stand_in(durable: str) -> None:
    """Take the durable's messages until SIGTERM; prints `ready`."""
    broker = make_broker(f"bench-{durable}")

    inbox = Inbox(broker, durable)

    async def answer(event: Event) -> None:
        for fact in answers(event):
            await append(broker, fact)

    async def nothing(_: Event) -> None:
        pass

    if inbox.events:
        inbox.on(*inbox.events)(answer)
    else:
        inbox.on_everything(nothing)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await broker.connect()
    await provision(jetstream(broker))
    await inbox.open()
    await broker.start()
    print("ready", flush=True)
    await ended.wait()
    await inbox.close()
    await broker.stop()


if __name__ == "__main__":
    asyncio.run(stand_in(sys.argv[1]))
