"""Vectors of texts, from the local engine and from any other."""

from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from infra.engines.embedding import (
    LOCAL_DIMS,
    EmbeddingFailed,
    LangChainEmbedder,
    LocalEmbedder,
    embedder_of,
    from_bytes,
    to_bytes,
    unit_vectors,
)
from infra.settings import Settings


class Fixed(Embeddings):
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        vectors: list[list[float]] = self.answer
        return vectors


def langchain(answer: Any) -> LangChainEmbedder:
    return LangChainEmbedder("fake:one", {"size": 3}, make=lambda name, **options: Fixed(answer))


async def test_the_local_engine_puts_what_is_alike_together() -> None:
    embedder = LocalEmbedder()
    question, told, other = await embedder.embed(["What is my name?", "My name is Sam.", "Eggs boil in water."])
    assert question.shape == (LOCAL_DIMS,)
    assert question.dtype == np.float32
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-5)
    assert question @ told > question @ other


async def test_nothing_and_a_megabyte_are_texts_too() -> None:
    nothing, long = await LocalEmbedder().embed(["", "owl " * 250_000])
    assert not nothing.any()
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-5)


async def test_any_langchain_embedding_works_and_its_dimensions_follow() -> None:
    (vector,) = await langchain([[3.0, 4.0, 0.0]]).embed(["Hello."])
    assert vector.tolist() == pytest.approx([0.6, 0.8, 0.0])


@pytest.mark.parametrize("answer", [RuntimeError("no key"), [], [[float("nan")]], [["x"]], [[1.0], [1.0, 2.0]]])
async def test_whatever_goes_wrong_is_one_kind_of_failure(answer: Any) -> None:
    with pytest.raises(EmbeddingFailed):
        await langchain(answer).embed(["Hello."])


async def test_an_unknown_provider_fails_when_it_is_used() -> None:
    embedder = embedder_of(Settings(embedding="nosuch:model"))
    assert embedder is not None
    with pytest.raises(EmbeddingFailed, match="nosuch"):
        await embedder.embed(["Hello."])


def test_the_settings_choose() -> None:
    assert embedder_of(Settings(embedding="off")) is None
    local = embedder_of(Settings(embedding="local"))
    assert local is not None
    assert local.name == "wordllama-256"


def test_vectors_survive_as_bytes() -> None:
    (vector,) = unit_vectors([[1.0, 2.0]])
    assert len(to_bytes(vector)) == 8
    assert from_bytes(to_bytes(vector)).tolist() == vector.tolist()
