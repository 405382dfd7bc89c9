"""Messages that no handler could process: kept in a stream of their own with the reason, listed, and put back."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError, TimeoutError
from nats.js import JetStreamContext

from contracts.codec import Undecodable
from contracts.topology import DEAD, DURABLES, VOICE, dead_subject, retry_subject
from infra.log.stream_reader import StoredMessage, has_stream, stored_messages
from infra.metrics.table import DEAD_LETTERS_WRITTEN

log = logging.getLogger(__name__)

SUBJECT_HEADER, DURABLE_HEADER = "Daredevil-Subject", "Daredevil-Durable"
SEQUENCE_HEADER, REASON_HEADER = "Daredevil-Sequence", "Daredevil-Reason"

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token of HTTP (RFC 9110, 5.6.2): nats-py also reads other names, but refuses to write them."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: `sequence` is its place in their stream, `subject` and `data` are the original's."""

    sequence: int
    durable: str
    subject: str
    reason: str
    data: bytes
    headers: dict[str, str]


async def dead_letter(js: JetStreamContext, durable: str, message: Msg, reason: str) -> None:
    """Copy a JetStream message to the dead letters and stop its delivery to the durable."""
    place = message.metadata
    stream, sequence = place.stream, place.sequence.stream
    await copy_to_dead(js, durable, sequence, message.subject, message.data, reason, message.headers, stream)
    await message.term()


async def copy_to_dead(
    js: JetStreamContext,
    durable: str,
    sequence: int,
    subject: str,
    data: bytes,
    reason: str,
    headers: Mapping[str, str] | None = None,
    stream: str = VOICE,
) -> None:
    """Copy the message with this sequence of the log to the dead letters, as one that `durable` could not handle.

    `stream` is the partition that it is in, if the log has several.
    """
    reason = " ".join(reason.split())[:500]
    copied = {
        **{name: value for name, value in (headers or {}).items() if _HEADER_NAME.fullmatch(name)},
        "Nats-Msg-Id": f"{durable}:{sequence}" if stream == VOICE else f"{durable}:{stream}:{sequence}",
        SUBJECT_HEADER: subject,
        DURABLE_HEADER: durable,
        SEQUENCE_HEADER: str(sequence),
        REASON_HEADER: reason,
    }
    for header in [name for name in copied if name.lower().startswith("nats-expected")]:
        del copied[header]
    await js.publish(dead_subject(durable), data, stream=DEAD, headers=copied, timeout=5)
    DEAD_LETTERS_WRITTEN.add(1, durable)
    # The reason may repeat what was said: it is kept with the dead letter, out of the log file.
    log.error("%s could not handle %s (sequence %d): `daredevil dead` says why", durable, subject, sequence)


async def dead_letter_undecodable(message: Any, error: BaseException) -> bool:
    """Dead-letter a message that could not be decoded; return whether that is what happened."""
    if not isinstance(error, Undecodable) or not isinstance(message, Msg) or not message.reply:
        return False
    await dead_letter(message._client.jetstream(), message.metadata.consumer, message, str(error))
    return True


async def dead_letters(nc: Client) -> list[DeadLetter]:
    """Return all dead letters, oldest first; none if the log has no such stream yet.

    Raises StreamUnreadable, nats.errors.TimeoutError.
    """
    if not await has_stream(nc, DEAD):
        return []
    return [_letter(message) async for message in stored_messages(nc, DEAD)]


def _letter(message: StoredMessage) -> DeadLetter:
    headers = dict(message.headers)
    return DeadLetter(
        sequence=message.sequence,
        durable=headers.get(DURABLE_HEADER, ""),
        subject=headers.get(SUBJECT_HEADER, ""),
        reason=headers.get(REASON_HEADER, ""),
        data=message.data,
        headers=headers,
    )


class NotTaken(RuntimeError):
    """The dead letter could not be put back; the message says why."""


async def put_back(nc: Client, letter: DeadLetter, timeout_s: float = 30) -> None:
    """Have a running copy of the letter's actor handle it again, then delete the letter. Raises NotTaken."""
    if letter.durable not in {durable.name for durable in DURABLES}:
        projection = letter.durable.removeprefix("projection-")
        raise NotTaken(
            f"{letter.durable} is a projection and reads it again when it is rebuilt: install a version that can store "
            f"it, then `daredevil projections rebuild {projection}`"
        )
    headers = {SUBJECT_HEADER: letter.subject, SEQUENCE_HEADER: letter.headers.get(SEQUENCE_HEADER, "")}
    try:
        answer = await nc.request(retry_subject(letter.durable), letter.data, timeout=timeout_s, headers=headers)
    except NoRespondersError as error:
        raise NotTaken(f"no {letter.durable} is running: start it, then try again") from error
    except TimeoutError as error:
        raise NotTaken(
            f"{letter.durable} did not answer within {timeout_s:.0f} s. The dead letter stays; try again"
        ) from error
    if answer.data:
        raise NotTaken(answer.data.decode(errors="replace"))
    await nc.jetstream().delete_msg(DEAD, letter.sequence)
