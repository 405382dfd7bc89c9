"""Where telemetry is sent: an OTLP endpoint, named by a setting or by OpenTelemetry's standard variables."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.cannot_run import CannotRun
from infra.settings import Settings
from infra.telemetry.otlp_variables import Protocol, Signal, wrong_variable

log = logging.getLogger(__name__)

GRPC_PORT = 4317
"""The port at which collectors take OTLP over gRPC; 4318 is OTLP over HTTP."""

PROTOCOLS: tuple[Protocol, ...] = ("http/protobuf", "grpc")


class BadOtlp(CannotRun, ValueError):
    """A standard variable has a value that cannot be used; the message says what to write."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Otlp:
    """An endpoint for one signal, in the form in which the exporter of its protocol takes it."""

    endpoint: str
    protocol: Protocol


def otlp_of(settings: Settings, signal: Signal, environment: Mapping[str, str] = os.environ) -> Otlp | None:
    """Return where a signal is sent, None if it is sent nowhere.

    `DAREDEVIL_OTLP_ENDPOINT` is a base URL, as everybody writes it (`http://collector:4318`), or the full URL of either
    signal. Without it the standard variables count: `OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT`, a full URL, or
    `OTEL_EXPORTER_OTLP_ENDPOINT`, a base URL. Raises BadOtlp.
    """
    name = signal.upper()
    if _is_off(name, environment):
        return None
    if (otlp := _sent_to(signal, settings, environment)) is None:
        return None
    if wrong := wrong_variable(signal, otlp.protocol, environment):
        raise BadOtlp(wrong)
    return otlp


def _sent_to(signal: Signal, settings: Settings, environment: Mapping[str, str]) -> Otlp | None:
    name = signal.upper()
    full = "" if settings.otlp_endpoint else environment.get(f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT", "")
    given = full or settings.otlp_endpoint or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not given:
        return None
    protocol = _protocol(name, given, environment)
    if protocol == "grpc":
        return Otlp(_base_of(given), protocol)
    if not given.startswith(("http://", "https://")):
        variable = f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT" if full else "OTEL_EXPORTER_OTLP_ENDPOINT"
        raise BadOtlp(f"{variable}: {given!r} is not a URL: write `http://host:4318` or `https://host`")
    return Otlp(full or f"{_base_of(given)}/v1/{signal}", protocol)


def _is_off(name: str, environment: Mapping[str, str]) -> bool:
    """Return whether a signal is switched off. Raises BadOtlp."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip()
    if disabled.lower() not in ("", "true", "false"):
        raise BadOtlp(f"OTEL_SDK_DISABLED: {disabled!r} cannot be used: write `true` or `false`, or unset it")
    exporter = environment.get(f"OTEL_{name}_EXPORTER", "").strip()
    if exporter.lower() not in ("", "otlp", "none"):
        raise BadOtlp(f"OTEL_{name}_EXPORTER: {exporter!r} is not supported: write `otlp` or `none`, or unset it")
    return disabled.lower() == "true" or exporter.lower() == "none"


def _protocol(name: str, endpoint: str, environment: Mapping[str, str]) -> Protocol:
    """Return the protocol that is set, else the one that is spoken at the endpoint's port. Raises BadOtlp."""
    for variable in (f"OTEL_EXPORTER_OTLP_{name}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if given := environment.get(variable, "").strip().lower():
            for protocol in PROTOCOLS:
                if given == protocol:
                    return protocol
            raise BadOtlp(f"{variable}: {given!r} is not supported: write `http/protobuf` or `grpc`")
    try:
        port = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").port
    except ValueError as error:
        raise BadOtlp(f"the OTLP endpoint {endpoint!r} has no usable port: {error}") from error
    return "grpc" if port == GRPC_PORT else "http/protobuf"


def _base_of(endpoint: str) -> str:
    """Return the base URL of an endpoint that may be given with the path of a signal."""
    base = endpoint.rstrip("/")
    for signal in ("traces", "metrics", "logs"):
        base = base.removesuffix(f"/v1/{signal}")
    return base.rstrip("/")


class Reached:
    """Logs once that an endpoint is away, and once that it is back: exporters of the SDK do at each attempt."""

    def __init__(self, signal: Signal, otlp: Otlp) -> None:
        self._signal, self._where = signal, f"{otlp.endpoint} ({otlp.protocol})"
        self._is_away = False
        self.hush()

    @staticmethod
    def hush() -> None:
        """Silence the exporters of the SDK."""
        # They log every attempt, and what they log of an answer is not ours to vouch for.
        for noisy in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "opentelemetry.sdk.metrics"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)

    def note(self, succeeded: bool) -> None:
        """Note what came of an attempt."""
        if succeeded and self._is_away:
            log.warning("%s reach %s again", self._signal, self._where)
        elif not succeeded and not self._is_away:
            log.warning(
                "%s do not reach %s: is the collector there? They are lost until it is; calls go on as they are",
                self._signal,
                self._where,
            )
        self._is_away = not succeeded
