"""What the rest of the system knows of this projection."""

import asyncio
from collections.abc import Sequence

from nats.aio.client import Client

from docs.examples.sqlite_projection.turns import Turns, rows_of
from infra.projection import NotRebuilt, Progress, Projection, Rebuilt
from infra.settings import Settings
from projections.known_events import FromTheFuture
from projections.log_reader import log_until
from projections.status import log_end


async def verify(settings: Settings, nc: Client) -> list[str]:
    """Compare each row with the fact that it was made from."""
    with Turns.of(settings) as turns:
        position, rows = await asyncio.to_thread(turns.everything)
    expected = {}
    try:
        async for message in log_until(nc, position):
            expected.update({row.sequence: row for row in rows_of(message)[0]})
    except FromTheFuture as error:
        return [str(error)]
    return [
        f"turns: {sequence} {'missing' if sequence not in rows else 'different'}"
        for sequence in expected
        if rows.get(sequence) != expected[sequence]
    ] + [f"turns: {sequence} is not in the log" for sequence in rows.keys() - expected.keys()]


async def unerased(settings: Settings, session_ids: Sequence[str]) -> str:
    """Say how many rows of erased sessions there are still, and whether the erasure has been read at all."""
    with Turns.of(settings) as turns:
        return await asyncio.to_thread(turns.left_of, session_ids)


async def rebuild(settings: Settings, nc: Client, progress: Progress, drop_lost: bool) -> Rebuilt:
    """Rebuild the table in one transaction: readers see the old one until then. Raises NotRebuilt."""
    end = await log_end(nc)
    progress("building", 0, end)
    messages = [message async for message in log_until(nc, end)]
    with Turns.of(settings) as turns:
        try:
            return await asyncio.to_thread(turns.replace, messages, drop_lost)
        except FromTheFuture as error:
            raise NotRebuilt(str(error)) from error


SQLITE = Projection(
    name="sqlite",
    app="docs.examples.sqlite_projection:app",
    verify=verify,
    unerased=unerased,
    rebuild=rebuild,
    out_of_reach="SQLite: copies that were made of its file",
)
