"""Which actors a replay can run again."""

from contracts.topology import BRIDGE, BRIDGE_LIVEKIT, HTTP, LIVEKIT_ROOM, REASONING
from infra.replay.actors import ReplayedActor
from infra.replay.playback import PLAYBACK
from infra.replay.reasoning import replayed_reasoning

ACTORS: dict[str, ReplayedActor] = {
    REASONING: ReplayedActor(replayed_reasoning),
    BRIDGE: PLAYBACK,
    BRIDGE_LIVEKIT: PLAYBACK,
    HTTP: PLAYBACK,
    LIVEKIT_ROOM: PLAYBACK,
}
"""By the actor's name as it is in the subject of its tape."""
