"""The memory of a call: there when it is, quick and silent when it is not."""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence

import pytest

from infra.engines.embedding import EmbeddingFailed, Vector
from infra.memory import turns
from infra.memory.turns import NOTHING, Recalled, TurnMemory
from tests.infra.memory.past import Past, WordsCounted
from tests.postgres_server import running_postgres


async def eventually(memory: TurnMemory, user_id: str, question: str) -> Recalled:
    async with asyncio.timeout(10):
        while not (recalled := await memory.recall(user_id, question)).memories:
            memory._rests_until_s = 0
            await asyncio.sleep(0.02)
        return recalled


async def test_it_finds_what_the_same_user_has_said(past: Past) -> None:
    await past.tell("sam", "My name is Sam and I like owls.")
    memory = TurnMemory(past.url, WordsCounted(), most=5)
    await memory.open()
    recalled = await eventually(memory, "sam", "What is my name?")
    assert [found.user_text for found in recalled.memories] == ["My name is Sam and I like owls."]
    assert recalled.ms is not None
    assert (await memory.recall("bob", "What is my name?")).memories == ()
    assert await memory.recall("anonymous", "What is my name?") == NOTHING
    assert await memory.recall("sam\0", "What is my name?") == NOTHING
    await memory.close()


async def test_without_tables_or_a_server_there_is_nothing_and_one_line(
    database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 0.3)
    for url in (database, "postgresql:///none?host=/nowhere"):
        caplog.clear()
        memory = TurnMemory(url, WordsCounted(), most=5)
        await memory.open()
        for _ in range(3):
            assert (await memory.recall("sam", "What is my name?")).memories == ()
            memory._rests_until_s = 0
        assert len([line for line in caplog.records if line.levelno >= logging.WARNING]) == 1
        await memory.close()


async def test_after_a_failure_nothing_is_tried_for_a_while() -> None:
    class Failing:
        name = "failing"

        async def embed(self, texts: Sequence[str]) -> list[Vector]:
            raise EmbeddingFailed("no key")

    memory = TurnMemory("postgresql:///none?host=/nowhere", Failing(), most=5)
    await memory.open()
    assert (await memory.recall("sam", "Who am I?")).memories == ()
    assert await memory.recall("sam", "Who am I?") == NOTHING
    await memory.close()


@pytest.mark.slow
async def test_a_server_that_hangs_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_S", 0.2)
    with running_postgres() as server:
        memory = TurnMemory(server.url, WordsCounted(), most=5)
        await memory.open()
        await memory.recall("sam", "Who am I?")
        memory._rests_until_s = 0
        os.kill(server.pid, signal.SIGSTOP)
        children = [int(pid) for pid in os.popen(f"pgrep -P {server.pid}").read().split()]
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            async with asyncio.timeout(60):  # the server hangs for ever
                assert (await memory.recall("sam", "Who am I?")).memories == ()
                assert await memory.recall("sam", "Who am I?") == NOTHING
                await memory.close()
        finally:
            for pid in (*children, server.pid):
                os.kill(pid, signal.SIGCONT)


async def test_off_means_that_nothing_is_tried() -> None:
    for memory in (TurnMemory("", WordsCounted(), 5), TurnMemory("x", None, 5), TurnMemory("x", WordsCounted(), 0)):
        await memory.open()
        assert await memory.recall("sam", "Who am I?") == NOTHING
        await memory.close()
