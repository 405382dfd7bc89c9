"""The plain NATS connection beneath a FastStream broker, for what FastStream has no words for."""

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext


def connection(broker: NatsBroker) -> Client:
    """Return the plain NATS connection of a connected broker."""
    client: Client = broker.config.connection_state.connection
    return client


def jetstream(broker: NatsBroker) -> JetStreamContext:
    """Return the JetStream context of a connected broker."""
    context: JetStreamContext = broker.config.connection_state.stream
    return context
