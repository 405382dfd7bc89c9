"""What a running system uses of its machine while a benchmark calls it, and what there waits for what."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from contracts.topology import TRANSCRIPT
from infra.bench.idle import cpu_s
from infra.bench.load import Load, Meter
from infra.metrics.samples import Metrics, parsed
from infra.metrics.scraping import Target, read_all, targets_file, targets_in
from infra.metrics.table import WAITED
from infra.process.system_cpu import SystemCpu, cores

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often queues are looked at: each reading costs the machine a few ms."""

READ_TOKENS, WRITTEN_TOKENS, DEFERRED = (
    "llamacpp:prompt_tokens_total",
    "llamacpp:tokens_predicted_total",
    "llamacpp:requests_deferred",
)
"""Metrics of llama.cpp's server: https://github.com/ggml-org/llama.cpp/tree/master/tools/server (`GET /metrics`)."""


@dataclass(slots=True)
class MachineUse:
    """What was used in a block; cores are seconds of CPU a second."""

    seconds: float = 0
    machine_cores: float = 0
    """How many there are."""
    cores: dict[str, float] = field(default_factory=dict)
    """By part of the system."""
    callers_cores: float = 0
    """Of this process, which is all callers."""
    others_cores: float = 0
    """Of everything else that this machine shows."""
    waited: float = 0
    """Of the time in which the system's threads could have run, the share in which others ran."""
    recognition_waited_s: float = 0
    """The longest that speech waited for speech to text."""
    model_waiting: int | None = None
    """The most requests that waited for the local model at once; None if it is not known."""
    tokens_read: float | None = None
    """Tokens that the local model has read, without those that it still had in its cache; None if not known."""
    tokens_written: float | None = None

    @property
    def system_cores(self) -> float:
        """All that the system used."""
        return sum(self.cores.values())

    @property
    def busy_cores(self) -> float:
        """All that was used on the machine."""
        return self.system_cores + self.callers_cores + self.others_cores

    def cpu_s(self, *parts: str) -> float:
        """Return the CPU time of some parts, of all without any."""
        return self.seconds * sum(used for part, used in self.cores.items() if not parts or part in parts)


@asynccontextmanager
async def machine_use(data_dir: Path, llm_url: str = "") -> AsyncIterator[MachineUse]:
    """Measure the system on a data directory during a block; the figures are there when it has ended.

    `llm_url` is where its local model is served. Raises OSError if no system runs there.
    """
    found, meter, cpu = MachineUse(machine_cores=cores()), Meter(data_dir), SystemCpu(data_dir)
    queues = _Queues(data_dir, llm_url)
    before, tokens = await asyncio.to_thread(meter.read), await queues.model()
    own_s, busy_s, began_s = cpu_s(os.getpid()), _busy_s(), time.monotonic()
    cpu.use(began_s)
    watcher = asyncio.create_task(queues.watch(found), name="queues")
    try:
        yield found
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        found.seconds = time.monotonic() - began_s
        use = cpu.use(time.monotonic())
        after = await asyncio.to_thread(meter.read)
        found.waited = use.waited if use is not None else 0.0
        found.cores = _cores(before, after, found.seconds)
        found.callers_cores = (cpu_s(os.getpid()) - own_s) / found.seconds
        found.others_cores = max(0.0, (_busy_s() - busy_s) / found.seconds - found.system_cores - found.callers_cores)
        _note_tokens(found, tokens, await queues.model())


def _cores(before: Mapping[str, Load], after: Mapping[str, Load], seconds: float) -> dict[str, float]:
    return {
        name: max(0.0, load.cpu_s - (before[name].cpu_s if name in before else 0.0)) / seconds
        for name, load in after.items()
    }


def _busy_s() -> float:
    """Return the CPU time of all that this machine shows."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def _note_tokens(found: MachineUse, before: Mapping[str, float], after: Mapping[str, float]) -> None:
    if WRITTEN_TOKENS in before and WRITTEN_TOKENS in after:
        found.tokens_read = after[READ_TOKENS] - before[READ_TOKENS]
        found.tokens_written = after[WRITTEN_TOKENS] - before[WRITTEN_TOKENS]


class _Queues:
    """Reads how much waits for speech to text and for the local model; what does not answer is not known."""

    def __init__(self, data_dir: Path, llm_url: str) -> None:
        self._targets = targets_file(data_dir)
        self._model = f"{llm_url.removesuffix('/v1').rstrip('/')}/metrics" if llm_url else ""

    async def watch(self, found: MachineUse) -> None:
        """Note the most that waits, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            reading = await read_all(self._hearing())
            found.recognition_waited_s = max(found.recognition_waited_s, Metrics(reading).most(WAITED) or 0.0)
            if (waiting := (await self.model()).get(DEFERRED)) is not None:
                found.model_waiting = max(found.model_waiting or 0, round(waiting))

    async def model(self) -> dict[str, float]:
        """Return the metrics of the model's server by name; none if it has none."""
        if not self._model:
            return {}
        import httpx

        try:
            async with httpx.AsyncClient(timeout=LOOK_S, trust_env=False) as client:
                answer = await client.get(self._model)
                answer.raise_for_status()
                return {name: value for (_, name, _), value in parsed(self._model, answer.text).items()}
        except (httpx.HTTPError, ValueError) as error:
            log.debug("the model's metrics: %r", error)
            return {}

    def _hearing(self) -> list[Target]:
        try:
            targets = targets_in(self._targets.read_text())
        except (OSError, ValueError):
            return []
        return [target for target in targets if target.process.startswith(TRANSCRIPT)]
