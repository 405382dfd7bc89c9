"""Each test has telemetry of its own: what a process sets up once is put back."""

import logging
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.util._once import Once

from infra.settings import Settings
from infra.telemetry.export import Export
from infra.telemetry.resource import resource_of
from infra.telemetry.traces import set_up_traces


@pytest.fixture(autouse=True)
def restored_telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr("infra.telemetry.traces._tracer", trace.ProxyTracer("daredevil"))
    monkeypatch.setattr("infra.telemetry.traces._Recording.is_on", True)
    yield
    root.handlers[:], root.level = handlers, level


SetUp = Callable[..., Export]


@pytest.fixture
def exporting() -> Iterator[SetUp]:
    """Return a function that sets traces up for settings; their export is ended with the test."""
    exports: list[Export] = []

    def set_up(**settings: object) -> Export:
        export = set_up_traces(resource_of("test"), Settings.model_validate(settings))
        assert export is not None
        exports.append(export)
        return export

    yield set_up
    for export in exports:
        export.finish()
