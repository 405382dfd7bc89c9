"""The WebSocket door, to which the browser page connects. `faststream run bridge.websocket:app` runs it alone."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
