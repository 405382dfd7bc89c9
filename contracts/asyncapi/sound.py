"""Sound in `asyncapi.yaml`: frames, and the chunks of recordings."""

import base64

from contracts import audio
from contracts.asyncapi.parts import EXAMPLE_ID, EXAMPLE_NS, Node, array, message, whole

_PCM = base64.b64encode(bytes(8)).decode()
_AS_TEXT = {"summary": "Its sound is base64 here; in the message it is a MessagePack `bin`."}


def sound_messages() -> Node:
    """Return the frames of microphones and of the agent, and a chunk of a recording."""
    chunk = [1, 0, EXAMPLE_NS, 0, 412, True, {"t-1": 3_200}, [_PCM]]
    return {
        **_frame(audio.InFrame, ["t-1", 8_960, EXAMPLE_NS, _PCM]),
        **_frame(audio.OutFrame, [EXAMPLE_ID, 0, 0, 24_000, _PCM, True, [6_400, 12_800]]),
        **message("RecordingChunk", "Some seconds of a recording.", chunk, example=_AS_TEXT),
    }


def _frame(frame: type[object], payload: list[object]) -> Node:
    summary = (frame.__doc__ or "").strip().splitlines()[0]
    return message(frame.__name__, summary, payload, example=_AS_TEXT)


def sound_schemas() -> Node:
    """Return their schemas."""
    inbound = [_text("track_id"), _count("first_sample"), _count("received_ns"), _bytes("pcm", _PCM_MEANS)]
    outbound = [_text("reply_id"), _count("index"), _count("first_sample"), _count("sample_rate_hz")]
    outbound += [_bytes("pcm", _PCM_MEANS), _flag("last", "The clause ends with this frame.")]
    outbound += [{"title": "word_end_samples", "type": "array", "items": _count("end")}]
    tracks = {
        "title": "track_samples",
        "type": "object",
        "description": "Where each microphone's sample 0 lies, counted at 16 kHz from the recording's start.",
        "additionalProperties": {"type": "integer", "format": "int64"},
    }
    packets = {"title": "packets", "type": "array", "items": _bytes("packet", "20 ms of Opus, stereo at 48 kHz.")}
    chunk = [_count("version"), _count("index"), _count("start_ns"), _count("first_packet"), _count("stored_bytes")]
    chunk += [_flag("last", "It completes the recording."), tracks, packets]
    rate = f"Always {audio.IN_SAMPLE_RATE_HZ} Hz, {audio.FRAME_MS} ms a frame, or up to 60 after seconds of quiet."
    fields = "A MessagePack array of these fields in order."
    return {
        **array("InFrame", inbound, f"{fields} {rate}"),
        **array("OutFrame", outbound, fields),
        **array("RecordingChunk", chunk, f"{fields} People are on the left channel, the agent is on the right."),
    }


_PCM_MEANS = "int16 little endian, mono; a MessagePack `bin`."


def _text(title: str) -> Node:
    return {"title": title, "type": "string"}


def _count(title: str) -> Node:
    node = {"title": title, **whole("")}
    del node["description"]
    return node


def _flag(title: str, description: str) -> Node:
    return {"title": title, "type": "boolean", "description": description}


def _bytes(title: str, description: str) -> Node:
    return {"title": title, "type": "string", "format": "binary", "description": description}
