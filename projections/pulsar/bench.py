"""How fast the log goes into Pulsar, and how soon a fact is there: `python -m projections.pulsar.bench`."""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from faststream.nats import NatsBroker

from contracts.codec import encode
from contracts.events import Event, TurnEnded
from contracts.topology import VOICE, subject_of
from infra.bench.conversations import conversations
from infra.bench.statistics import percentile
from infra.connection import connection, jetstream
from infra.facts import say
from infra.settings import Settings
from projections.pulsar.projector import Projector
from projections.status import log_end


@dataclass(frozen=True, slots=True)
class PulsarFigures:
    """What was measured. Lag is from a fact's ack in the log to its ack from Pulsar."""

    facts: int
    seconds: float
    live_lag_ms: tuple[float, ...]

    @property
    def facts_per_s(self) -> float:
        """Facts of the log a second; most are two messages or fewer."""
        return self.facts / self.seconds

    def lines(self) -> list[str]:
        """Return the figures for people."""
        lag = f"P50 {percentile(self.live_lag_ms, 0.5):.1f} ms, P95 {percentile(self.live_lag_ms, 0.95):.1f} ms"
        return [
            f"Pulsar catches up: {self.facts} facts in {self.seconds:.1f} s, {self.facts_per_s:,.0f}/s",
            f"Pulsar live lag: {lag} ({len(self.live_lag_ms)} facts, one at a time)",
        ]


async def measure(broker: NatsBroker, settings: Settings, live_facts: int = 100) -> PulsarFigures:
    """Project what is in the log into a Pulsar whose topics do not have it yet, then some live facts.

    It writes to the topics of `settings`: give it a Pulsar of its own. Raises RuntimeError if the projection stops.
    """
    projector = Projector(broker, settings)
    task = asyncio.create_task(projector.run(), name="projection under test")
    try:
        while projector.status().state not in ("live", "catching up"):
            _check(projector)
            await asyncio.sleep(0.001)
        began_s, before = time.monotonic(), projector.status().position
        end = await log_end(connection(broker))
        await _reached(projector, end, poll_s=0.01)
        seconds = time.monotonic() - began_s
        lags = [await _live_lag_ms(broker, projector, number) for number in range(live_facts)]
        return PulsarFigures(end - before, seconds, tuple(lags))
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _live_lag_ms(broker: NatsBroker, projector: Projector, number: int) -> float:
    fact = TurnEnded(
        event_id=f"live-{number}-{time.time_ns()}",
        session_id="live",
        time_ns=time.time_ns(),
        participant_id="person",
        text="How long does this take?",
    )
    sequence = await say(broker, fact)
    said_s = time.monotonic()
    await _reached(projector, sequence, poll_s=0.0005)
    return (time.monotonic() - said_s) * 1000


async def _reached(projector: Projector, sequence: int, poll_s: float) -> None:
    while projector.position < sequence:
        _check(projector)
        await asyncio.sleep(poll_s)


def _check(projector: Projector) -> None:
    status = projector.status()
    if status.state in ("stopped", "waiting", "standby"):
        raise RuntimeError(f"the projection is {status.state}: {status.reason}")


async def fill(broker: NatsBroker, facts: Iterable[Event]) -> None:
    """Put facts into the log, 500 at a time."""
    js = jetstream(broker)
    batch: list[Event] = []

    async def put() -> None:
        await asyncio.gather(*(js.publish(subject_of(fact), encode(fact), 30, stream=VOICE) for fact in batch))
        batch.clear()

    for fact in facts:
        batch.append(fact)
        if len(batch) == 500:
            await put()
    await put()


@asynccontextmanager
async def _log_and_pulsar(directory: Path) -> AsyncIterator[tuple[NatsBroker, Settings]]:
    from infra.broker import make_broker
    from infra.provisioning import provision
    from infra.pulsar.server import running_pulsar
    from infra.settings import settings
    from infra.supervisor import running_system

    own = settings().model_copy(update={"data_dir": directory, "nats_url": ""})
    async with running_system(own, log_only=True) as system, running_pulsar(directory) as server:
        urls = {"nats_url": system.addresses.nats_url, "pulsar_url": server.url, "pulsar_admin_url": server.admin_url}
        os.environ["DAREDEVIL_NATS_URL"] = system.addresses.nats_url
        settings.cache_clear()
        broker = make_broker("bench")
        await broker.connect()
        try:
            await provision(jetstream(broker))
            yield broker, own.model_copy(update=urls)
        finally:
            await broker.stop()


async def _main(facts: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with _log_and_pulsar(Path(directory)) as (broker, settings):
            print(f"putting {facts} facts into the log", flush=True)
            await fill(broker, conversations(facts))
            for line in (await measure(broker, settings)).lines():
                print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=50_000)
    asyncio.run(_main(parser.parse_args().facts))
