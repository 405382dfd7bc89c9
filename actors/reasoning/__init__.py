"""The actor that answers turns, with drafts while they may still be going on: `faststream run actors.reasoning:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
