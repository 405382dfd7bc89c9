"""What LiveKit's plugin for Deepgram does not pass on: that all words of a stream have been sent.

Deepgram answers CloseStream with what it still owes, and then with a summary (`Metadata`). The plugin drops that, and
ends its stream when its keep-alive next finds the connection closed: up to 5 s later.
"""

from typing import Any

from livekit.agents import stt

MODULE = "livekit.plugins.deepgram"

ALL_SENT = "all-sent"
"""`request_id` of the event that stands for the summary."""


def pass_on_the_end(stream: stt.RecognizeStream) -> None:
    """Have a stream of this plugin give an event when Deepgram has sent all; other streams stay as they are."""
    process = getattr(stream, "_process_stream_event", None)
    if process is None or not type(stream).__module__.startswith(MODULE):
        return

    def processed(message: dict[str, Any]) -> None:
        process(message)
        if message.get("type") == "Metadata":
            stream._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH, ALL_SENT))

    setattr(stream, "_process_stream_event", processed)  # noqa: B010  # a method of an instance
