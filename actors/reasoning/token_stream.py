"""The tokens of a reply for clients that read along: not stored, and only in conversations by text."""

import msgpack

from actors.reasoning.session_log import SessionLog
from contracts.topology import tokens_subject


class TokenStream:
    """Numbers the tokens of one reply and sends them as `{reply_id, n, text}`.

    A process that continues a reply begins with 0 again, which tells a reader. A call by voice sends none.
    """

    def __init__(self, log: SessionLog, reply_id: str) -> None:
        self._log = log
        self._reply_id = reply_id
        self._sent = 0

    async def tell(self, text: str) -> None:
        """Send the next token if anybody may read it."""
        profile = self._log.session.profile
        if profile is None or profile.speaks or not text:
            return
        message = {"reply_id": self._reply_id, "n": self._sent, "text": text}
        self._sent += 1
        await self._log.wire.whisper(tokens_subject(self._log.session.session_id), msgpack.packb(message))
