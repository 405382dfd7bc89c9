"""Which actors a replay can run again."""

from contracts.topology import (
    BRIDGE,
    BRIDGE_LIVEKIT,
    HTTP,
    LIVEKIT_ROOM,
    PERSISTENCE,
    REASONING,
    SUMMARIES,
    SYNTHESIS,
)
from infra.replay.actors import ReplayedActor
from infra.replay.doors import DOOR
from infra.replay.persistence import REPLAYED_PERSISTENCE
from infra.replay.reasoning import REPLAYED_REASONING
from infra.replay.summaries import REPLAYED_SUMMARIES
from infra.replay.synthesis import REPLAYED_SYNTHESIS

ACTORS: dict[str, ReplayedActor] = {
    REASONING: REPLAYED_REASONING,
    SYNTHESIS: REPLAYED_SYNTHESIS,
    PERSISTENCE: REPLAYED_PERSISTENCE,
    SUMMARIES: REPLAYED_SUMMARIES,
    BRIDGE: DOOR,
    BRIDGE_LIVEKIT: DOOR,
    HTTP: DOOR,
    LIVEKIT_ROOM: DOOR,
}
"""By the actor's name as it is in the subject of its tape."""
