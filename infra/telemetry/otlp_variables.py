"""OpenTelemetry's standard variables about sending: their values are checked at the start.

The SDK takes its default for a wrong one, with a line in the log at most, or fails at each attempt.
"""

import math
import os
from collections.abc import Callable, Mapping
from typing import Literal

Signal = Literal["traces", "metrics"]
Protocol = Literal["http/protobuf", "grpc"]

Check = Callable[[str], str]
"""Returns what is allowed where a value is not, else an empty text."""


def _number(allowed: str, whole: bool = False) -> Check:
    def check(value: str) -> str:
        try:
            number = float(int(value) if whole else value)
        except ValueError:
            return allowed
        return "" if 0 < number < math.inf else allowed

    return check


def _one_of(*values: str) -> Check:
    def check(value: str) -> str:
        return "" if value.lower() in values else " or ".join(f"`{each}`" for each in values)

    return check


def _file(value: str) -> str:
    return "" if os.path.isfile(value) and os.access(value, os.R_OK) else "the path of a file that can be read"


def _pairs(value: str) -> str:
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    is_right = pairs and all(key.strip() and separator for key, separator, _ in pairs)
    return "" if is_right else "`key=value` pairs, separated by commas"


_SECONDS = _number("a number of seconds above 0, such as 10")
_MS = _number("a number of ms above 0, such as 60000")
_WHOLE_MS = _number("a whole number of ms above 0, such as 5000", whole=True)
_COUNT = _number("a whole number above 0, such as 512", whole=True)
_BOOLEAN = _one_of("true", "false")

_ABOUT_SENDING: dict[str, Check] = {
    "TIMEOUT": _SECONDS,
    "CERTIFICATE": _file,
    "CLIENT_CERTIFICATE": _file,
    "CLIENT_KEY": _file,
    "HEADERS": _pairs,
    "INSECURE": _BOOLEAN,
}
"""`OTEL_EXPORTER_OTLP_<NAME>`, and for one signal `OTEL_EXPORTER_OTLP_<SIGNAL>_<NAME>`."""

_COMPRESSIONS: dict[Protocol, Check] = {
    "http/protobuf": _one_of("gzip", "deflate", "none"),
    "grpc": _one_of("gzip"),
}

_OF_SIGNAL: dict[Signal, dict[str, Check]] = {
    "traces": {
        "OTEL_BSP_SCHEDULE_DELAY": _WHOLE_MS,
        "OTEL_BSP_EXPORT_TIMEOUT": _WHOLE_MS,
        "OTEL_BSP_MAX_QUEUE_SIZE": _COUNT,
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": _COUNT,
    },
    "metrics": {
        "OTEL_METRIC_EXPORT_INTERVAL": _MS,
        "OTEL_METRIC_EXPORT_TIMEOUT": _MS,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": _one_of("cumulative", "delta", "lowmemory"),
    },
}


def wrong_variable(signal: Signal, protocol: Protocol, environment: Mapping[str, str]) -> str:
    """Return what is wrong with the variables about sending a signal: name, value and what is allowed; or nothing."""
    about = _ABOUT_SENDING | {"COMPRESSION": _COMPRESSIONS[protocol]}
    checks = {"OTEL_RESOURCE_ATTRIBUTES": _pairs, **_OF_SIGNAL[signal]}
    for name, check in about.items():
        # What is said for a signal counts more than what is said for both.
        own, both = f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", f"OTEL_EXPORTER_OTLP_{name}"
        checks[own if environment.get(own, "").strip() else both] = check
    for variable, check in checks.items():
        value = environment.get(variable, "").strip()
        if value and (allowed := check(value)):
            # Headers are keys to the collector.
            shown = f" {value!r}" if not variable.endswith("HEADERS") else ""
            return f"{variable}:{shown} cannot be used: write {allowed}, or unset it"
    if signal == "traces":
        return _wrong_batch(environment)
    return ""


def _wrong_batch(environment: Mapping[str, str]) -> str:
    batch = environment.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "").strip() or "512"
    queue = environment.get("OTEL_BSP_MAX_QUEUE_SIZE", "").strip() or "2048"
    if int(batch) <= int(queue):
        return ""
    return f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '{batch}' cannot be used: write at most OTEL_BSP_MAX_QUEUE_SIZE, {queue}"
