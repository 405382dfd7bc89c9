"""What the processes of a system measure is what the call was, without its words and ids."""

import asyncio
import urllib.request

import pytest

from contracts.events import LatencyParts
from contracts.topology import DURABLES
from infra.caller import CallResult
from infra.metrics.figures import Figures, figures
from infra.metrics.scraping import Target, read_all, targets_file, targets_in
from infra.system.supervisor import Supervisor
from tests.waiting import until_async

pytestmark = [pytest.mark.e2e, pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

NEEDED = {"bridge", "transcript", "reasoning", "synthesis", "persistence", "summaries"}


PARTS = {name.removesuffix("_ms") for name in LatencyParts.model_fields}


def targets(system: Supervisor) -> list[Target]:
    return targets_in(targets_file(system.watch.folder.parent).read_text())


async def seen(system: Supervisor) -> Figures:
    return figures(await read_all(targets(system), timeout_s=20))


async def test_a_call_is_in_the_figures_of_the_system(system: Supervisor, hello_call: CallResult) -> None:
    async def is_counted() -> bool:
        return sum((await seen(system)).turns.values()) > 0

    await until_async(is_counted, 60, "the turn is not counted")
    now = await seen(system)
    assert now.gap.count >= 1
    assert {"bus", "playback"} <= set(now.parts) <= PARTS
    assert {"stt", "llm", "tts"} <= {engine.stage for engine in now.engines}
    assert now.append.count > 0
    assert now.log_ready is True
    assert {consumer.durable for consumer in now.consumers} == {durable.name for durable in DURABLES}
    assert {process.name for process in now.processes} >= NEEDED
    assert {process.name for process in now.processes if process.ready is not True} == set()
    assert all((process.memory_bytes or 0) > 10e6 for process in now.processes)


async def test_metrics_have_no_words_and_no_ids(system: Supervisor, hello_call: CallResult) -> None:
    texts = [
        (await asyncio.to_thread(urllib.request.urlopen, target.url)).read().decode() for target in targets(system)
    ]
    for text in texts:
        assert "process_cpu_time_seconds_total" in text
        assert hello_call.session_id not in text
        assert "hello" not in text.lower()
