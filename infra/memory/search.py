"""The past exchanges of one user that are most like a text: the SQL, and which of what it finds are worth telling.

Measured with 256 dimensions: the vectors of one user's 2,000 turns are compared one by one in 4 ms and none is missed,
while the HNSW index, which knows no users, takes tens of milliseconds to come across those of a user who has 2 % of
them, and misses some. So what a user said lately is always compared one by one; the index is asked besides for the
older turns of those few who have more.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from contracts.tables import ALL_CONVERSATIONS
from infra.engines.embedding import Vector

LATEST = 4000
"""So many turns of a user are compared one by one."""
LEAST_SIMILARITY = 0.05
"""Cosine similarity below which an exchange has nothing to do with the question."""
QUESTION_MALUS = 0.2
"""A question that was asked before resembles the next one most, and tells least about who asked."""
CANDIDATES = 4
"""So many times more are fetched than are told, so that there is a choice."""
SESSION_SETTINGS = {
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.ef_search": "100",
    "hnsw.max_scan_tuples": "4000",
    # A plan made for this user's share of the table, not for the average user's.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Memory:
    """A past exchange, `similarity` to what was asked from -1 to 1."""

    reply_id: str
    session_id: str
    user_text: str
    heard_text: str
    at: datetime | None
    similarity: float


# Adding 0 keeps the planner from the HNSW index; the condition on the model's name is that of the user's index, which
# holds the vectors beside each other. What is to be left out is among the nearest, so that many more are taken first.
_NEAREST_SQL = """
    WITH nearest AS (
        SELECT sequence, (embedding <=> %(vector)s::vector) + 0 AS distance FROM {turns}
        WHERE user_id = %(user)s AND embedding_model = %(model)s AND {indexed}
        ORDER BY distance LIMIT %(more)s
    )
    SELECT reply_id, session_id, user_text, heard_text, coalesce(turn_ended_at, recorded_at), 1 - distance
    FROM nearest JOIN {conversations} USING (sequence)
    WHERE reply_id <> ALL(%(without)s::text[]) ORDER BY distance LIMIT %(most)s
"""
_INDEXED = "embedding IS NOT NULL AND octet_length(embedding_model) <= 200"
_ALL_SQL = _NEAREST_SQL.format(turns=ALL_CONVERSATIONS, conversations=ALL_CONVERSATIONS, indexed=_INDEXED)
_LATEST_SQL = _NEAREST_SQL.format(
    turns=f"""(
            SELECT sequence, user_id, embedding, embedding_model FROM {ALL_CONVERSATIONS}
            WHERE user_id = %(user)s AND {_INDEXED} ORDER BY recorded_at DESC LIMIT %(latest)s
        ) AS latest""",
    conversations=ALL_CONVERSATIONS,
    indexed="TRUE",
)
_INDEX_SQL = f"""
    SELECT reply_id, session_id, user_text, heard_text, coalesce(turn_ended_at, recorded_at),
        1 - (embedding <=> %(vector)s::vector)
    FROM {ALL_CONVERSATIONS}
    WHERE user_id = %(user)s AND embedding_model = %(model)s AND reply_id <> ALL(%(without)s::text[])
    ORDER BY embedding <=> %(vector)s::vector LIMIT %(most)s
"""
_MORE_SQL = f"""
    SELECT 1 FROM {ALL_CONVERSATIONS} WHERE user_id = %(user)s ORDER BY recorded_at DESC OFFSET %(latest)s LIMIT 1
"""


async def has_more(connection: AsyncConnection[Any], user_id: str, latest: int = LATEST) -> bool:
    """Tell whether a user has more turns than are compared one by one. Raises psycopg.Error."""
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

    Vectors of other models than `model` cannot be compared and are left out, as is what is named in `without`. With
    `latest` only so many are compared one by one, and the index is asked for the others: for a user who `has_more`.
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
    """Return what is worth telling, at most `most`, the oldest first.

    Not the question itself, asked before, nor the same words twice; a question less than what was told.
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
    """Return which share of the exact answer was found, 1 if there is none."""
    wanted = {memory.reply_id for memory in exact}
    return len(wanted & {memory.reply_id for memory in found}) / len(wanted) if wanted else 1.0
