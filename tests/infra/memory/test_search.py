"""What is found among past turns, and what of it is told."""

from datetime import UTC, datetime
from typing import Any, cast

from psycopg import AsyncConnection, AsyncCursor

from infra.engines.embedding import unit_vectors
from infra.memory.search import Memory, chosen, has_more, nearest, recall_at
from projections.positions import Positions
from projections.postgres.tables import Space, make_index
from tests.infra.memory.past import Past, WordsCounted
from tests.waiting import until_async


def memory(reply_id: str, user_text: str, similarity: float, day: int = 1) -> Memory:
    return Memory(reply_id, "s", user_text, "I see.", datetime(2026, 1, day, tzinfo=UTC), similarity)


class Explaining:
    """A connection that notes the plan of what it executes."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.plans: list[str] = []
        self._connection = connection

    async def execute(self, query: bytes, values: dict[str, Any]) -> AsyncCursor[Any]:
        plan = await (await self._connection.execute(b"EXPLAIN " + query, values)).fetchall()
        self.plans.append("\n".join(line for (line,) in plan))
        return await self._connection.execute(query, values)


async def all_visible(past: Past) -> None:
    """Vacuum until an index alone can tell: whoever reads meanwhile (autovacuum's own ANALYZE does) holds that off."""
    await past.connection.execute("ALTER TABLE agents.conversations SET (autovacuum_enabled = off)")
    visible = (
        "SELECT relpages > 0 AND relallvisible = relpages FROM pg_class WHERE oid = 'agents.conversations'::regclass"
    )

    async def vacuumed() -> bool:
        await past.connection.execute("VACUUM ANALYZE agents.conversations")
        return await (await past.connection.execute(visible)).fetchone() == (True,)

    await until_async(vacuumed)


async def found(past: Past, user_id: str, question: str, most: int = 5, **options: object) -> list[str]:
    (vector,) = await WordsCounted().embed([question])
    options = {"model": "words", **options}
    memories = await nearest(past.connection, user_id, vector=vector, most=most, **options)  # type: ignore[arg-type]
    return [memory.user_text for memory in memories]


async def test_the_nearest_of_the_same_user_come_first(past: Past) -> None:
    await past.tell("sam", "I have a dog.")
    await past.tell("sam", "My name is Sam and I like owls.")
    await past.tell("eve", "My name is Eve.")
    assert await found(past, "sam", "What is my name?") == ["My name is Sam and I like owls.", "I have a dog."]
    assert await found(past, "nobody", "What is my name?") == []


async def test_what_the_model_is_given_anyway_is_left_out(past: Past) -> None:
    known = await past.tell("sam", "My name is Sam.")
    await past.tell("sam", "I like owls.")
    assert await found(past, "sam", "name", without=[known]) == ["I like owls."]


async def test_vectors_of_another_model_are_not_compared(past: Past) -> None:
    await past.tell("sam", "My name is Sam.", embedding="[1, 2]", embedding_model="older")
    await past.tell("sam", "I like owls.", embedding=None)
    await past.tell("sam", "My dog is old.")
    assert await found(past, "sam", "name") == ["My dog is old."]


async def test_more_turns_than_are_compared_are_found_by_the_index(past: Past) -> None:
    width = 7
    await past.connection.execute(f"ALTER TABLE agents.conversations ALTER COLUMN embedding TYPE vector({width})")
    await past.connection.execute("CREATE INDEX ON agents.conversations USING hnsw (embedding vector_cosine_ops)")
    oldest = "My name is Sam."
    await past.tell("sam", oldest)
    await past.tell_many("sam", 60)
    assert await has_more(past.connection, "sam", latest=50)
    assert not await has_more(past.connection, "sam", latest=61)
    assert await found(past, "sam", "name", most=1, latest=50) == [oldest]
    assert await found(past, "sam", "name", most=1) == [oldest]


async def test_the_vectors_of_a_user_are_read_from_their_index_alone(past: Past) -> None:
    await past.connection.execute("ALTER TABLE agents.conversations ALTER COLUMN embedding TYPE vector(256)")
    for user_id in ("sam", "eve", "sam"):
        await past.tell_many(user_id, 100, dimensions=256)
    await make_index(past.connection, Space(256, WordsCounted.name, Positions.start(1)))
    await all_visible(past)
    for other in ("seqscan", "bitmapscan"):  # quicker in a table as small as this
        await past.connection.execute(f"SET enable_{other} TO off".encode())
    explaining, (vector,) = Explaining(past.connection), unit_vectors([[1.0] * 256])
    connection = cast(AsyncConnection[Any], explaining)
    assert len(await nearest(connection, "sam", WordsCounted.name, vector, 5)) == 5
    assert "Index Only Scan" in explaining.plans[0]
    assert "conversations_memory" in explaining.plans[0]


def test_the_question_asked_before_is_not_told_and_told_things_come_before_asked_ones() -> None:
    memories = [
        memory("a", "What is my name?", 0.9),
        memory("b", "Do you know my name?", 0.6),
        memory("c", "My name is Sam.", 0.5),
        memory("d", "My name is Sam!", 0.4),
        memory("e", "I like tea.", 0.01),
    ]
    assert [kept.reply_id for kept in chosen(memories, "what is my name", 1)] == ["c"]
    assert [kept.reply_id for kept in chosen(memories, "what is my name", 5)] == ["b", "c"]


def test_what_is_chosen_is_given_in_the_order_in_which_it_was_said() -> None:
    memories = [memory("late", "I moved to Rome.", 0.9, day=9), memory("early", "I live in Berlin.", 0.5, day=2)]
    assert [kept.reply_id for kept in chosen(memories, "Where do I live?", 5)] == ["early", "late"]


def test_recall_is_the_share_that_was_found() -> None:
    exact = [memory("a", "", 1), memory("b", "", 1)]
    assert recall_at([exact[0]], exact) == 0.5
    assert recall_at([], []) == 1
