"""Fixtures that any test may use."""

import gc
import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
from faststream.nats import NatsBroker
from hypothesis import settings as hypothesis_settings

from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.provisioning import provision
from infra.settings import settings
from tests.livekit_server import livekit_server as livekit_server
from tests.postgres_server import database as database
from tests.postgres_server import postgres_server as postgres_server
from tests.servers import NatsServer, quick_folder, running_nats
from tests.side_by_side import SharingScheduling, longest_first
from tests.virtual_time import virtual_loop as virtual_loop

SLOW_FIXTURES = {"browser", "livekit_server", "postgres_server", "pulsar_server", "shared_bridge", "system"}
"""What takes seconds to start."""

# A second copy of the models in each system would cost time and memory; the tests about it switch it on.
os.environ.setdefault("DAREDEVIL_TRANSCRIPT_SPARE", "off")

# Doors are tested without actors; the tests about a missing one switch it on.
os.environ.setdefault("DAREDEVIL_OPENING_PATIENCE_S", "0")
# Nor do doors refuse anybody because the machine is busy with tests: in many, the door shares its event loop with them.
os.environ.setdefault("DAREDEVIL_OVERLOAD_LAG_MS", "0")
os.environ.setdefault("DAREDEVIL_OVERLOAD_ANSWER_MS", "0")

# No test talks to anybody outside. A client of HTTP reads all public authorities when it is made, also for a server
# without TLS, which takes longer than many a test; so there is one authority, which has signed nothing.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("authority.pem"))

# How long an example takes is the machine's business: it may be busy.
hypothesis_settings.register_profile("daredevil", deadline=None, max_examples=40)
hypothesis_settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis_settings.register_profile("nightly", deadline=None, max_examples=200)
hypothesis_settings.load_profile("daredevil")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import what is tested without looking for garbage, and never look through it later: it stays until the end.

    What tests leave is looked through less often than by default: a test makes many objects that are soon gone.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as `slow` what needs servers that take seconds to start, or a browser; `make test-quick` goes without."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingScheduling | None:
    """Keep together what shares servers, when tests run side by side as `make test` does it."""
    return SharingScheduling(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With DAREDEVIL_REQUIRE_ALL=1 (CI) a skipped test is a failed one: only old commits may be missing there."""
    report = yield
    forgiven = hasattr(report, "wasxfail") or "needs_history" in report.keywords
    if os.environ.get("DAREDEVIL_REQUIRE_ALL") == "1" and report.skipped and not forgiven:
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be skipped here: {report.longreprtext or report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(
    config: pytest.Config,
) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Send of what passed only that: there are three reports for each test, and nothing else of them is shown."""
    data = yield
    is_shown = {"A", "P"}.intersection(config.getoption("reportchars"))
    if data is not None and "keywords" in data and data["outcome"] == "passed" and not is_shown:
        data |= {"keywords": {}, "sections": []}
    return data


_internal_errors: list[str] = []


def pytest_internalerror(excrepr: object) -> None:
    """Keep what went wrong in pytest itself, in this process or in one that runs tests for it."""
    _internal_errors.append(str(excrepr))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After an internal error, pytest names no failed test, and the first error stands far above: repeat both."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not _internal_errors or reporter is None:
        return
    for report in reporter.stats.get("failed", []):
        print("FAILED", report.nodeid, *report.longreprtext.splitlines()[-20:], sep="\n")
    print("the first internal error:", *_internal_errors[0].splitlines()[-40:], sep="\n")


@pytest.fixture
async def nats_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsServer]:
    """A NATS server of this test's own, which the settings point to."""
    with quick_folder() as folder:
        async with running_nats(folder) as server:
            monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
            settings.cache_clear()
            yield server
    settings.cache_clear()


@pytest.fixture
async def broker(nats_server: NatsServer) -> AsyncIterator[NatsBroker]:
    """A connected broker on a provisioned log."""
    broker = make_broker("test")
    await broker.connect()
    await provision(jetstream(broker))
    yield broker
    await broker.stop()
