"""Embeddings of text as vectors: the local one (WordLlama), or any of LangChain's by `provider:model`."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.settings import Settings

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

LOCAL, OFF = "local", "off"
LOCAL_DIMS = 256
WORDLLAMA = f"wordllama-{LOCAL_DIMS}"
MOST_CHARS = 8_000
"""Longer texts are cut: the subject of a turn is clear by then, and providers refuse more."""
TIMEOUT_S = 10.0

Vector = NDArray[np.float32]


class EmbeddingFailed(RuntimeError):
    """No vector could be computed; the message says why."""


class Embedder(Protocol):
    """Turns texts into vectors that can be compared with each other, and only with those of the same `name`."""

    @property
    def name(self) -> str:
        """The model's name, as recorded beside its vectors."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector of length 1 for each text, zeros if it has no words. Raises EmbeddingFailed."""


def embedder_of(settings: Settings) -> Embedder | None:
    """Return the embedder of the settings, None if they say `off`. Nothing is loaded before it is used."""
    name = settings.embedding.strip()
    if name in ("", OFF):
        return None
    return LocalEmbedder() if name == LOCAL else LangChainEmbedder(name, settings.embedding_options)


class LocalEmbedder:
    """WordLlama with the weights of its wheel: 0.2 ms per sentence, in its own thread; loading takes 0.5 s."""

    name = WORDLLAMA

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedding")
        self._model: Any = None

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors. Raises EmbeddingFailed if the model cannot be loaded."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, list(texts))
        except Exception as error:  # whatever it raises, the turn continues without a vector
            raise EmbeddingFailed(f"{type(error).__name__}: {error}") from error

    def _embed(self, texts: list[str]) -> list[Vector]:
        if self._model is None:
            self._model = _load()
        return unit_vectors(self._model.embed([text[:MOST_CHARS] for text in texts]))


def _load() -> Any:
    import wordllama

    # With its own folder as cache it finds its tokenizer there; otherwise it would look for it on the network.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, dim=LOCAL_DIMS, disable_download=True)


class LangChainEmbedder:
    """Any embedding that LangChain knows, named `provider:model`. Raises nothing before it is used."""

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        make: "Callable[..., Embeddings] | None" = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._name = name
        self._options = options
        self._make = make
        self._timeout_s = timeout_s
        self._model: Embeddings | None = None

    @property
    def name(self) -> str:
        """The model as it was named in the settings."""
        return self._name

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors. Raises EmbeddingFailed: no package, no key, no answer in time."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if self._model is None:
                    self._model = await asyncio.to_thread(self._load)
                vectors = await self._model.aembed_documents([text[:MOST_CHARS] for text in texts])
        except TimeoutError as error:
            raise EmbeddingFailed(f"{self._name} did not answer within {self._timeout_s:g} s") from error
        except Exception as error:  # providers raise their own exceptions
            raise EmbeddingFailed(f"{self._name}: {type(error).__name__}: {error}") from error
        if len(vectors) != len(texts):
            raise EmbeddingFailed(f"{self._name} returned {len(vectors)} vectors for {len(texts)} texts")
        return unit_vectors(vectors)

    def _load(self) -> "Embeddings":
        from langchain.embeddings import init_embeddings

        make = self._make or init_embeddings
        return make(self._name, **self._options)


def unit_vectors(vectors: Any) -> list[Vector]:
    """Return vectors as float32 of length 1. Raises EmbeddingFailed if they are not finite numbers of one length."""
    try:
        rows = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise EmbeddingFailed(f"the vectors differ in length: {error}") from error
    if rows.size == 0:
        return []
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise EmbeddingFailed("the vectors are not finite numbers")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return list(rows / np.where(lengths > 0, lengths, 1))


def to_bytes(vector: Vector) -> bytes:
    """Return a vector as in events: float32, little endian."""
    return vector.astype("<f4").tobytes()


def from_bytes(embedding: bytes) -> Vector:
    """Return the vector of an event's bytes. Raises ValueError if they are not float32."""
    return np.frombuffer(embedding, "<f4").astype(np.float32)


def exchange_text(user_text: str, heard_text: str) -> str:
    """Return the text of an exchange to embed: what was said and what was heard."""
    return f"{user_text.strip()}\n{heard_text.strip()}".strip()
