"""What was erased after a backup was made, by the receipts of those erasures: it is left out when that is restored."""

import json
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from contracts.codec import encode
from contracts.events import ErasedFact
from contracts.topology import subject_of
from infra.backup.chunk import SavedMessage, digest
from infra.backup.copying import erasure_in
from infra.cannot_run import CannotRun
from infra.erasure.skeleton import in_parts, left_behind
from infra.log.event_log import now_ns
from infra.log.log_streams import streams_of_log
from infra.log.stream_reader import STORED_HEADER, StoredMessage

ALREADY = "erased after this backup was made"


class BadReceipt(CannotRun):
    """A file is no receipt of an erasure."""

    exit_code = 2


class ErasedAgain:
    """Leaves out the words of these sessions, and appends what stays of them as an erasure does."""

    def __init__(self, session_ids: frozenset[str]) -> None:
        self._session_ids = session_ids
        self._left: dict[str, list[ErasedFact]] = {}
        self._parts: dict[str, int] = {}

    @property
    def name(self) -> str:
        """A name that is the same for the same sessions."""
        return digest("\n".join(sorted(self._session_ids)).encode())[:12] if self._session_ids else "none"

    def leaves_out(self, stream: str, message: SavedMessage) -> bool:
        """Return whether a message has words of these sessions, and note what stays of it."""
        if message.session_id not in self._session_ids:
            return False
        if not message.is_fact:
            return True
        if (event := erasure_in(message.subject, message.data)) is not None:
            self._parts[message.session_id] = event.part + 1
        headers = {**message.headers, STORED_HEADER: message.stored}
        left = left_behind(StoredMessage(message.sequence, message.subject, message.data, headers))
        if left is None:
            return False
        self._left.setdefault(message.session_id, []).append(left)
        return True

    async def append(self, nc: Client) -> int:
        """Say in the log what was left out; return of how many sessions. Raises nats errors, TimeoutError."""
        for session_id, left in self._left.items():
            for part in in_parts(session_id, left, ALREADY, now_ns(), self._parts.get(session_id, 0)):
                headers = {"Nats-Msg-Id": part.event_id, "Daredevil-Event": type(part).__name__}
                subject = subject_of(part)
                stream = (await streams_of_log(nc)).of(subject)
                await nc.jetstream().publish(subject, encode(part), 10, stream=stream, headers=headers)
        return len(self._left)


def erased_again(receipts: list[Path]) -> ErasedAgain:
    """Return what receipts name: files of what `daredevil erase --json` printed, once or more. Raises BadReceipt."""
    found: set[str] = set()
    for path in receipts:
        try:
            rest = path.read_text().strip()
            while rest:
                receipt, end = json.JSONDecoder().raw_decode(rest)
                found.update(_sessions(receipt))
                rest = rest[end:].strip()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadReceipt(
                f"{path} is no receipt of an erasure (`daredevil erase --json` prints them): {error}"
            ) from error
    return ErasedAgain(frozenset(found))


def _sessions(receipt: Any) -> list[str]:
    return [str(session["session_id"]) for session in receipt["sessions"]]
