"""The past exchanges of one user that are most like a text: the SQL, and the choice among what it finds.

Measured with 256 dimensions: comparing the vectors of one user's 2,000 turns one by one takes 4 ms and misses none,
while the HNSW index, which does not separate users, takes tens of milliseconds to find those of a user with 2 % of
them, and misses some. So a user's recent turns are always compared one by one; the index is used in addition, for the
older turns of the few users with more.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from contracts.tables import ALL_CONVERSATIONS
from contracts.tables import TurnColumn as C
from infra.engines.embedding import Vector

LATEST = 4000
"""How many turns of a user are compared one by one."""
LEAST_SIMILARITY = 0.05
"""Cosine similarity below which an exchange has nothing to do with the question."""
QUESTION_MALUS = 0.2
"""Earlier questions are most similar to a new one, and say least about the user."""
CANDIDATES = 4
"""How many times more exchanges are fetched than returned, to have a choice."""
SESSION_SETTINGS = {
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.ef_search": "100",
    "hnsw.max_scan_tuples": "4000",
    # Plan for this user's share of the table, not for the average user's.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Memory:
    """A past exchange; its `similarity` to the question is from -1 to 1."""

    reply_id: str
    session_id: str
    user_text: str
    heard_text: str
    at: datetime | None
    similarity: float


_FOUND = f"{C.REPLY_ID}, {C.SESSION_ID}, {C.USER_TEXT}, {C.HEARD_TEXT}, coalesce({C.TURN_ENDED_AT}, {C.RECORDED_AT})"
_INDEXED = f"{C.EMBEDDING} IS NOT NULL AND octet_length({C.EMBEDDING_MODEL}) <= 200"


# Adding 0 keeps the planner from the HNSW index; the condition on the model's name is that of the user's index, which
# holds the vectors beside each other. What is to be left out is among the nearest, so that many more are taken first.
def _nearest_sql(turns: str, indexed: str) -> str:
    return f"""
    WITH nearest AS (
        SELECT {C.SEQUENCE}, ({C.EMBEDDING} <=> %(vector)s::vector) + 0 AS distance FROM {turns}
        WHERE {C.USER_ID} = %(user)s AND {C.EMBEDDING_MODEL} = %(model)s AND {indexed}
        ORDER BY distance LIMIT %(more)s
    )
    SELECT {_FOUND}, 1 - distance
    FROM nearest JOIN {ALL_CONVERSATIONS} USING ({C.SEQUENCE})
    WHERE {C.REPLY_ID} <> ALL(%(without)s::text[]) ORDER BY distance LIMIT %(most)s
"""


_LATEST = f"""(
        SELECT {C.SEQUENCE}, {C.USER_ID}, {C.EMBEDDING}, {C.EMBEDDING_MODEL} FROM {ALL_CONVERSATIONS}
        WHERE {C.USER_ID} = %(user)s AND {_INDEXED} ORDER BY {C.RECORDED_AT} DESC LIMIT %(latest)s
    ) AS latest"""
_ALL_SQL = _nearest_sql(ALL_CONVERSATIONS, _INDEXED)
_LATEST_SQL = _nearest_sql(_LATEST, "TRUE")
_INDEX_SQL = f"""
    SELECT {_FOUND}, 1 - ({C.EMBEDDING} <=> %(vector)s::vector)
    FROM {ALL_CONVERSATIONS}
    WHERE {C.USER_ID} = %(user)s AND {C.EMBEDDING_MODEL} = %(model)s
        AND {C.REPLY_ID} <> ALL(%(without)s::text[])
    ORDER BY {C.EMBEDDING} <=> %(vector)s::vector LIMIT %(most)s
"""
_MORE_SQL = f"""
    SELECT 1 FROM {ALL_CONVERSATIONS} WHERE {C.USER_ID} = %(user)s
    ORDER BY {C.RECORDED_AT} DESC OFFSET %(latest)s LIMIT 1
"""


async def has_more(connection: AsyncConnection[Any], user_id: str, latest: int = LATEST) -> bool:
    """Return whether a user has more turns than are compared one by one. Raises psycopg.Error."""
    cursor = await connection.execute(_MORE_SQL, {"user": user_id, "latest": latest})
    return await cursor.fetchone() is not None


async def nearest(
    connection: AsyncConnection[Any],
    user_id: str,
    model: str,
    vector: Vector,
    most: int,
    without: Collection[str] = (),
    latest: int | None = None,
) -> list[Memory]:
    """Return the user's exchanges most like `vector`, the nearest first. Raises psycopg.Error.

    Vectors of other models than `model` cannot be compared and are left out, as are the replies in `without`. With
    `latest` only so many are compared one by one, and the index finds the others: for a user who `has_more`.
    """
    values = {
        "user": user_id,
        "model": model,
        "vector": f"[{','.join(f'{number:.7g}' for number in vector.tolist())}]",
        "most": most,
        "more": most + len(without),
        "without": list(without),
        "latest": latest,
    }
    found: dict[str, Memory] = {}
    for sql in (_ALL_SQL,) if latest is None else (_LATEST_SQL, _INDEX_SQL):
        for row in await (await connection.execute(sql.encode(), values)).fetchall():
            found[row[0]] = Memory(*row)
    return sorted(found.values(), key=lambda memory: -memory.similarity)[:most]


def chosen(memories: Iterable[Memory], question: str, most: int) -> tuple[Memory, ...]:
    """Return the most useful exchanges, at most `most`, the oldest first.

    Leaves out earlier copies of the question and repeated words; statements are preferred to questions.
    """
    said: set[str] = {_plain(question)}
    fresh: list[Memory] = []
    for memory in memories:
        if memory.similarity >= LEAST_SIMILARITY and _plain(memory.user_text) not in said:
            said.add(_plain(memory.user_text))
            fresh.append(memory)
    fresh.sort(key=lambda memory: -memory.similarity + QUESTION_MALUS * memory.user_text.rstrip().endswith("?"))
    return tuple(sorted(fresh[:most], key=_age))


def _age(memory: Memory) -> tuple[float, str]:
    return (memory.at.timestamp() if memory.at is not None else 0.0, memory.reply_id)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w']+", " ", text.lower()).split())


def recall_at(found: Sequence[Memory], exact: Sequence[Memory]) -> float:
    """Return the share of the exact answer that was found, 1 if that is empty."""
    wanted = {memory.reply_id for memory in exact}
    return len(wanted & {memory.reply_id for memory in found}) / len(wanted) if wanted else 1.0
