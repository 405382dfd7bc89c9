"""The actor that runs agents' tools apart from their replies: `faststream run actors.tools:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
