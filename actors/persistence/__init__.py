"""The actor that records complete exchanges: `faststream run actors.persistence:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
