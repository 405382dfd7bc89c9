"""The tables of the log in Postgres: `faststream run projections.postgres:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
