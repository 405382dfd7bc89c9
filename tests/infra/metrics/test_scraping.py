"""The metrics of all processes are read at the same time; who does not answer is named, and holds up nobody."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.metrics import table as t
from infra.metrics.samples import Metrics
from infra.metrics.scraping import Target, read_all, targets_in
from infra.process.probes import ProbeNote
from infra.system.nats import free_port
from infra.system.probe_targets import as_file_sd
from tests.infra.metrics.processes import exposed, serving

MEMORY = "process_memory_usage_bytes"


async def test_all_processes_are_read_and_those_that_do_not_answer_are_named() -> None:
    with ExitStack() as stack:
        one = stack.enter_context(serving(exposed({MEMORY: 100})))
        other = stack.enter_context(serving(exposed({MEMORY: 50}, "reasoning")))
        hanging = stack.enter_context(serving(None))
        rubbish = stack.enter_context(serving("<html>not metrics {"))
        gone = f"127.0.0.1:{free_port()}"
        names = {one: "bridge", other: "reasoning", hanging: "synthesis", rubbish: "tools", gone: "summaries"}
        targets = [Target(name, f"http://{address}/metrics") for address, name in names.items()]
        async with asyncio.timeout(60):  # one that hangs does so for ever
            reading = await read_all(targets, timeout_s=0.5)
    assert Metrics(reading).sum(t.MEMORY) == 150
    assert set(reading.processes.values()) == {"bridge", "reasoning"}
    assert set(reading.unreachable.values()) == {"synthesis", "tools", "summaries"}


async def test_a_process_without_a_name_is_called_as_it_says() -> None:
    with serving(exposed({MEMORY: 1}, "reasoning")) as address:
        reading = await read_all([Target("", f"http://{address}/metrics")])
    assert list(reading.processes.values()) == ["reasoning"]


def test_the_targets_are_those_that_the_supervisor_writes(tmp_path: Path) -> None:
    notes = [ProbeNote("bridge", 1, "127.0.0.1:9101"), ProbeNote("bridge", 2, "[::1]:9102")]
    assert targets_in(as_file_sd(notes)) == [
        Target("bridge", "http://127.0.0.1:9101/metrics"),
        Target("bridge", "http://[::1]:9102/metrics"),
    ]


@pytest.mark.parametrize("text", ["", "{", '{"targets": 3}', "[3]", '[{"labels": {}}]', '[{"targets": 3}]'])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        targets_in(text)


def test_a_target_without_a_label_has_its_address() -> None:
    assert targets_in(json.dumps([{"targets": ["h:1"]}])) == [Target("h:1", "http://h:1/metrics")]
