"""The tape of a running system: deliveries are collected for each session, and published in chunks.

Nothing here waits for NATS or fails because of it. What cannot be written is left out, and the number that is
missing among the chunks says so.
"""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from contracts.journal import ChunkWriter
from infra.tape.deliveries import ANSWER, ASKED, END, FAILED, PART, digest_of
from infra.tape.tape import AS_IT_IS, SESSIONS, Packing, Plain, Tape

log = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK_S = 2.0
"""A chunk is written when its first delivery is this old."""

CHUNK_BYTES = 16_000
"""… or when it has this size before it is compressed."""

LOOK_S = 0.25
"""How long the writer waits at most before it looks whether a chunk is due, or NATS is there again."""

WAITING_BYTES = 4_000_000
"""How much waits at most while NATS is away, some minutes of 50 calls; then the oldest chunks go."""

Publish = Callable[[str, bytes], Awaitable[bool]]
"""Publishes a session's chunk without waiting for an answer; returns whether NATS could be reached."""


def new_instance(actor: str) -> str:
    """Return a name for a copy of an actor, as `reasoning-3f9c`."""
    return f"{actor}-{secrets.token_hex(2)}"


class LiveTapes:
    """The tapes of one copy of an actor. `write` publishes them for as long as it runs.

    `time_ns` returns the time of facts, `elapsed_ns` ns that never go back.
    """

    def __init__(
        self,
        actor: str,
        instance: str,
        build: str,
        publish: Publish,
        time_ns: Callable[[], int],
        elapsed_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.actor = actor
        self.instance = instance
        self.build = build
        self.time_ns = time_ns
        self.written = 0
        """How many chunks were published."""
        self.dropped = 0
        """How many chunks could not be written."""
        self._publish = publish
        self._elapsed_ns = elapsed_ns
        self._tapes: OrderedDict[str, LiveTape] = OrderedDict()
        self._open: dict[str, LiveTape] = {}
        self._chunks: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._is_due = asyncio.Event()

    def of(self, session_id: str) -> Tape:
        """Return the session's tape."""
        tape = self._tapes.get(session_id)
        if tape is None:
            self._forget_oldest()
            tape = self._tapes[session_id] = LiveTape(session_id, self)
        else:
            self._tapes.move_to_end(session_id)
        return tape

    async def write(self) -> None:
        """Publish chunks as they become due, until the task is cancelled; then `finish` writes the rest."""
        while True:
            for tape in list(self._open.values()):
                tape.cut_if_due(self._elapsed_ns())
            await self._send()
            self._is_due.clear()
            try:
                async with asyncio.timeout(min(LOOK_S, self._until_due_s())):
                    await self._is_due.wait()
            except TimeoutError:
                pass

    async def finish(self) -> None:
        """Publish what is left: the process ends."""
        for tape in list(self._open.values()):
            tape.cut()
        await self._send()

    # -- for the tapes

    def opened(self, tape: "LiveTape") -> int:
        """Remember a tape with deliveries that are not written yet; return when that was, by `elapsed_ns`."""
        self._open[tape.session_id] = tape
        return self._elapsed_ns()

    def put(self, session_id: str, chunk: bytes) -> None:
        """Have a chunk published; drop the oldest if too much waits."""
        self._open.pop(session_id, None)
        self._chunks.append((session_id, chunk))
        self._waiting_bytes += len(chunk)
        while self._waiting_bytes > WAITING_BYTES:
            _, oldest = self._chunks.popleft()
            self._waiting_bytes -= len(oldest)
            self._drop("NATS is away for too long")
        self._is_due.set()

    def _until_due_s(self) -> float:
        now_ns = self._elapsed_ns()
        return min((tape.due_in_s(now_ns) for tape in self._open.values()), default=LOOK_S)

    def _drop(self, reason: str) -> None:
        if not self.dropped:
            log.warning("chunks of tapes are dropped (%s): replays of these minutes cannot be verified", reason)
        self.dropped += 1

    async def _send(self) -> None:
        while self._chunks:
            session_id, chunk = self._chunks[0]
            if not await self._publish(session_id, chunk):
                return
            self.written += 1
            # While it was published the oldest may have been dropped.
            if self._chunks and self._chunks[0][1] is chunk:
                self._chunks.popleft()
                self._waiting_bytes -= len(chunk)

    def _forget_oldest(self) -> None:
        if len(self._tapes) < SESSIONS:
            return
        for session_id, tape in self._tapes.items():
            if tape.is_unused:
                del self._tapes[session_id]
                return


class LiveTape:
    """The tape of one session."""

    __slots__ = (
        "_asked",
        "_begun_ns",
        "_chunk",
        "_is_turn_over",
        "_n",
        "_tapes",
        "_was_busy",
        "_working",
        "basis",
        "session_id",
    )

    def __init__(self, session_id: str, tapes: LiveTapes) -> None:
        self.session_id = session_id
        self.basis = 0
        self._tapes = tapes
        self._n = 0
        self._asked = 0
        self._working = 0
        self._chunk: ChunkWriter | None = None
        self._begun_ns = 0
        self._is_turn_over = False
        self._was_busy = False

    @property
    def is_unused(self) -> bool:
        """Whether nothing is noted or in progress."""
        return self._chunk is None and not self._working

    def took(self, kind: str, payload: Plain = None, at_ns: int | None = None) -> None:
        """See Tape."""
        try:
            self._begun().add(self._tapes.time_ns() if at_ns is None else at_ns, kind, payload)
        except (ValueError, TypeError) as error:
            self._leave_gap(f"{kind}: {error}")
            return
        if self._begun().size >= CHUNK_BYTES:
            self.cut()

    def took_fact(self, kind: str, sequence: int, at_ns: int | None = None, of: tuple[Plain, ...] = ()) -> None:
        """See Tape."""
        self.basis = max(self.basis, sequence)
        self.took(kind, [sequence, *of] if of else sequence, at_ns)

    @contextmanager
    def working(self) -> Iterator[None]:
        """See Tape."""
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            if self._was_busy and not self._working:
                self._begun()  # though nothing else may come, it is written that nothing is in progress any more
            self._cut_after_turn()

    def turn_is_over(self) -> None:
        """See Tape."""
        self._is_turn_over = True
        self._cut_after_turn()

    async def result(
        self, kind: str, key: str, request: Plain, ask: Callable[[], Awaitable[T]], packing: Packing[T] = AS_IT_IS
    ) -> T:
        """See Tape."""
        with self._request(kind, key, request) as number:
            value = await ask()
            self._took_value(ANSWER, number, value, packing)
        return value

    async def parts(
        self, kind: str, key: str, request: Plain, ask: Callable[[], AsyncIterator[T]], packing: Packing[T] = AS_IT_IS
    ) -> AsyncGenerator[T, None]:
        """See Tape."""
        with self._request(kind, key, request) as number:
            stream = ask()
            try:
                async for part in stream:
                    self._took_value(PART, number, part, packing)
                    yield part
            finally:
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()
            self.took(END, [number])

    @contextmanager
    def _request(self, kind: str, key: str, request: Plain) -> Iterator[int]:
        """Note that something is asked; the value is the request's number. Notes how it failed, too."""
        number = self._asked
        self._asked += 1
        self.took(ASKED, [number, kind, key, self._digest(kind, request)])
        with self.working():
            try:
                yield number
            except Exception as error:
                self.took(FAILED, [number, type(error).__name__, str(error)])
                raise

    def _digest(self, kind: str, request: Plain) -> Plain:
        try:
            return digest_of(request)
        except (TypeError, ValueError, OverflowError) as error:
            self._leave_gap(f"{kind}: {error}")
            return b""

    def _took_value(self, kind: str, number: int, value: Any, packing: Packing[Any]) -> None:
        try:
            packed = packing.pack(value)
        except Exception as error:  # whatever the function makes of an unforeseen value
            self._leave_gap(f"{kind}: {error}")
        else:
            self.took(kind, [number, packed])

    def _begun(self) -> ChunkWriter:
        """Return the chunk that is being filled."""
        if self._chunk is None:
            self._chunk = ChunkWriter()
            self._begun_ns = self._tapes.opened(self)
        return self._chunk

    def _leave_gap(self, reason: str) -> None:
        """Say that something is missing here: the chunk ends, and a number is left out."""
        log.error("the tape of %s has a gap: %s", self.session_id, reason)
        self.cut()
        self._n += 1
        self._tapes.dropped += 1

    def _cut_after_turn(self) -> None:
        if self._is_turn_over and not self._working:
            self.cut()

    def cut_if_due(self, elapsed_ns: int) -> None:
        """Write the chunk if it is old enough."""
        if self.due_in_s(elapsed_ns) <= 0:
            self.cut()

    def due_in_s(self, elapsed_ns: int) -> float:
        """Return after how long the chunk is old enough to be written."""
        return CHUNK_S - (elapsed_ns - self._begun_ns) / 1e9

    def cut(self) -> None:
        """Write the chunk."""
        chunk, self._chunk, self._is_turn_over = self._chunk, None, False
        if chunk is None:
            return
        self._was_busy = bool(self._working)
        tapes, n = self._tapes, self._n
        self._n += 1
        data = chunk.bytes(tapes.instance, tapes.build, n, self.basis, not self._working)
        tapes.put(self.session_id, data)
