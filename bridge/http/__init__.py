"""The HTTP door: chat by text, sessions and what was said in them. `faststream run bridge.http:app` runs it alone."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
