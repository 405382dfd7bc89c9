"""One setup of logs and traces for every process."""

from infra.settings import Settings
from infra.telemetry.export import Export
from infra.telemetry.logs import set_up_logs
from infra.telemetry.resource import resource_of
from infra.telemetry.traces import set_up_traces


def set_up_telemetry(name: str, settings: Settings) -> Export | None:
    """Configure logs to stderr and traces for the process `name`. Raises BadOtlp.

    What is returned has to be told which turns to keep (`infra.log.trace_verdicts`), and to send the last spans when
    the process ends (`Export.finish`); it is None if no span leaves the process.
    """
    set_up_logs(name, settings)
    return set_up_traces(resource_of(name), settings)
