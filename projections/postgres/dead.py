"""The events that the tables cannot store: dead letters of this projection, which goes on without them."""

from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from contracts.topology import DEAD
from infra.log.dead_letters import SEQUENCE_HEADER, copy_to_dead, dead_letters
from projections.postgres.fold import LogMessage

NAME = "projection-postgres"


def burial(nc: Client) -> Callable[[LogMessage, str], Awaitable[None]]:
    """Return how a message that cannot be stored is moved to the dead letters."""

    async def bury(message: LogMessage, reason: str) -> None:
        js = nc.jetstream()
        await copy_to_dead(js, NAME, message.sequence, message.subject, message.data, reason)

    return bury


async def set_aside(nc: Client) -> set[int]:
    """Return the sequences in the log of what is in the dead letters of this projection."""
    letters = await dead_letters(nc)
    return {int(letter.headers.get(SEQUENCE_HEADER, "0")) for letter in letters if letter.durable == NAME}


async def last_letter(nc: Client) -> int:
    """Return the sequence of the newest dead letter, 0 if there never was one."""
    return (await nc.jetstream().stream_info(DEAD)).state.last_seq


async def drop_letters(nc: Client, until: int) -> None:
    """Drop this projection's dead letters up to a sequence of their stream: a rebuild has had another go at them."""
    js = nc.jetstream()
    for letter in await dead_letters(nc):
        if letter.durable == NAME and letter.sequence <= until:
            await js.delete_msg(DEAD, letter.sequence)
