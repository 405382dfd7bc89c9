"""The actor that hears: it detects speech, its words and the end of turns: `faststream run actors.transcript:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "actor")
