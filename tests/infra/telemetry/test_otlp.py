"""Where telemetry is sent: every usual way of naming a collector reaches it."""

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource

from infra.settings import Settings
from infra.telemetry.export import ratio_of
from infra.telemetry.otlp import BadOtlp, Otlp, otlp_of
from infra.telemetry.otlp_variables import Signal
from infra.telemetry.resource import resource_of, service_name
from infra.telemetry.traces import set_up_traces, span
from tests.infra.telemetry.conftest import SetUp
from tests.infra.telemetry.otlp_receiver import grpc_receiver, http_receiver

HTTP_TRACES = Otlp("http://collector:4318/v1/traces", "http/protobuf")


@pytest.mark.parametrize(
    ("setting", "environment", "expected"),
    [
        ("", {}, None),
        ("http://collector:4318", {}, HTTP_TRACES),
        ("http://collector:4318/", {}, HTTP_TRACES),
        ("http://collector:4318/v1/traces", {}, HTTP_TRACES),
        ("http://collector:4318/v1/metrics", {}, HTTP_TRACES),
        ("https://host/otlp", {}, Otlp("https://host/otlp/v1/traces", "http/protobuf")),
        ("http://collector:4317", {}, Otlp("http://collector:4317", "grpc")),
        ("http://collector:9999", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, Otlp("http://collector:9999", "grpc")),
        ("http://collector:4318", {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, HTTP_TRACES),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, HTTP_TRACES),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, Otlp("http://c:4317", "grpc")),
        (
            "",
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/spans", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:1"},
            Otlp("http://c:4318/spans", "http/protobuf"),
        ),
        ("http://collector:4318", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other"}, HTTP_TRACES),
        ("http://collector:4318", {"OTEL_SDK_DISABLED": "true"}, None),
        ("http://collector:4318", {"OTEL_TRACES_EXPORTER": "none"}, None),
        ("http://collector:4318", {"OTEL_METRICS_EXPORTER": "none"}, HTTP_TRACES),
    ],
)
def test_every_usual_way_to_name_a_collector(setting: str, environment: dict[str, str], expected: Otlp | None) -> None:
    assert otlp_of(Settings(otlp_endpoint=setting), "traces", environment) == expected


def test_metrics_go_to_the_same_collector() -> None:
    given = Settings(otlp_endpoint="http://collector:4318/v1/traces")
    assert otlp_of(given, "metrics", {}) == Otlp("http://collector:4318/v1/metrics", "http/protobuf")


@pytest.mark.parametrize("protocol", ["http/json", "thrift"])
def test_a_protocol_that_is_not_spoken_is_refused_with_what_to_write(protocol: str) -> None:
    with pytest.raises(BadOtlp, match=r"OTEL_EXPORTER_OTLP_PROTOCOL.*write `http/protobuf` or `grpc`"):
        otlp_of(Settings(otlp_endpoint="http://c:4318"), "traces", {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol})


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_endpoint_without_a_scheme_is_refused_with_what_to_write(variable: str) -> None:
    with pytest.raises(BadOtlp, match=rf"{variable}: 'collector:4318' is not a URL: write `http://"):
        otlp_of(Settings(), "traces", {variable: "collector:4318"})


@pytest.mark.parametrize(
    ("signal", "variables", "message"),
    [
        ("traces", {"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "TIMEOUT: '10s' cannot be used: write a number of s"),
        (
            "traces",
            {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "0"},
            "_TIMEOUT: '0' cannot be used: write a number",
        ),
        (
            "metrics",
            {"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"},
            "COMPRESSION: 'zip' cannot be used: write `gzip` or",
        ),
        (
            "traces",
            {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/ca.pem"},
            "'/no/ca.pem' cannot be used: write the path of a",
        ),
        ("traces", {"OTEL_EXPORTER_OTLP_CLIENT_KEY": "/no/key"}, "'/no/key' cannot be used: write the path of a file"),
        ("traces", {"OTEL_EXPORTER_OTLP_HEADERS": "key"}, "OTEL_EXPORTER_OTLP_HEADERS: cannot be used: write `key=val"),
        ("traces", {"OTEL_EXPORTER_OTLP_INSECURE": "yes"}, "'yes' cannot be used: write `true` or `false`"),
        (
            "metrics",
            {"OTEL_METRIC_EXPORT_INTERVAL": "60s"},
            "INTERVAL: '60s' cannot be used: write a number of ms above",
        ),
        ("metrics", {"OTEL_METRIC_EXPORT_TIMEOUT": "-1"}, "'-1' cannot be used: write a number of ms above 0"),
        ("traces", {"OTEL_BSP_SCHEDULE_DELAY": "1.5"}, "'1.5' cannot be used: write a whole number of ms above 0"),
        ("traces", {"OTEL_BSP_MAX_QUEUE_SIZE": "100"}, "BATCH_SIZE: '512' cannot be used: write at most .*, 100"),
        ("traces", {"OTEL_TRACES_EXPORTER": "jaeger"}, "OTEL_TRACES_EXPORTER: 'jaeger' is not supported: write"),
        ("traces", {"OTEL_SDK_DISABLED": "yes"}, "OTEL_SDK_DISABLED: 'yes' cannot be used: write `true` or `false`"),
        (
            "metrics",
            {"OTEL_RESOURCE_ATTRIBUTES": "team"},
            "OTEL_RESOURCE_ATTRIBUTES: 'team' cannot be used: write `key",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_is_allowed(
    signal: Signal, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(BadOtlp, match=message):
        otlp_of(Settings(otlp_endpoint="http://c:4318"), signal, variables)


def test_right_values_are_taken_and_those_that_do_not_count_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    right = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "rubbish",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2.5",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a=b, x-tenant=voice",
        "OTEL_METRIC_EXPORT_INTERVAL": "rubbish",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_SDK_DISABLED": "False",
    }
    assert otlp_of(Settings(otlp_endpoint="http://collector:4318"), "traces", right) == HTTP_TRACES
    assert otlp_of(Settings(), "metrics", {"OTEL_METRIC_EXPORT_INTERVAL": "rubbish"}) is None


def test_a_compression_that_grpc_does_not_have() -> None:
    with pytest.raises(BadOtlp, match="COMPRESSION: 'deflate' cannot be used: write `gzip`, or unset it"):
        otlp_of(Settings(otlp_endpoint="http://c:4317"), "traces", {"OTEL_EXPORTER_OTLP_COMPRESSION": "deflate"})


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_spans_arrive_over_http_however_the_endpoint_is_written(path: str, exporting: SetUp) -> None:
    with http_receiver() as receiver:
        export = exporting(otlp_endpoint=receiver.endpoint + path)
        with span("work"):
            pass
        export.finish()
        assert receiver.wait_for("work").service == "daredevil-test"
        assert set(receiver.paths) == {"/v1/traces"}


def test_spans_arrive_over_grpc_with_the_headers_that_are_set(
    exporting: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    with grpc_receiver() as receiver:
        export = exporting(otlp_endpoint=receiver.endpoint)
        with span("work"):
            pass
        export.finish()
        assert receiver.wait_for("work")
        assert receiver.headers[0]["x-key"] == "secret"


def test_the_standard_variables_name_the_collector_the_service_and_its_attributes(
    exporting: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-voice")
    with http_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        export = exporting()
        with span("work"):
            pass
        export.finish()
        assert receiver.wait_for("work").service == "shop-voice"
        assert receiver.headers[0]["x-key"] == "secret"


def test_resource_attributes_that_are_set_count_more_than_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.version=7")
    attributes = resource_of("reasoning").attributes
    assert attributes["deployment.environment.name"] == "prod"
    assert (attributes["service.name"], attributes["service.version"]) == ("daredevil-reasoning", "7")


def test_a_service_name_among_the_resource_attributes_counts() -> None:
    assert service_name("reasoning", {"OTEL_RESOURCE_ATTRIBUTES": "a=b, service.name=shop"}) == "shop"
    assert service_name("reasoning", {}) == "daredevil-reasoning"


def test_a_sdk_that_is_disabled_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert set_up_traces(Resource.get_empty(), Settings(otlp_endpoint="http://127.0.0.1:1")) is None
    with span("work") as made:
        assert not made.is_recording()


def test_a_collector_that_is_away_is_logged_once_and_once_more_when_it_is_back(
    exporting: SetUp, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with http_receiver() as gone:
        endpoint = gone.endpoint
    export = exporting(otlp_endpoint=endpoint)

    def send() -> None:
        with span("work"):
            pass
        export.force_flush()

    for _ in range(3):
        send()
    with http_receiver(int(endpoint.rpartition(":")[2])):
        send()
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [line.partition(":")[0] for line in lines] == [
        f"traces do not reach {endpoint.partition(':')[0]}",
        f"traces reach {endpoint.partition(':')[0]}",
    ]


def test_a_collector_that_is_away_holds_up_neither_a_span_nor_the_end_of_the_process(
    exporting: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
    with http_receiver() as gone:
        endpoint = gone.endpoint
    export = exporting(otlp_endpoint=endpoint)
    begun_s = time.monotonic()
    with span("work"):
        pass
    export.finish(0.3)
    assert time.monotonic() - begun_s < 60, "an attempt with its repetitions takes ten minutes"


def test_grpc_is_imported_only_when_it_is_asked_for() -> None:
    code = "import sys, infra.telemetry.setup, infra.log.broker; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("ratio", "environment", "expected"),
    [
        (None, {}, 1.0),
        (0.1, {"OTEL_TRACES_SAMPLER": "always_on"}, 0.1),
        (None, {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, 1.0),
        (None, {"OTEL_TRACES_SAMPLER": "always_off"}, None),
        (None, {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, 0.25),
        (None, {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, 1.0),
    ],
)
def test_the_share_of_traces_is_a_setting_or_the_standard_sampler(
    ratio: float | None, environment: dict[str, str], expected: float | None
) -> None:
    assert ratio_of(Settings(trace_ratio=ratio), environment) == expected


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_SAMPLER": "jaeger_remote"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "10"},
    ],
)
def test_a_sampler_that_cannot_be_used_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(BadOtlp, match="OTEL_TRACES_SAMPLER"):
        ratio_of(Settings(), environment)
