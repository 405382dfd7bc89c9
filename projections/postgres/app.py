"""The process of this projection."""

from faststream import FastStream

from infra.cannot_run import CannotRun
from infra.postgres_url import running_url
from infra.settings import settings
from projections.app import projection_app
from projections.postgres.projector import PostgresProjector
from projections.postgres.row import POSTGRES


class NoPostgres(CannotRun, ValueError):
    """The settings turn Postgres off, so there is nothing to project to."""

    exit_code = 2


def make() -> FastStream:
    """Return the app. Raises NoPostgres."""
    url = running_url(settings())
    if not url:
        raise NoPostgres("DAREDEVIL_POSTGRES_URL is `off`: name a database, or do not run this projection")
    return projection_app(POSTGRES.process, lambda nc: PostgresProjector(nc, url))
