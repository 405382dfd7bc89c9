"""How fast past exchanges are found among very many, and with what recall.

The benchmark runs its own Postgres. The turns are sentences of common words, with the local engine's vectors.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from contracts.tables import ALL_CONVERSATIONS, CONVERSATIONS
from contracts.tables import TurnColumn as C
from infra.bench.own_postgres import own_postgres
from infra.bench.statistics import percentile
from infra.engines.embedding import LOCAL_DIMS, WORDLLAMA, LocalEmbedder, exchange_text
from infra.memory.search import LATEST, SESSION_SETTINGS, has_more, nearest, recall_at
from infra.memory.turns import TurnMemory
from projections.positions import Positions
from projections.postgres.schema import connect, prepare
from projections.postgres.tables import MEMORY_INDEX, Space, make_index

TOP = 5
WARM_UP = 10
BATCH = 2000
TURNS_OF_A_USER, TURNS_OF_A_REGULAR = 250, 2000
"""Nine turns of ten belong to users with this many turns, the tenth to regulars."""
TURNS_OF_THE_HEAVIEST = 8000
"""One user has more turns than are compared one by one."""

Report = Callable[[str], None]

_NAMED = """
    apple garden river music window train winter summer coffee bread doctor teacher sister brother mother father
    dog cat owl horse bird city village street house kitchen table chair book letter story song guitar piano
    football swimming running cooking painting dancing travel holiday beach mountain forest island bridge school
    office meeting project money market shop ticket flight hotel airport car bicycle bus boat weather rain snow
    storm sun moon star night morning evening breakfast dinner soup pizza cake cheese egg milk tea water wine
    phone computer game film picture colour red blue green yellow black white small large quiet happy tired
    angry sad funny strange famous cheap expensive early late healthy sick broken new old young strong kind
    brave
"""
_WORDS = _NAMED.split()
_SAID = (
    "My {} likes the {} and the {}.",
    "What is the {} of the {}?",
    "I went to the {} with my {} and we saw a {} {}.",
    "Can you tell me about the {} {}?",
    "I think the {} is better than the {} for a {}.",
    "How do I get a {} for my {}?",
    "Yesterday the {} was {}, so I bought a {}.",
)
_ANSWERED = ("That sounds {}.", "The {} is a kind of {}.", "I do not know much about the {}.", "Try the {} or the {}.")


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """Times of a whole retrieval (embedding, query, choice), and the share of the exact answer that was found."""

    turns: int
    users: int
    index_s: float
    queries: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    recall: float
    heaviest_turns: int
    heaviest_p50_ms: float
    heaviest_p95_ms: float
    heaviest_recall: float


async def measure_memory(turns: int, queries: int, folder: Path, index: bool, report: Report) -> MemoryFigures:
    """Measure among so many turns in an empty `folder`; with `index`, use the HNSW index besides the user's."""
    async with own_postgres(folder) as url:
        await _make_tables(url)
        report(f"writing {turns} turns")
        users = await _fill(url, turns)
        report("building the indexes")
        began_s = time.perf_counter()
        await _make_indexes(url, index)
        index_s = round(time.perf_counter() - began_s, 1)
        await _vacuum(url)
        report("searching past turns")
        asked = random.Random(2)
        many = [users[asked.randrange(len(users))] for _ in range(queries)]
        times, recall = await _ask(url, many, seed=3)
        heavy_times, heavy_recall = await _ask(url, [_HEAVIEST] * max(1, queries // 4), seed=4)
    return MemoryFigures(
        turns=turns,
        users=len(set(users)),
        index_s=index_s,
        queries=queries,
        p50_ms=round(percentile(times, 0.5), 2),
        p95_ms=round(percentile(times, 0.95), 2),
        max_ms=round(max(times), 2),
        recall=round(recall, 4),
        heaviest_turns=users.count(_HEAVIEST),
        heaviest_p50_ms=round(percentile(heavy_times, 0.5), 2),
        heaviest_p95_ms=round(percentile(heavy_times, 0.95), 2),
        heaviest_recall=round(heavy_recall, 4),
    )


async def _make_tables(url: str) -> None:
    async with await connect(url) as connection:
        await prepare(connection, url)
        await connection.execute(
            f"ALTER TABLE {CONVERSATIONS} ALTER COLUMN embedding TYPE vector({LOCAL_DIMS})".encode()
        )


async def _make_indexes(url: str, index: bool) -> None:
    async with await connect(url) as connection:
        if index:
            await make_index(connection, Space(LOCAL_DIMS, WORDLLAMA, Positions.start(1)))
        else:
            await connection.execute("SET statement_timeout TO 0")
            await connection.execute(f"CREATE INDEX {MEMORY_INDEX}".encode())


_HEAVIEST = "heaviest"


def whose(turns: int) -> Iterator[str]:
    """Yield the user of each turn: the turns of all users are mixed, as the log mixes them."""
    drawn = random.Random(1)
    for _ in range(turns):
        if drawn.random() * turns < min(TURNS_OF_THE_HEAVIEST, turns // 10):
            yield _HEAVIEST
        elif drawn.random() < 0.1:
            yield f"regular-{drawn.randrange(max(1, turns // 10 // TURNS_OF_A_REGULAR))}"
        else:
            yield f"user-{drawn.randrange(max(1, turns // TURNS_OF_A_USER))}"


def sentence(drawn: random.Random, patterns: tuple[str, ...]) -> str:
    """Return a sentence of common words."""
    return re.sub(r"\{\}", lambda _: drawn.choice(_WORDS), drawn.choice(patterns))


_COLUMNS = (
    *(
        C.REPLY_ID,
        C.SESSION_ID,
        C.USER_ID,
        C.TURN_ENDED_AT,
        C.RECORDED_AT,
        C.USER_TEXT,
    ),
    *(
        C.WRITTEN_TEXT,
        C.HEARD_TEXT,
        C.INTERRUPTED,
        C.EMBEDDING,
        C.EMBEDDING_MODEL,
        C.SEQUENCE,
    ),
)


_NUMBERS = [f"{number / 1e4:.4g}" for number in range(-10_000, 10_001)]
"""With four digits and formatted once, a million vectors are written in minutes, not in a quarter of an hour."""


async def _fill(url: str, turns: int) -> list[str]:
    """Write the turns; return the user of each."""
    embedder, drawn, users = LocalEmbedder(), random.Random(5), list(whose(turns))
    began = datetime(2026, 1, 1, tzinfo=UTC)
    statement = f"COPY {ALL_CONVERSATIONS} ({', '.join(_COLUMNS)}) FROM STDIN".encode()
    async with await _connected(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, turns, BATCH):
            count = min(BATCH, turns - start)
            pairs = [(sentence(drawn, _SAID), sentence(drawn, _ANSWERED)) for _ in range(count)]
            vectors = await embedder.embed([exchange_text(*pair) for pair in pairs])
            for n, ((said, answered), vector) in enumerate(zip(pairs, vectors, strict=True), start):
                text = f"[{','.join(f'{number:.7g}' for number in vector.tolist())}]"
                at = began + timedelta(seconds=n)
                row = (f"r{n}", f"s{n // 10}", users[n], at, at, said, answered, answered, False, text)
                await copy.write_row((*row, embedder.name, n + 1))
    return users


async def _vacuum(url: str) -> None:
    async with await _connected(url) as connection:
        await connection.execute("SET statement_timeout TO 0")
        await connection.execute(f"VACUUM (ANALYZE) {ALL_CONVERSATIONS}".encode())


async def _ask(url: str, users: list[str], seed: int) -> tuple[list[float], float]:
    """Search once for each user; return the times in ms and the mean recall."""
    embedder, drawn = LocalEmbedder(), random.Random(seed)
    memory = TurnMemory(url, embedder, TOP)
    await memory.open()
    times, shares = [], []
    try:
        async with await _connected(url) as connection:
            for number, user in enumerate([*users[:WARM_UP], *users]):
                question = sentence(drawn, _SAID)
                recalled = await memory.recall(user, question)
                if number >= WARM_UP and recalled.ms is not None:
                    times.append(recalled.ms)
                    shares.append(await _share(connection, embedder, user, question))
    finally:
        await memory.close()
    return times or [0.0], sum(shares) / max(1, len(shares))


async def _share(connection: AsyncConnection[Any], embedder: LocalEmbedder, user: str, question: str) -> float:
    (vector,) = await embedder.embed([question])
    latest = LATEST if await has_more(connection, user) else None
    found = await nearest(connection, user, embedder.name, vector, TOP, latest=latest)
    exact = await nearest(connection, user, embedder.name, vector, TOP)
    return recall_at(found, exact)


async def _connected(url: str) -> AsyncConnection[Any]:
    options = " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())
    return await AsyncConnection.connect(url, autocommit=True, connect_timeout=5, options=options)
