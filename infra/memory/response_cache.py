"""Models' answers, cached in NATS KV for a while and returned for the same question in the same context.

Keys begin with a hash of the user id: no user gets another's answers, and one user's can be removed together.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError, KeyNotFoundError, NotFoundError
from nats.js.kv import KeyValue

from contracts.topology import RESPONSE_CACHE
from infra.log.buckets import open_bucket
from infra.log.connection import is_open

log = logging.getLogger(__name__)

TIMEOUT_S = 0.2
"""A turn waits no longer for the cache: the model may be quicker."""
MOST_ANSWER_BYTES = 16_000


def user_key(user_id: str) -> str:
    """Return the common prefix of a user's keys."""
    return hashlib.blake2b(user_id.encode(), digest_size=16).hexdigest()


def answer_key(user_id: str, parts: Sequence[object]) -> str:
    """Return the key of an answer that depends on `parts`: model, options, messages, as JSON values."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return f"{user_key(user_id)}.{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


class ResponseCache:
    """The bucket; with a `ttl_s` of 0 nothing is cached. Nothing here raises: without the cache the model answers."""

    def __init__(self, connected: Callable[[], Client], ttl_s: float) -> None:
        self._connected = connected
        self._ttl_s = ttl_s
        self._bucket: KeyValue | None = None

    @property
    def is_on(self) -> bool:
        """Whether answers are cached."""
        return self._ttl_s > 0

    async def get(self, key: str) -> str:
        """Return the answer for a key, empty if there is none."""
        if not self.is_on:
            return ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                entry = await (await self._kv()).get(key)
            return (entry.value or b"").decode()
        except KeyNotFoundError:
            return ""
        except (NatsError, APIError, TimeoutError, OSError, UnicodeDecodeError) as error:
            self._lost(error)
            return ""

    async def put(self, key: str, answer: str) -> None:
        """Cache an answer."""
        value = answer.encode()
        if not self.is_on or not value or len(value) > MOST_ANSWER_BYTES:
            return
        try:
            async with asyncio.timeout(TIMEOUT_S * 5):
                await (await self._kv()).put(key, value)
        except (NatsError, APIError, TimeoutError, OSError) as error:
            self._lost(error)

    async def _kv(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await _made(self._connected(), self._ttl_s)
        return self._bucket

    def _lost(self, error: Exception) -> None:
        """Create the bucket again next time: it is in the server's memory, and lost when the server restarts."""
        log.debug("response cache: %r", error)
        self._bucket = None


async def _made(nc: Client, ttl_s: float) -> KeyValue:
    """Return the bucket, with this time to live if we may set it; else it is `provision`'s. Raises nats errors."""
    js = nc.jetstream()
    bucket = await open_bucket(js, RESPONSE_CACHE, ttl_s)
    config_now = (await js.stream_info(RESPONSE_CACHE.stream)).config
    if config_now.max_age != ttl_s and is_open(nc):
        await js.update_stream(config_now.evolve(max_age=ttl_s, duplicate_window=min(ttl_s, 120)))
    return bucket


async def forget_user(nc: Client, user_id: str) -> int:
    """Remove all answers given to a user and return how many. Raises nats errors."""
    subject = RESPONSE_CACHE.address.of(user_key(user_id), "*")
    js = nc.jetstream()
    try:
        info: Any = await js.stream_info(RESPONSE_CACHE.stream, subjects_filter=subject)
        await js.purge_stream(RESPONSE_CACHE.stream, subject=subject)
    except NotFoundError:
        return 0
    return sum((info.state.subjects or {}).values())
