"""Writing past turns as the projection does, and an embedder whose vectors a test can read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from psycopg import AsyncConnection

from infra.engines.embedding import Vector, unit_vectors

WORDS = ("name", "owls", "egg", "house", "job", "dog")


class WordsCounted:
    """Each of six words is a dimension; the last is every text's."""

    name = "words"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return unit_vectors([[*(float(word in text.lower()) for word in WORDS), 0.2] for text in texts])


class Past:
    def __init__(self, connection: AsyncConnection[Any], url: str) -> None:
        self.connection = connection
        self.url = url
        self._count = 0

    async def tell(self, user_id: str, user_text: str, heard_text: str = "I see.", **fields: Any) -> str:
        """Write one past turn; return its reply id."""
        (vector,) = await WordsCounted().embed([f"{user_text}\n{heard_text}"])
        self._count += 1
        row = {
            "reply_id": f"r{self._count}",
            "session_id": "earlier",
            "user_id": user_id,
            "user_text": user_text,
            "heard_text": heard_text,
            "embedding": str(vector.tolist()),
            "embedding_model": WordsCounted.name,
            "n": self._count,
            **fields,
        }
        await self.connection.execute(
            """INSERT INTO agents.conversations (reply_id, session_id, user_id, recorded_at, user_text, written_text,
            heard_text, interrupted, embedding, embedding_model, sequence) VALUES (%(reply_id)s, %(session_id)s,
            %(user_id)s, now() + %(n)s * interval '1 s', %(user_text)s, %(heard_text)s, %(heard_text)s, false,
            %(embedding)s, %(embedding_model)s, %(n)s)""",
            row,
        )
        return str(row["reply_id"])

    async def tell_many(self, user_id: str, count: int, dimensions: int = len(WORDS) + 1) -> None:
        """Write many turns about nothing in particular."""
        vectors = unit_vectors(np.random.default_rng(1).standard_normal((count, dimensions)))
        for number, vector in enumerate(vectors):
            await self.tell(user_id, f"number {number} of {user_id}", embedding=str(vector.tolist()))
