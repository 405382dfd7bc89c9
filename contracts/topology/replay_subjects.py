"""Where the facts of a recorded session are published again, and where they must not be."""

import re
from collections.abc import Iterator

from contracts.topology.channels import CHANNELS, REPLAYED_FACT
from contracts.topology.facts import FACTS, LIVE
from contracts.topology.partitions import MAPPED
from contracts.topology.requests import REQUESTS
from contracts.topology.streams import STREAMS

REPLAY_PREFIX = REPLAYED_FACT.address.text.partition(".")[0]

_TOKENS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*")


def checked_replay_prefix(prefix: str) -> str:
    """Return the prefix if recorded facts may be published below it.

    Raises ValueError, with the reason, for one that begins no subject, and for one where processes listen or streams
    store: a recorded fact there would be taken for one that happens now.
    """
    if not _TOKENS.fullmatch(prefix):
        raise ValueError(
            f"facts cannot be replayed on {prefix[:80]!r}: use words of letters, digits, - and _, joined by dots, such "
            f"as {REPLAY_PREFIX} or test.{REPLAY_PREFIX}"
        )
    first = prefix.partition(".")[0]
    if first in set(_in_use()):
        raise ValueError(
            f"facts cannot be replayed on {prefix!r}: the running system uses subjects that begin with {first!r}, and "
            f"would take what happened then for something that happens now. Choose another, such as {REPLAY_PREFIX}"
        )
    return prefix


def _in_use() -> Iterator[str]:
    """Yield the first token of every subject of ours but the replay's own."""
    rows = [row.address for row in (*CHANNELS, *REQUESTS) if row is not REPLAYED_FACT]
    stored = [subjects for stream in STREAMS for subjects in stream.subjects]
    yield from (
        text.partition(".")[0] for text in (*(address.text for address in (FACTS, MAPPED, LIVE, *rows)), *stored)
    )


def replay_subject(subject: str, prefix: str = REPLAY_PREFIX) -> str:
    """Return where a fact that is stored on `subject` is published again."""
    return f"{prefix}.{subject.partition('.')[2]}"


def replay_subjects(session_id: str, prefix: str = REPLAY_PREFIX) -> str:
    """Return the plain subscription for the replayed facts of one session."""
    return f"{prefix}.{REPLAYED_FACT.address.of(session_id, '*', '*').partition('.')[2]}"
