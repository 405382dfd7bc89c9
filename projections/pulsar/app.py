"""The process of this projection."""

from faststream import FastStream

from infra.cannot_run import CannotRun
from infra.settings import settings
from projections.app import projection_app
from projections.pulsar.projector import PulsarProjector
from projections.pulsar.row import PULSAR


class PulsarNotSet(CannotRun, ValueError):
    """The settings name no Pulsar to write to."""

    exit_code = 2


def make() -> FastStream:
    """Return the app of this projection. Raises PulsarNotSet."""
    if not settings().pulsar_url:
        raise PulsarNotSet("set DAREDEVIL_PULSAR_URL to a Pulsar broker (`make pulsar` starts one): pulsar://host:6650")
    return projection_app(PULSAR.process, lambda nc: PulsarProjector(nc, settings()))
