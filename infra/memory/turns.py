"""Finds a user's past exchanges for a question; none while Postgres is down, without an effect on calls."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from psycopg import Error as PostgresError
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from infra.engines.embedding import Embedder, EmbeddingFailed, embedder_of
from infra.memory.search import CANDIDATES, LATEST, SESSION_SETTINGS, Memory, chosen, has_more, nearest
from infra.postgres_url import running_url
from infra.settings import Settings

log = logging.getLogger(__name__)

NOBODY = ("", "anonymous")
"""User ids for unnamed users, who are not one and the same person."""
LONGEST_S = 1.0
"""A search ends within this time. Its caller may wait for less."""
REST_S = 3.0
"""After a failure nothing is tried for this long, so that a server that is down or hangs does not delay calls."""
LOG_EVERY_S = 60.0
MOST_AT_ONCE = 16
"""Searches that may run at once, including those that nobody waits for any more."""
FIRST_USE_TIMEOUT_S = 10.0
"""The engine is loaded and connections are opened outside of calls, within this time."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """The result of a search: empty without a user, a table or a match. `ms` is its duration, None if untried."""

    memories: tuple[Memory, ...] = ()
    ms: float | None = None


NOTHING = Recalled()


class TurnMemory:
    """Finds past exchanges. `open` it first; `recall` never raises and ends within LONGEST_S."""

    def __init__(self, url: str, embedder: Embedder | None, most: int) -> None:
        self._url = url
        self._embedder = embedder
        self._most = most
        self._pool: AsyncConnectionPool | None = None
        self._searches: set[asyncio.Task[tuple[Memory, ...]]] = set()
        self._rests_until_s = self._logged_s = float("-inf")

    async def open(self) -> None:
        """Start to connect and to load the engine, without waiting for either."""
        if not self._url or self._embedder is None:
            return
        settings = {**SESSION_SETTINGS, "statement_timeout": str(int(LONGEST_S * 1000))}
        self._pool = AsyncConnectionPool(
            self._url,
            kwargs={
                "autocommit": True,
                "connect_timeout": 2,
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
                "application_name": "daredevil-memory",
            },
            min_size=1,
            max_size=4,
            check=AsyncConnectionPool.check_connection,
            reconnect_timeout=1e9,
            open=False,
        )
        # It logs every attempt to connect; here it is logged now and then that memory is unavailable.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        await self._pool.open(wait=False)
        self._own(self._load())

    async def close(self) -> None:
        """Cancel what runs and disconnect."""
        for search in list(self._searches):
            search.cancel()
        if self._searches:
            await asyncio.wait(self._searches, timeout=1)
        if self._pool is not None:
            await self._pool.close(timeout=1)
            self._pool = None

    async def recall(
        self, user_id: str, question: str, without: Collection[str] = (), most: int | None = None
    ) -> Recalled:
        """Return the earlier exchanges of this user and the agent that are most like `question`.

        `without` are ids of replies that the model gets anyway; `most` is how many are wanted, if not as many as usual.
        """
        begun_s = time.monotonic()
        most = self._most if most is None else most
        if self._pool is None or not most or user_id in NOBODY or "\0" in user_id or not question.strip():
            return NOTHING
        if begun_s < self._rests_until_s or len(self._searches) >= MOST_AT_ONCE:
            return NOTHING
        search = self._own(self._search(user_id, question, frozenset(without), most))
        # Not cancelled when it takes too long: psycopg would wait for a server that may hang.
        done, _ = await asyncio.wait([search], timeout=LONGEST_S)
        ms = (time.monotonic() - begun_s) * 1000
        if not done:
            self._rest(f"no answer within {LONGEST_S:g} s")
            return Recalled((), ms)
        if search.cancelled() or search.exception() is not None:
            return Recalled((), ms)
        return Recalled(search.result(), ms)

    async def _search(self, user_id: str, question: str, without: frozenset[str], most: int) -> tuple[Memory, ...]:
        assert self._pool is not None
        assert self._embedder is not None
        (vector,) = await self._embedder.embed([question])
        if not vector.any():
            return ()
        async with self._pool.connection(timeout=LONGEST_S) as connection:
            latest = LATEST if await has_more(connection, user_id) else None
            found = await nearest(connection, user_id, self._embedder.name, vector, most * CANDIDATES, without, latest)
        return chosen(found, question, most)

    async def _load(self) -> tuple[Memory, ...]:
        assert self._embedder is not None
        async with asyncio.timeout(FIRST_USE_TIMEOUT_S):
            await self._embedder.embed(["Hello."])
        # The first search on a connection takes many times as long. The tables may not exist yet.
        with contextlib.suppress(PostgresError, PoolTimeout):
            await self._search("", "Hello.", frozenset(), max(1, self._most))
        return ()

    def _own(self, work: Coroutine[Any, Any, tuple[Memory, ...]]) -> "asyncio.Task[tuple[Memory, ...]]":
        task = asyncio.create_task(work)
        self._searches.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, search: "asyncio.Task[tuple[Memory, ...]]") -> None:
        self._searches.discard(search)
        if search.cancelled() or (error := search.exception()) is None:
            return
        expected = (PostgresError, PoolTimeout, PoolClosed, EmbeddingFailed, TimeoutError, OSError)
        if not isinstance(error, expected):
            log.error("looking for past turns", exc_info=error)
        # An embedding's error may repeat the text.
        why = "" if isinstance(error, EmbeddingFailed) else f": {' '.join(str(error).split())[:300]}"
        self._rest(f"{type(error).__name__}{why}")

    def _rest(self, reason: str) -> None:
        now_s = time.monotonic()
        self._rests_until_s = now_s + REST_S
        if now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            log.warning("no past turns are recalled for now: %s", reason)


def turn_memory(settings: Settings) -> TurnMemory:
    """Return the memory for these settings."""
    return TurnMemory(running_url(settings), embedder_of(settings), settings.memory_turns)
