"""`/metrics`: what Prometheus reads is what the table says."""

import asyncio
import shutil
from asyncio.subprocess import PIPE
from contextlib import ExitStack
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.metrics import table as t
from infra.metrics.metric import AnyMetric, Counter, Histogram, Observable, Observed
from infra.metrics.samples import name_of
from infra.metrics.table import METRICS
from infra.process.exposition import exposition
from infra.settings import Settings
from infra.telemetry.metrics import measured
from tests.waiting import until

OF_EVERY_PROCESS = (t.CPU_TIME, t.MEMORY, t.THREADS, t.DESCRIPTORS, t.UPTIME)


def values_for(metric: AnyMetric) -> tuple[str, ...]:
    return tuple(attribute.values[0] if attribute.values else "one" for attribute in metric.attributes)


async def all_of_them() -> str:
    """Return the exposition of a process that has measured everything."""
    async with measured("reasoning", Settings()):
        with ExitStack() as stack:
            for metric in METRICS:
                match metric:
                    case Counter():
                        metric.add(1, *values_for(metric))
                    case Histogram():
                        metric.record(0.2, *values_for(metric))
                    case Observable() if metric not in OF_EVERY_PROCESS:
                        stack.enter_context(metric.observed_by(partial(one, metric)))
            return exposition()[0].decode()


def one(metric: AnyMetric) -> Observed:
    return [(1.0, values_for(metric))]


async def test_each_metric_is_there_by_its_name_and_attributes() -> None:
    text = await all_of_them()
    found = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(text)
    }
    kinds = {"counter": "counter", "gauge": "gauge", "updowncounter": "gauge", "histogram": "histogram"}
    for metric in METRICS:
        family = found.pop(name_of(metric))
        assert family.type == kinds[metric.kind], metric.name
        assert family.documentation == metric.description
        labels = {attribute.key.replace(".", "_") for attribute in metric.attributes} | {"service_name"}
        assert {*family.samples[-1].labels} == labels, metric.name
        assert family.samples[-1].labels["service_name"] == "daredevil-reasoning"
        if isinstance(metric, Histogram):
            bounds = [float(each.labels["le"]) for each in family.samples if each.name.endswith("_bucket")]
            assert sorted(set(bounds)) == [*metric.buckets, float("inf")]
    assert set(found) == {"target_info"}


@pytest.mark.slow
async def test_promtool_finds_nothing_wrong_with_it() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    text = await all_of_them()
    checking = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await checking.communicate(text.encode())
    assert (checking.returncode, said.decode()) == (0, "")


async def test_a_process_measures_itself() -> None:
    async with measured("synthesis", Settings()):
        await until(lambda: b"daredevil_event_loop_lag_seconds_count" in exposition()[0])
        lines = exposition()[0].decode().splitlines()
    series = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    of = 'service_name="daredevil-synthesis"'
    assert series[f"process_memory_usage_bytes{{{of}}}"] > 10e6
    assert series[f'process_cpu_time_seconds_total{{cpu_mode="user",{of}}}'] > 0
    assert 0 < series[f"process_uptime_seconds{{{of}}}"] < 86_400
    assert series[f"daredevil_process_threads{{{of}}}"] >= 1


async def test_outside_of_its_block_a_process_measures_nothing() -> None:
    async with measured("one", Settings()):
        t.TURNS.add(1, "http", "answered")
        async with measured("another app in the same process", Settings()):
            t.TURNS.add(1, "http", "answered")
        assert 'daredevil_turns_total{door="http",outcome="answered",service_name="daredevil-one"} 2.0' in (
            exposition()[0].decode()
        )
    assert exposition()[0] == b""
