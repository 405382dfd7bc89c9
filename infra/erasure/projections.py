"""Whether the projections have followed an erasure."""

import asyncio
import time
from collections.abc import Sequence

from infra.settings import Settings

POLL_S = 0.1
WORD_TABLES = ("conversations", "summaries", "recordings")


def postgres_url(settings: Settings) -> str:
    """Return the database that the projection writes to; empty if none is set and none runs here."""
    if settings.postgres_url:
        return settings.postgres_url
    try:
        return (settings.data_dir / "run" / "postgres_url").read_text().strip()
    except OSError:
        return ""


async def applied_in_postgres(settings: Settings, session_ids: Sequence[str], patience_s: float) -> str:
    """Return in words how far Postgres has followed, after waiting `patience_s` for it at most."""
    if settings.postgres_url == "off":
        return "off"
    url = postgres_url(settings)
    if not url:
        return "pending: no database runs here now; the projection erases when it does"
    deadline = time.monotonic() + patience_s
    problem = ""
    while True:
        try:
            async with asyncio.timeout(5):
                problem = await _missing(url, session_ids)
        except Exception as error:  # drivers raise of their own: no server, no schema, no table yet
            problem = f"it cannot be asked ({type(error).__name__})"
        if not problem:
            return "applied"
        if time.monotonic() > deadline:
            return f"pending: {problem}; the projection erases when it gets there"
        await asyncio.sleep(POLL_S)


async def _missing(url: str, session_ids: Sequence[str]) -> str:
    """Return what is not erased yet; empty if all is."""
    import psycopg

    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        erased = await connection.execute(
            "select count(*) from agents.sessions where session_id = any(%s) and erased_at is not null",
            [list(session_ids)],
        )
        row = await erased.fetchone()
        done = int(row[0]) if row else 0
        if done < len(session_ids):
            return f"{done} of {len(session_ids)} sessions are erased"
        for table in WORD_TABLES:
            # Table names are ours.
            query = f"select count(*) from agents.{table} where session_id = any(%s)"
            row = await (await connection.execute(query.encode(), [list(session_ids)])).fetchone()
            if row and row[0]:
                return f"{row[0]} rows of {table} are left"
    return ""
