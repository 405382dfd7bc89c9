"""One setup of logs and traces for every process."""

from opentelemetry.sdk.resources import Resource

from infra.settings import Settings
from infra.telemetry.logs import set_up_logs
from infra.telemetry.traces import set_up_traces


def set_up_telemetry(name: str, settings: Settings) -> None:
    """Configure logs to stderr and traces for the process `name`."""
    set_up_logs(name, settings)
    resource = Resource.create({"service.name": f"daredevil-{name}"})
    set_up_traces(resource, settings)
