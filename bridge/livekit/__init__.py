"""The LiveKit door: people in rooms of a LiveKit server talk with the agent. `faststream run bridge.livekit:app`."""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
