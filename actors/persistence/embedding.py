"""Adds the embedding to a record: an engine's result, so it is computed once and then is a fact."""

from collections.abc import Awaitable, Callable
from typing import Any

from contracts.answers import answer
from contracts.events import EngineFailed, TurnRecorded
from contracts.topology import PERSISTENCE
from infra.engines.embedding import Embedder, EmbeddingFailed, exchange_text, to_bytes
from infra.tape.deliveries import digest_of
from infra.tape.tape import Packing, Tape

EMBEDDING = "embedding"
"""Kind of the request on the tape."""


def packing(vector_of: Callable[[bytes], bytes]) -> Packing[bytes]:
    """Return how a vector is on the tape: by its digest, as the record itself holds it; `vector_of` finds it there."""
    return Packing(digest, vector_of, (EmbeddingFailed,))


def digest(vector: bytes) -> bytes:
    """Return how a vector is known on the tape; that of none is empty."""
    return bytes(digest_of(vector)) if vector else b""


def _unread(digest: Any) -> bytes:
    raise NotImplementedError("a running copy asks for its vectors")


LIVE = packing(_unread)


async def embedded(
    record: TurnRecorded, embedder: Embedder | None, tape: Tape, packing: Packing[bytes] = LIVE
) -> TurnRecorded:
    """Return the record with the embedding of what was said and heard. Raises EmbeddingFailed.

    A greeting, or a record without words, gets none.
    """
    if embedder is None or not record.user_text.strip():
        return record
    text = exchange_text(record.user_text, record.heard_text)
    request = {"model": embedder.name, "text": text}
    vector = await tape.result(EMBEDDING, record.reply_id, request, _asking(embedder, text), packing)
    return record.model_copy(update={"embedding": vector, "embedding_model": embedder.name}) if vector else record


def _asking(embedder: Embedder, text: str) -> Callable[[], Awaitable[bytes]]:
    async def ask() -> bytes:
        (vector,) = await embedder.embed([text])
        return to_bytes(vector) if vector.any() else b""

    return ask


def embedding_failed(
    record: TurnRecorded, embedder: Embedder | None, error: EmbeddingFailed, time_ns: int
) -> EngineFailed:
    """Return the fact that a record is kept without an embedding."""
    return answer(
        record,
        EngineFailed,
        time_ns=time_ns,
        id_name="EngineFailed:embedding",
        cause_id=record.cause_id,  # the record's cause, because the record itself is not in the log yet
        actor=PERSISTENCE,
        engine=embedder.name if embedder is not None else "",
        error=str(error)[:500],
        action="recorded the turn without an embedding",
    )
