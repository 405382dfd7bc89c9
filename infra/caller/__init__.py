"""A caller that speaks WAV files: it talks to a door in real time, listens, and measures.

`place_call` calls the WebSocket door, `infra.caller.room.place_room_call` the agent of a LiveKit room; both return
the same result.
"""

from infra.caller.result import CallResult, MeasuredTurn, PlayedReply, ScriptedUtterance
from infra.caller.talk import CallFailed
from infra.caller.wav import BadWav, Sound, read_wav, write_wav
from infra.caller.websocket import place_call

__all__ = [
    "BadWav",
    "CallFailed",
    "CallResult",
    "MeasuredTurn",
    "PlayedReply",
    "ScriptedUtterance",
    "Sound",
    "place_call",
    "read_wav",
    "write_wav",
]
