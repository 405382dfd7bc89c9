"""Whether memory grows with sessions: many short ones, one after the other, and the memory of each process.

A session connects to the WebSocket door, sends some sound and a typed turn, hears the reply at once, and hangs up.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from contracts.topology import (
    DURABLES,
    PRESENCE,
    RESPONSE_CACHE,
    streams,
)
from infra.bench.attempts import NotMeasured, attempt
from infra.bench.load import Meter
from infra.caller.websocket_messages import ws_url
from infra.log.log_streams import streams_of_log

ASK = "Could you tell me something about the lake, please?"
RATE_HZ = 16_000
FRAME_BYTES = 640
SESSION_S = 60.0
WARM_UP = 0.25
"""The first share of the sessions is not counted: imports, models, pools and caches are filled once."""
SETTLING_S = 180.0
"""How long actors may catch up before each measurement: pending work is not memory held for finished sessions. A
machine that needs longer is overloaded; the figures include what was pending."""
MOST_PROBLEMS = 20

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StreamSize:
    """What a stream holds, on how many `subjects`, and how many `consumers` it has now."""

    messages: int
    mb: float
    subjects: int
    consumers: int


@dataclass(frozen=True, slots=True)
class GrowthSample:
    """The system after a number of ended sessions: memory of each part (PSS with its children), and the streams."""

    sessions: int
    at_s: float
    memory_mb: dict[str, float]
    streams: dict[str, StreamSize]
    waiting: int = 0
    """Facts that actors had not processed yet, such as for recordings and summaries still to be written."""
    descriptors: dict[str, int] = field(default_factory=dict)
    """Open files and connections of each part."""
    log_mb: float = 0
    """Size of the processes' log files."""
    files: int = 0
    """Files of the data directory outside the server's store and the logs: notes of held jobs, and leftovers."""


@dataclass(frozen=True, slots=True)
class GrowthFigures:
    """Memory over sessions, and the slope of each part in MB per 1,000 sessions after the warm-up."""

    sessions: int
    failed: int
    seconds: float
    warm_up_sessions: int
    mb_per_1000_sessions: dict[str, float]
    samples: list[GrowthSample]
    problems: list[str]
    not_measured: list[NotMeasured]


async def measure_growth(
    url: str, nats_url: str, data_dir: Path, sessions: int, at_once: int, every: int, report: Report
) -> GrowthFigures:
    """Run so many sessions, `at_once` at the same time; if that breaks off, the figures are of those until then.

    Raises OSError if no system runs on `data_dir`, nats errors.
    """
    nc = await nats.connect(nats_url)
    try:
        run = _Run(url, sessions, at_once, data_dir, nc, report)
        await run.sample()
        with attempt("the rest of the sessions", run.not_measured, report):
            for start in range(0, sessions, every):
                await run.hold(min(every, sessions - start))
                await run.settle()
                await run.sample()
    finally:
        await nc.close()
    return run.figures()


class _Run:
    """One measurement: the sessions run and the samples taken."""

    def __init__(self, url: str, sessions: int, at_once: int, data_dir: Path, nc: Client, report: Report) -> None:
        self._url = ws_url(url)
        self._sessions = sessions
        self._at_once = at_once
        self._data_dir = data_dir
        self._meter = Meter(data_dir)
        self._nc = nc
        self._report = report
        self._began_s = time.monotonic()
        self._held = 0
        self._problems: list[str] = []
        self._failed = 0
        self._waiting = 0
        self.not_measured: list[NotMeasured] = []
        self._samples: list[GrowthSample] = []

    async def hold(self, count: int) -> None:
        """Run so many sessions and return when the last has ended."""
        left = iter(range(count))

        async def callers() -> None:
            for _ in left:
                try:
                    async with asyncio.timeout(SESSION_S):
                        await short_session(self._url)
                except (OSError, TimeoutError, WebSocketException, SessionRefused) as error:
                    self._failed += 1
                    if len(self._problems) < MOST_PROBLEMS:
                        self._problems.append(f"{type(error).__name__}: {error}")
                self._held += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(callers())

    async def settle(self) -> None:
        """Wait until the actors have processed everything, for SETTLING_S at most."""
        until_s = time.monotonic() + SETTLING_S
        while True:
            self._waiting = await facts_waiting(self._nc)
            if not self._waiting or time.monotonic() > until_s:
                return
            await asyncio.sleep(0.5)

    async def sample(self) -> None:
        """Read the memory of all parts and the sizes of the streams."""
        parts = await asyncio.to_thread(self._meter.read)
        memory_mb = {name: load.pss_mb for name, load in parts.items()}
        at_s = round(time.monotonic() - self._began_s, 1)
        log_mb, files = await asyncio.to_thread(left_on_disk, self._data_dir)
        self._samples.append(
            GrowthSample(
                sessions=self._held,
                at_s=at_s,
                memory_mb=memory_mb,
                streams=await stream_sizes(self._nc),
                waiting=self._waiting,
                descriptors={name: load.descriptors for name, load in parts.items()},
                log_mb=log_mb,
                files=files,
            )
        )
        told = ", ".join(f"{name} {mb:.0f}" for name, mb in memory_mb.items())
        so_far = f"{self._held} of {self._sessions} sessions, {at_s:.0f} s, {self._failed} failed"
        self._report(f"{so_far}, {self._waiting} facts pending; MB: {told}")

    def figures(self) -> GrowthFigures:
        """Return the figures."""
        warm_up = int(self._sessions * WARM_UP)
        return GrowthFigures(
            sessions=self._held,
            failed=self._failed,
            seconds=round(time.monotonic() - self._began_s, 1),
            warm_up_sessions=warm_up,
            mb_per_1000_sessions=slopes(self._samples, warm_up),
            samples=self._samples,
            problems=self._problems,
            not_measured=self.not_measured,
        )


def slopes(samples: Sequence[GrowthSample], warm_up_sessions: int) -> dict[str, float]:
    """Return the slope of each part's memory after the warm-up, by least squares, in MB per 1,000 sessions."""
    warm = [sample for sample in samples if sample.sessions >= warm_up_sessions]
    if not warm:
        return {}
    return {name: round(_slope([(s.sessions, s.memory_mb.get(name, 0.0)) for s in warm]) * 1000, 2)
            for name in warm[-1].memory_mb}  # fmt: skip


def _slope(points: Sequence[tuple[float, float]]) -> float:
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def left_on_disk(data_dir: Path) -> tuple[float, int]:
    """Return the MB of the processes' logs, and the number of other files outside the server's store."""
    log_bytes = files = 0
    for path in data_dir.rglob("*"):
        part = path.relative_to(data_dir).parts[0]
        try:
            if path.is_file() and part == "logs":
                log_bytes += path.stat().st_size
            elif path.is_file() and part != "nats":
                files += 1
        except OSError:
            continue  # removed meanwhile
    return round(log_bytes / 1e6, 2), files


async def facts_waiting(nc: Client) -> int:
    """Return how many facts all actors together have still to process. Raises nats errors."""
    names = (await streams_of_log(nc)).names
    js = nc.jetstream()
    infos = await asyncio.gather(*(js.consumer_info(name, durable.name) for name in names for durable in DURABLES))
    return sum((info.num_pending or 0) + (info.num_ack_pending or 0) for info in infos)


async def stream_sizes(nc: Client) -> dict[str, StreamSize]:
    """Return what each stream of the topology and each bucket holds. Raises nats errors."""
    sizes = {}
    rows = streams((await streams_of_log(nc)).partitions)
    for name in (*(stream.name for stream in rows), PRESENCE.stream, RESPONSE_CACHE.stream):
        answer = json.loads((await nc.request(f"$JS.API.STREAM.INFO.{name}", timeout=10)).data)
        if (state := answer.get("state")) is not None:
            # nats-py leaves the number of subjects out.
            subjects = state.get("num_subjects", 0)
            sizes[name] = StreamSize(
                state["messages"], round(state["bytes"] / 1e6, 1), subjects, state["consumer_count"]
            )
    return sizes


class SessionRefused(RuntimeError):
    """The door closed the session with an error."""


async def short_session(url: str) -> None:
    """Run one session. Raises SessionRefused, OSError, WebSocketException."""
    async with connect(url, max_size=1 << 24, compression=None) as socket:
        await _send(socket, {"type": "hello", "mic": True, "sample_rate_hz": RATE_HZ, "user_id": "growth"})
        async for message in socket:
            if isinstance(message, str):  # bytes are the agent's voice
                await _take(socket, json.loads(message))
        if socket.close_code != 1000:
            raise SessionRefused(f"closed with {socket.close_code} {socket.close_reason}")


async def _take(socket: ClientConnection, message: dict[str, Any]) -> None:
    match message:
        case {"type": "welcome"}:
            for _ in range(25):
                await socket.send(bytes(FRAME_BYTES))
            await _send(socket, {"type": "text", "text": ASK})
        case {"type": "reply_end", "reply_id": reply_id, "samples": samples}:
            played = {"reply_id": reply_id, "samples": samples, "started": True, "ended": True}
            await _send(socket, {"type": "played", **played})
        case {"type": "fact", "name": "PlaybackFinished"}:
            await _send(socket, {"type": "hangup"})
        case {"type": "error", "code": code}:
            raise SessionRefused(f"{code}: {message.get('message')}")


async def _send(socket: ClientConnection, message: Mapping[str, object]) -> None:
    await socket.send(json.dumps(message))
