"""Answers kept for a while."""

import asyncio

from faststream.nats import NatsBroker

from contracts.topology import (
    RESPONSE_CACHE,
)
from infra.log.connection import connection
from infra.memory.response_cache import ResponseCache, answer_key, forget_user
from tests.servers import NatsServer

KEY = answer_key("sam", ["local", ["system", "Be kind."]])


def cache(broker: NatsBroker, ttl_s: float = 60) -> ResponseCache:
    return ResponseCache(lambda: connection(broker), ttl_s)


async def test_an_answer_is_given_again_and_to_nobody_else(broker: NatsBroker) -> None:
    await cache(broker).put(KEY, "Good day.")
    assert await cache(broker).get(KEY) == "Good day."
    assert await cache(broker).get(answer_key("eve", ["local", ["system", "Be kind."]])) == ""
    assert await cache(broker).get(answer_key("sam", ["other", ["system", "Be kind."]])) == ""


async def test_it_is_off_without_a_time_to_live(broker: NatsBroker) -> None:
    await cache(broker).put(KEY, "Good day.")
    assert await cache(broker, 0).get(KEY) == ""


async def test_answers_expire_and_a_new_time_to_live_is_taken(broker: NatsBroker) -> None:
    await cache(broker, 60).put(KEY, "Good day.")
    short = cache(broker, 0.2)
    await short.put(answer_key("sam", ["x"]), "Hello.")
    info = await connection(broker).jetstream().stream_info(f"KV_{RESPONSE_CACHE.name}")
    assert info.config.max_age == 0.2
    async with asyncio.timeout(10):
        while await short.get(KEY):  # noqa: ASYNC110 (the server drops it)
            await asyncio.sleep(0.05)


async def test_a_user_is_forgotten_and_the_others_are_not(broker: NatsBroker) -> None:
    assert await forget_user(connection(broker), "sam") == 0
    kept, other = cache(broker), answer_key("eve", ["x"])
    await kept.put(KEY, "Good day.")
    await kept.put(other, "Hello.")
    assert await forget_user(connection(broker), "sam") == 1
    assert (await kept.get(KEY), await kept.get(other)) == ("", "Hello.")


async def test_it_comes_back_empty_after_the_server_has_restarted(broker: NatsBroker, nats_server: NatsServer) -> None:
    kept = cache(broker)
    await kept.put(KEY, "Good day.")
    await nats_server.stop()
    assert await kept.get(KEY) == ""
    await nats_server.start()
    async with asyncio.timeout(10):
        while not await kept.get(KEY):
            await kept.put(KEY, "Good day.")
            await asyncio.sleep(0.02)
