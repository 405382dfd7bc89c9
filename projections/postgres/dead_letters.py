"""The events that the tables cannot store: dead letters of this projection, which continues without them."""

from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from contracts.topology import DEAD
from infra.log.dead_letters import SEQUENCE_HEADER, copy_to_dead, dead_letters
from infra.log.stream_reader import StoredMessage
from projections.postgres.row import POSTGRES


def dead_letter_writer(nc: Client) -> Callable[[StoredMessage, str], Awaitable[None]]:
    """Return the function that copies a message that cannot be stored to the dead letters, with the reason."""

    async def write(message: StoredMessage, reason: str) -> None:
        js = nc.jetstream()
        await copy_to_dead(js, POSTGRES.process, message.sequence, message.subject, message.data, reason)

    return write


async def dead_letter_sequences(nc: Client) -> set[int]:
    """Return the sequences in the log of this projection's dead letters."""
    letters = await dead_letters(nc)
    return {int(letter.headers.get(SEQUENCE_HEADER, "0")) for letter in letters if letter.durable == POSTGRES.process}


async def last_dead_letter(nc: Client) -> int:
    """Return the sequence of the newest dead letter, 0 if there never was one."""
    return (await nc.jetstream().stream_info(DEAD)).state.last_seq


async def drop_dead_letters(nc: Client, until: int) -> None:
    """Drop this projection's dead letters up to a sequence of their stream, once a rebuild has tried them again."""
    js = nc.jetstream()
    for letter in await dead_letters(nc):
        if letter.durable == POSTGRES.process and letter.sequence <= until:
            await js.delete_msg(DEAD, letter.sequence)
