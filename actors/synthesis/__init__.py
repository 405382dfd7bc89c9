"""The actor that turns written clauses into sound: `faststream run actors.synthesis:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
