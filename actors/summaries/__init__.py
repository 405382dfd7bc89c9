"""The actor that summarises a session at its end: `faststream run actors.summaries:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
