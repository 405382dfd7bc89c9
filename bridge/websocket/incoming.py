"""What comes from a client on one connection, within its limits."""

import math
import time

from bridge.call.call import Call
from bridge.rate_limit import SOUND_SPEED, Flood, SoundLimit, TokenBucket
from bridge.text_input import ProtocolError
from bridge.websocket.protocol import ClientMessage, TypedText, checked_sound, parse

MESSAGES_PER_S, MESSAGES_BURST = 50, 1_000
"""A client reports ten times a second what it plays, and after a stall all of it at once."""
TEXTS_BURST = 200


class Incoming:
    """Counts what comes, and passes it on."""

    def __init__(self, call: Call, track_id: str, sample_rate_hz: int) -> None:
        self._call = call
        self._track_id = track_id
        self._rate_hz = sample_rate_hz
        self._sound = SoundLimit()
        self._messages = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST)
        self._texts = TokenBucket(MESSAGES_PER_S, TEXTS_BURST)

    async def sound(self, data: bytes) -> None:
        """Accept sound, unless it comes faster than real time. Raises ProtocolError."""
        now_s = time.monotonic()
        try:
            is_taken = self._sound.take(len(data) / 2 / self._rate_hz, now_s)
        except Flood as error:
            self.report_left_out(math.inf)
            message = f"more came than {SOUND_SPEED:g} times real time; send sound as it is made"
            raise ProtocolError("flood", message) from error
        self.report_left_out(now_s)
        if is_taken:
            await self._call.sound(self._track_id, checked_sound(data))

    def message(self, data: str) -> ClientMessage:
        """Return a message. Raises ProtocolError."""
        now_s = time.monotonic()
        if not self._messages.take(1, now_s):
            raise ProtocolError("flood", f"more than {MESSAGES_PER_S} messages a second came")
        message = parse(data)
        if isinstance(message, TypedText) and not self._texts.take(1, now_s):
            raise ProtocolError("flood", f"more than {MESSAGES_PER_S} texts a second came")
        return message

    def report_left_out(self, now_s: float) -> None:
        """Append how much sound was left out, once no more is."""
        if left_out_s := self._sound.left_out_s(now_s):
            self._call.outage.left_out(self._track_id, left_out_s * 1000)
