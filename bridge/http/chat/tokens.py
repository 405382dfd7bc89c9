"""The tokens of a reply as the model writes them, on core NATS: hints for a reader, of which any may be lost."""

import logging
from dataclasses import dataclass

import msgpack
from nats.aio.msg import Msg

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """A piece of a reply's text; `number` counts them from 0."""

    reply_id: str
    number: int
    text: str


def token_of(message: Msg) -> ReplyToken | None:
    """Return the token in a message; None if there is none that can be read."""
    try:
        fields = msgpack.unpackb(message.data)
        return ReplyToken(str(fields["reply_id"]), int(fields["n"]), str(fields["text"]))
    except (ValueError, KeyError, TypeError, msgpack.UnpackException) as error:
        log.debug("no token on %s: %r", message.subject, error)
        return None
