"""A consumer that is tried on recorded conversations: it prints what was said in what `daredevil replay` publishes.

.venv/bin/faststream run --app-dir docs/examples replay_consumer:app
"""

from contextlib import nullcontext

from faststream.nats import NatsMessage

from contracts import events as e
from contracts.codec import Undecodable, decode
from contracts.topology import REPLAYED_FACT
from infra.log.broker import make_app, make_broker

broker = make_broker("replay-consumer")


@broker.subscriber(REPLAYED_FACT.address.pattern)
async def replayed(message: NatsMessage) -> None:
    """Print who said what. The subject on which the fact is stored says which event it is."""
    try:
        event = decode(message.headers["Nats-Subject"], message.body)
    except Undecodable as error:
        print(f"left out: {error}", flush=True)
        return
    match event:
        case e.TurnEnded():
            print(f"{event.participant_id}: {event.text}", flush=True)
        case e.PlaybackFinished() | e.PlaybackInterrupted():
            print(f"agent: {event.heard_text}", flush=True)


app = make_app("replay-consumer", broker, nullcontext)
