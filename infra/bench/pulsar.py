"""How fast the log is copied into Pulsar, and how soon a fact is there: `python -m infra.bench.pulsar`."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from faststream.nats import NatsBroker

from contracts.events import TurnEnded
from infra.bench.conversations import conversations
from infra.bench.filling import IN_FLIGHT, fill_log
from infra.bench.statistics import percentile
from infra.log.connection import connection
from infra.log.event_log import append
from infra.settings import Settings
from infra.system.own_nats import own_nats
from projections.pulsar.projector import PulsarProjector
from projections.status import log_end


@dataclass(frozen=True, slots=True)
class PulsarFigures:
    """What was measured.

    `cpu_s` is each process's CPU time while catching up; lag is from a fact's ack in the log to its ack from Pulsar.
    """

    facts: int
    seconds: float
    cpu_s: Mapping[str, float]
    live_lag_ms: tuple[float, ...]

    @property
    def facts_per_s(self) -> float:
        """Facts of the log per second; most make two messages or fewer."""
        return self.facts / self.seconds

    def lines(self) -> list[str]:
        """Return the figures for people."""
        lag = f"P50 {percentile(self.live_lag_ms, 0.5):.1f} ms, P95 {percentile(self.live_lag_ms, 0.95):.1f} ms"
        each_us = ", ".join(f"{name} {seconds / self.facts * 1e6:.0f}" for name, seconds in self.cpu_s.items())
        return [
            f"Pulsar catches up: {self.facts} facts in {self.seconds:.1f} s, {self.facts_per_s:,.0f}/s",
            f"CPU us a fact: {each_us}",
            f"Pulsar live lag: {lag} ({len(self.live_lag_ms)} facts, one at a time)",
        ]


async def measure(
    broker: NatsBroker, settings: Settings, processes: Mapping[str, int], live_facts: int = 100
) -> PulsarFigures:
    """Project the log into a Pulsar whose topics do not have it yet, then some live facts.

    It writes to the topics of `settings`: give it a Pulsar of its own. Raises RuntimeError if the projection stops.
    """
    projector = PulsarProjector(connection(broker), settings)
    task = asyncio.create_task(projector.run(), name="projection under test")
    try:
        while projector.status().state not in ("live", "catching up"):
            _check(projector)
            await asyncio.sleep(0.001)
        began_s, before = time.monotonic(), projector.status().position
        cpu = _cpu_s(processes)
        end = await log_end(connection(broker))
        await _reached(projector, end, poll_s=0.01)
        seconds = time.monotonic() - began_s
        spent = {name: after - cpu[name] for name, after in _cpu_s(processes).items()}
        lags = [await _live_lag_ms(broker, projector, number) for number in range(live_facts)]
        return PulsarFigures(end - before, seconds, spent, tuple(lags))
    finally:
        task.cancel()
        await asyncio.wait([task])


def _cpu_s(processes: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time of each process."""
    spent = {}
    for name, pid in processes.items():
        times = psutil.Process(pid).cpu_times()
        spent[name] = float(times.user + times.system)
    return spent


async def _live_lag_ms(broker: NatsBroker, projector: PulsarProjector, number: int) -> float:
    fact = TurnEnded(
        event_id=f"live-{number}-{time.time_ns()}",
        session_id="live",
        time_ns=time.time_ns(),
        participant_id="person",
        text="How long does this take?",
    )
    sequence = await append(broker, fact)
    said_s = time.monotonic()
    await _reached(projector, sequence, poll_s=0.0005)
    return (time.monotonic() - said_s) * 1000


async def _reached(projector: PulsarProjector, sequence: int, poll_s: float) -> None:
    while projector.position < sequence:
        _check(projector)
        await asyncio.sleep(poll_s)


def _check(projector: PulsarProjector) -> None:
    status = projector.status()
    if status.state in ("stopped", "waiting", "standby"):
        raise RuntimeError(f"the projection is {status.state}: {status.reason}")


@asynccontextmanager
async def _log_and_pulsar(folder: Path, facts: int) -> AsyncIterator[tuple[NatsBroker, Settings, dict[str, int]]]:
    from infra.log.broker import make_broker
    from infra.settings import settings
    from infra.system.pulsar import running_pulsar

    async with own_nats(folder) as log:
        os.environ["DAREDEVIL_NATS_URL"] = log.url
        settings.cache_clear()
        broker = make_broker("bench")
        await broker.connect()
        try:
            print(f"putting {facts} facts into the log", flush=True)
            nc = connection(broker)
            await fill_log(nc.jetstream(publish_async_max_pending=2 * IN_FLIGHT), conversations(facts))
            async with running_pulsar(folder) as server:
                urls = {"pulsar_url": server.url, "pulsar_admin_url": server.admin_url}
                processes = {"projection": os.getpid(), "NATS": log.pid, "Pulsar": server.pid}
                yield broker, settings().model_copy(update=urls), processes
        finally:
            await broker.stop()


async def _main(facts: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with _log_and_pulsar(Path(directory), facts) as (broker, settings, processes):
            for line in (await measure(broker, settings, processes)).lines():
                print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=100_000)
    asyncio.run(_main(parser.parse_args().facts))
