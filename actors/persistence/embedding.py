"""Adds the embedding to a record: an engine's result, so it is computed once and then is a fact."""

from contracts.answers import answer
from contracts.events import EngineFailed, TurnRecorded
from contracts.topology import PERSISTENCE
from infra.engines.embedding import Embedder, EmbeddingFailed, exchange_text, to_bytes


async def embedded(record: TurnRecorded, embedder: Embedder | None) -> TurnRecorded:
    """Return the record with the embedding of what was said and heard. Raises EmbeddingFailed.

    A greeting, or a record without words, gets none.
    """
    text = exchange_text(record.user_text, record.heard_text)
    if embedder is None or not record.user_text.strip():
        return record
    (vector,) = await embedder.embed([text])
    if not vector.any():
        return record
    return record.model_copy(update={"embedding": to_bytes(vector), "embedding_model": embedder.name})


def embedding_failed(record: TurnRecorded, embedder: Embedder | None, error: EmbeddingFailed) -> EngineFailed:
    """Return the fact that a record is kept without an embedding."""
    return answer(
        record,
        EngineFailed,
        time_ns=record.time_ns,
        id_name="EngineFailed:embedding",
        cause_id=record.cause_id,  # the record's cause, because the record itself is not in the log yet
        actor=PERSISTENCE,
        engine=embedder.name if embedder is not None else "",
        error=str(error)[:500],
        action="recorded the turn without an embedding",
    )
