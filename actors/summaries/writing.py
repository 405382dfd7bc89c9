"""Writes summaries: with the best model that works, else from what was said."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from actors.summaries.action_items import action_items
from actors.summaries.asking import (
    PIECE_CHARS,
    SMALL_ANSWER_CHARS,
    Final,
    Rambled,
    answer,
    final_messages,
    notes_messages,
    read_final,
    read_notes,
    read_small,
    small_messages,
    small_source,
)
from actors.summaries.conversation import SpokenLine, pieces
from actors.summaries.counting import Sentiment, sentiment, topics
from actors.summaries.extraction import LONGEST, SAID, extract
from actors.summaries.idle_model import Calls, TooBusy
from infra.engines.llm import LOCAL
from infra.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

log = logging.getLogger(__name__)

T = TypeVar("T")
Models = list[tuple[str, "BaseChatModel"]]
LoadModels = Callable[[Settings], Models]

EXTRACT = "extract"
"""`model` of a summary that no model wrote."""

ANSWER_TOKENS = 700
"""Tokens for a model's notes or JSON: more than for a spoken reply."""

PATIENCE_S = 120.0
"""How long the end of a call waits for a quiet moment of the local model."""


@dataclass(frozen=True, slots=True)
class Written:
    """A summary, and the model that wrote it."""

    summary: str
    model: str
    topics: tuple[str, ...] = ()
    sentiment: Sentiment = "unknown"
    action_items: tuple[str, ...] = ()


@dataclass
class Writer:
    """Writes the summaries of one job; a model that fails once is not used again, and noted in `failures`."""

    settings: Settings
    calls: Calls
    load_models: LoadModels
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Engine and error of each failure."""
    _models: Models | None = None

    async def notes(self, old: str, lines: Sequence[SpokenLine]) -> tuple[str, str]:
        """Return new notes of an ongoing call, from the old ones and what was said since, and their model.

        The local model is not used: it mixes up who said what, and calls need it.
        """
        made_by = EXTRACT
        for piece in pieces(lines, PIECE_CHARS):
            old, made_by = await self._next_notes(old, piece)
        return old, made_by

    async def final(self, notes: str, rest: Sequence[SpokenLine], lines: Sequence[SpokenLine]) -> Written:
        """Return the summary of a call that has ended: `notes` stand for all but the `rest` of its `lines`."""
        if not lines:
            return Written("", "")
        # Piece by piece, so that even the longest call fits the model.
        *early, last = pieces(rest, PIECE_CHARS) or [[]]
        for name, model in await self._usable():
            if name == LOCAL:
                summary = await self._try(name, self._small(model, notes, rest))
                if summary:
                    return self._written(summary, name, lines)
                continue
            for piece in early:
                notes, _ = await self._next_notes(notes, piece)
            final = await self._try(name, self._final(model, notes, last))
            if final is not None:
                return Written(final.summary, name, final.topics, final.sentiment, final.action_items)
            early = []
        return self._written(extract(rest, LONGEST, notes), EXTRACT, lines)

    def _written(self, summary: str, model: str, lines: Sequence[SpokenLine]) -> Written:
        return Written(summary, model, topics(lines), sentiment(lines), action_items(lines))

    async def _next_notes(self, old: str, piece: Sequence[SpokenLine]) -> tuple[str, str]:
        for name, model in await self._usable():
            if name == LOCAL:
                continue
            text = await self._try(name, self._notes(model, notes_messages(old, piece)))
            if text:
                return text, name
        return SAID + extract(piece, LONGEST, old), EXTRACT

    async def _notes(self, model: "BaseChatModel", messages: list[tuple[str, str]]) -> str:
        return read_notes(await answer(model, messages, self.settings.llm_timeout_s))

    async def _final(self, model: "BaseChatModel", notes: str, last: Sequence[SpokenLine]) -> Final:
        return read_final(await answer(model, final_messages(notes, last), self.settings.llm_timeout_s))

    async def _small(self, model: "BaseChatModel", notes: str, rest: Sequence[SpokenLine]) -> str:
        source = small_source(notes, rest)
        silence_s = self.settings.llm_timeout_s
        text = await self.calls.between(
            lambda: answer(model, small_messages(source), silence_s, SMALL_ANSWER_CHARS), PATIENCE_S
        )
        return read_small(text, source)

    async def _try(self, name: str, answering: Awaitable[T]) -> T | None:
        """Return a model's result, None if it fails; the failure is noted if it is the engine's."""
        try:
            return await answering
        except (Rambled, TooBusy) as reason:
            log.info("the summary is made without %s: %s", name, reason)
        except Exception as error:  # a provider may raise anything
            self._fail(name, error)
        self._models = [(known, model) for known, model in self._models or [] if known != name]
        return None

    async def _usable(self) -> Models:
        if self._models is None:
            try:
                wanted = self.settings.model_copy(update={"reply_max_tokens": ANSWER_TOKENS})
                self._models = await asyncio.to_thread(self.load_models, wanted)
            except Exception as error:  # a provider may raise anything
                self._models = []
                self._fail(self.settings.llm, error)
        return self._models

    def _fail(self, name: str, error: Exception) -> None:
        # A provider's message may repeat the prompt: it goes into the fact, which erasure finds, not into a log file.
        log.warning("a summary failed with %s: %s", name, type(error).__name__)
        self.failures.append((f"llm:{name}", f"{type(error).__name__}: {error}"[:500]))
