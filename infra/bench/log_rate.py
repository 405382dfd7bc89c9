"""How many facts a second a log stores, in one or several partitions, on one server or a cluster of three.

Servers of its own, which sync each fact to the disk of the folder, all on this machine: a cluster of three shares one
disk and its cores, and so shows what replicas cost, not what three machines give. Writers are conversations side by
side, each of which appends its next fact when the one before is acknowledged, as callers do.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import psutil
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from contracts.codec import encode
from contracts.topology import log_stream, subject_of
from infra.bench.attempts import NotMeasured
from infra.bench.conversations import conversations
from infra.bench.statistics import percentile
from infra.log.log_streams import log_infos
from infra.log.provisioning import provision
from infra.settings import settings
from infra.system.nats import free_port, nats_server_path, wait_for_port, write_nats_config
from infra.system.processes import start_program
from infra.system.workers import WorkerProcesses

WRITER_PROCESSES = 2
"""One would be the limit itself."""

FACTS_EACH = 100_000
"""More than a conversation appends while it is measured."""

LEADER_S = 30.0
ACK_S = 10.0


@dataclass(frozen=True, slots=True)
class LogRateRun:
    """Facts stored by `writers` conversations at once within `took_s` seconds.

    `server_cpu` and `writer_cpu` are shares of a core: of all servers together, and of those who append. `fact_bytes`
    is what a fact takes in its stream (of one replica).
    """

    servers: int
    partitions: int
    writers: int
    took_s: float
    facts: int
    facts_per_s: float
    p50_ms: float
    p99_ms: float
    fact_bytes: float
    server_cpu: float
    writer_cpu: float


@dataclass(frozen=True, slots=True)
class LogRateFigures:
    """Each arrangement that was measured, and those that failed."""

    runs: list[LogRateRun] = field(default_factory=list)
    not_measured: list[NotMeasured] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Written:
    latencies_ms: list[float]
    cpu_s: float


async def measure_log_rate(folder: Path, servers: int, partitions: int, writers: int, seconds: float) -> LogRateRun:
    """Measure one arrangement; its data is in `folder`. Raises TimeoutError, OSError, nats errors."""
    async with _running(folder, servers, partitions) as (urls, pids):
        nc = await nats.connect(list(urls))
        try:
            js = nc.jetstream(timeout=ACK_S)
            await _have_leader(js)
            await provision(
                js, given=settings().model_copy(update={"partitions": partitions, "nats_replicas": servers})
            )
            before_s = _cpu_s(pids)
            written = await _write(urls, partitions, writers, seconds)
            cpu_s = _cpu_s(pids) - before_s
            infos = await log_infos(nc)
        finally:
            await nc.close()
    latencies_ms = sorted(each for part in written for each in part.latencies_ms)
    stored = sum(info.state.messages for info in infos)
    return LogRateRun(
        servers=servers,
        partitions=partitions,
        writers=writers,
        took_s=seconds,
        facts=len(latencies_ms),
        facts_per_s=round(len(latencies_ms) / seconds),
        p50_ms=round(percentile(latencies_ms, 0.5), 2),
        p99_ms=round(percentile(latencies_ms, 0.99), 2),
        fact_bytes=round(sum(info.state.bytes for info in infos) / max(1, stored)),
        server_cpu=round(cpu_s / seconds, 2),
        writer_cpu=round(sum(part.cpu_s for part in written) / seconds, 2),
    )


@asynccontextmanager
async def _running(folder: Path, servers: int, partitions: int) -> AsyncIterator[tuple[tuple[str, ...], list[int]]]:
    """Run the servers; yield their addresses and process ids."""
    ports, routes = [free_port() for _ in range(servers)], [free_port() for _ in range(servers)]
    known = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    pids = []
    async with AsyncExitStack() as stack:
        for number, (port, route) in enumerate(zip(ports, routes, strict=True)):
            config = write_nats_config(folder / f"n{number}", port, partitions=partitions)
            if servers > 1:
                listens = f'listen: "127.0.0.1:{route}", routes: [{known}]'
                cluster = f"server_name: n{number}\ncluster {{ name: c, {listens} }}\n"
                config.write_text(config.read_text() + cluster)
            command = (nats_server_path(), "-c", str(config))
            server = await start_program(command, os.environ, folder / f"n{number}.log")
            stack.push_async_callback(server.wait)
            stack.callback(server.send, signal.SIGKILL)
            pids.append(server.pid)
        for port in ports:
            await wait_for_port(port)
        yield tuple(f"nats://127.0.0.1:{port}" for port in ports), pids


async def _have_leader(js: JetStreamContext) -> None:
    async with asyncio.timeout(LEADER_S):
        while True:
            try:
                await js.account_info()
            except NatsError:
                await asyncio.sleep(0.1)
            else:
                return


def _cpu_s(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


async def _write(urls: Sequence[str], partitions: int, writers: int, seconds: float) -> list[_Written]:
    """Have conversations appended by processes of their own, which begin at one moment."""
    shares = [writers // WRITER_PROCESSES + (number < writers % WRITER_PROCESSES) for number in range(WRITER_PROCESSES)]
    loop = asyncio.get_running_loop()
    with WorkerProcesses(WRITER_PROCESSES) as pool:
        # Not measured: processes start, and connect.
        await asyncio.gather(*(loop.run_in_executor(pool, _ready, number) for number in range(WRITER_PROCESSES)))
        return await asyncio.gather(
            *(
                loop.run_in_executor(pool, _write_share, urls, partitions, number * writers, share, seconds)
                for number, share in enumerate(shares)
            )
        )


def _ready(_number: int) -> None:
    time.sleep(0.5)


def _write_share(urls: Sequence[str], partitions: int, first: int, writers: int, seconds: float) -> _Written:
    return asyncio.run(_append_all(urls, partitions, first, writers, seconds))


async def _append_all(urls: Sequence[str], partitions: int, first: int, writers: int, seconds: float) -> _Written:
    nc = await nats.connect(list(urls))
    try:
        js, before_s = nc.jetstream(timeout=ACK_S), time.process_time()
        until_s = time.perf_counter() + seconds
        each = await asyncio.gather(
            *(_converse(js, partitions, seed, until_s) for seed in range(first, first + writers))
        )
        return _Written([latency for latencies in each for latency in latencies], time.process_time() - before_s)
    finally:
        await nc.close()


async def _converse(js: JetStreamContext, partitions: int, seed: int, until_s: float) -> list[float]:
    """Append the facts of one conversation after the other until then; return how many ms each took."""
    latencies_ms = []
    for fact in conversations(FACTS_EACH, seed):
        subject = subject_of(fact)
        headers = {"Nats-Msg-Id": fact.event_id, "Daredevil-Event": type(fact).__name__}
        began_s = time.perf_counter()
        await js.publish(subject, encode(fact), stream=log_stream(subject, partitions), headers=headers)
        now_s = time.perf_counter()
        if now_s > until_s:
            break
        latencies_ms.append((now_s - began_s) * 1000)
    return latencies_ms
