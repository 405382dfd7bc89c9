"""A caller made of WAV files: it talks to the WebSocket door at real-time pace, listens, and measures."""

from infra.caller.call import CallFailed, place_call
from infra.caller.result import CallResult, HeardReply, Turn, Utterance
from infra.caller.wav import BadWav, Sound, read_wav, write_wav

__all__ = [
    "BadWav",
    "CallFailed",
    "CallResult",
    "HeardReply",
    "Sound",
    "Turn",
    "Utterance",
    "place_call",
    "read_wav",
    "write_wav",
]
