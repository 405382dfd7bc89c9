"""`python -m infra.bench.stand_in DURABLE`: an actor that appends the next fact of a turn at once, without work."""

import asyncio
import signal
import sys

from contracts.answers import answer
from contracts.events import ClauseSynthesized, Event, ReplyClauseWritten, ReplyStarted, TurnEnded
from contracts.ids import derive_id
from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.event_log import append, now_ns
from infra.log.inbox import Inbox
from infra.log.provisioning import provision


def answers(event: Event) -> list[Event]:
    """Return what the actors would append after an event of a turn."""
    time_ns = now_ns()
    if isinstance(event, TurnEnded):
        reply_id = derive_id(event.event_id, "reply")
        return [
            answer(event, ReplyStarted, time_ns=time_ns, reply_id=reply_id, text=event.text),
            answer(event, ReplyClauseWritten, time_ns=time_ns, reply_id=reply_id, index=0, text="Certainly."),
        ]
    if isinstance(event, ReplyClauseWritten):
        return [
            answer(
                event,
                ClauseSynthesized,
                time_ns=time_ns,
                reply_id=event.reply_id,
                index=event.index,
                text=event.text,
                samples=24_000,
                sample_rate_hz=24_000,
            )
        ]
    return []


async def stand_in(durable: str) -> None:
    """Process the durable's messages until SIGTERM; prints `ready`."""
    broker = make_broker(f"bench-{durable}")

    inbox = Inbox(broker, durable)

    async def take(event: Event) -> None:
        for fact in answers(event):
            await append(broker, fact)

    async def nothing(_: Event) -> None:
        pass

    if inbox.events:
        inbox.on(*inbox.events)(take)
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
