"""Stores messages at the sequences that they had, one after the other, in a stream to which nobody else writes."""

import asyncio
import json
import time
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError

from infra.backup.chunk import SavedMessage
from infra.cannot_run import CannotRun
from infra.log.stream_reader import STORED_HEADER

AT_ONCE = 500
"""Messages that are on their way at a time."""

BATCH_BYTES = 4_000_000
TIMEOUT_S = 30.0
"""How long NATS may acknowledge nothing."""

FORGOTTEN_S = 2.0
"""NATS forgets an id after the stream's window, and looks for old ones every so often."""

AGAIN_S = 0.1
TRIES = 100


class StoredElsewhere(CannotRun):
    """A message got another sequence than its own: somebody else writes to this stream."""


class NotStored(CannotRun):
    """NATS does not take a message; this says why, and what to do."""


class Storing:
    """`store` messages in order. Those at or below `last`, the stream's last sequence, are there already."""

    def __init__(self, nc: Client, stream: str, gap: str, last: int) -> None:
        self._nc = nc
        self._stream = stream
        self._gap = gap
        self._last = last
        self._sent_s: dict[str, float] = {}
        """When ids were last sent: one that comes again must not be taken for a duplicate."""

    async def store(self, messages: Sequence[SavedMessage]) -> None:
        """Store messages, and fill the gaps before them. Raises StoredElsewhere, NotStored, nats errors."""
        waiting: list[SavedMessage] = []
        for message in messages:
            if message.sequence <= self._last:
                continue
            is_next = message.sequence == self._last + len(waiting) + 1
            if not is_next or self._is_recent(message):
                await self._send(waiting)
                waiting = []
                await self.fill(message.sequence - 1)
            if self._is_recent(message):
                await self._send_alone(message)
            else:
                self._note(message)
                waiting.append(message)
        await self._send(waiting)

    async def fill(self, until: int) -> None:
        """Have the stream's next sequence be the one after `until`. Raises as `store` does."""
        while self._last < until:
            fillers = [
                SavedMessage(sequence, "", self._gap, {}, b"")
                for sequence in range(self._last + 1, min(until, self._last + AT_ONCE) + 1)
            ]
            await self._send(fillers)

    async def forgotten(self) -> None:
        """Return when NATS has forgotten all ids that were stored."""
        if self._sent_s:
            await asyncio.sleep(max(0.0, max(self._sent_s.values()) + FORGOTTEN_S - time.monotonic()))
            self._sent_s.clear()

    def _is_recent(self, message: SavedMessage) -> bool:
        sent_s = self._sent_s.get(message.headers.get("Nats-Msg-Id", ""))
        return sent_s is not None and time.monotonic() - sent_s < FORGOTTEN_S

    def _note(self, message: SavedMessage) -> None:
        if message_id := message.headers.get("Nats-Msg-Id"):
            self._sent_s[message_id] = time.monotonic()
        if len(self._sent_s) > 100_000:
            now_s = time.monotonic()
            self._sent_s = {one: sent_s for one, sent_s in self._sent_s.items() if now_s - sent_s < FORGOTTEN_S}

    async def _send_alone(self, message: SavedMessage) -> None:
        """Store a message whose id was stored a moment ago, as soon as NATS has forgotten that one."""
        for _ in range(TRIES):
            [(sequence, is_duplicate)] = await self._answers([message])
            if not is_duplicate:
                self._check(sequence, message)
                self._last = sequence
                self._note(message)
                return
            await asyncio.sleep(AGAIN_S)
        raise StoredElsewhere(f"message {message.sequence} of {self._stream} is taken for a duplicate again and again")

    async def _send(self, messages: Sequence[SavedMessage]) -> None:
        if not messages:
            return
        for message, (sequence, _) in zip(messages, await self._answers(messages), strict=True):
            self._check(sequence, message)
        self._last = messages[-1].sequence

    def _check(self, sequence: int, message: SavedMessage) -> None:
        if sequence != message.sequence:
            raise StoredElsewhere(
                f"message {message.sequence} of {self._stream} was stored as {sequence}: somebody else writes to this "
                "NATS. Stop what runs on it, and restore again"
            )

    async def _answers(self, messages: Sequence[SavedMessage]) -> list[tuple[int, bool]]:
        """Publish messages, and return where each was stored, and whether it was taken for a duplicate."""
        answers: dict[str, tuple[int, bool]] = {}
        news = asyncio.Event()
        problems: list[str] = []

        async def take(answer: Msg) -> None:
            said = json.loads(answer.data)
            if "error" in said:
                problems.append(str(said["error"].get("description", said["error"])))
            answers[answer.subject] = int(said.get("seq", 0)), bool(said.get("duplicate"))
            news.set()

        inbox = self._nc.new_inbox()
        every_answer = f"{inbox}.*"
        subscription = await self._nc.subscribe(every_answer, cb=take)
        try:
            for at, message in enumerate(messages):
                headers = {**message.headers, STORED_HEADER: message.stored} if message.stored else None
                await self._nc.publish(message.subject, message.data, reply=f"{inbox}.{at}", headers=headers)
            # On a slow disk all together may take longer.
            while len(answers) < len(messages):
                news.clear()
                async with asyncio.timeout(TIMEOUT_S):
                    await news.wait()
        except TimeoutError as error:
            raise NatsTimeoutError from error
        finally:
            await subscription.unsubscribe()
        if problems:
            raise NotStored(
                f"NATS does not take what stream {self._stream} had ({problems[0]}): put that right, then restore "
                "again: it goes on"
            )
        return [answers[f"{inbox}.{at}"] for at in range(len(messages))]
