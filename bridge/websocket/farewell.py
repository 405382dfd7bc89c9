"""What comes after the end of a call: its client may stay for the summary."""

import asyncio
import logging

from faststream.nats import NatsBroker

from bridge.call.session_events import SUMMARY_PATIENCE_S
from bridge.text_input import ProtocolError
from bridge.websocket.client import Client
from contracts.events import SummaryWritten
from infra.log.session_feed import SessionFeed
from infra.process.tasks import ended

log = logging.getLogger(__name__)


async def send_summary(broker: NatsBroker, session_id: str, after: int, client: Client) -> None:
    """Send the client the facts after sequence `after` up to the summary, unless it leaves or none comes in time."""
    sending = asyncio.create_task(_send(broker, session_id, after, client), name=f"summary of {session_id}")
    left = asyncio.create_task(_until_left(client), name=f"farewell of {session_id}")
    try:
        await asyncio.wait({sending, left}, timeout=SUMMARY_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(sending, left)
        for outcome in await asyncio.gather(sending, left, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.debug("summary of %s: %r", session_id, outcome)


async def _send(broker: NatsBroker, session_id: str, after: int, client: Client) -> None:
    async with SessionFeed(broker, session_id, after) as feed:
        async for fact in feed:
            client.fact(fact)
            if isinstance(fact.event, SummaryWritten):
                return


async def _until_left(client: Client) -> None:
    while True:
        try:
            if await client.receive() is None:
                return
        except ProtocolError:
            continue  # what it sends no longer counts
