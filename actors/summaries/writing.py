"""Writes summaries: with the best model that works, else from what was said."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from actors.summaries.action_items import action_items
from actors.summaries.asking import (
    ANSWER_CHARS,
    PIECE_CHARS,
    SMALL_ANSWER_CHARS,
    Final,
    Messages,
    Rambled,
    UnusableAnswer,
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
from infra.engines.chain import EngineRaised
from infra.engines.llm import LOCAL
from infra.process.error_text import error_text, kind_of
from infra.settings import Settings
from infra.tape.tape import AS_IT_IS, Packing, Tape

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

LOADED, ANSWERED = "models", "summary"
"""Kinds of requests on the tape: which models there are, and what one of them writes."""

AS_RECORDED: Packing[Any] = Packing(AS_IT_IS.pack, AS_IT_IS.unpack, (EngineRaised, TooBusy))

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
    tape: Tape
    cause_id: str
    """The event that led to the job: the key of its requests on the tape."""
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Engine and error of each failure."""
    _names: list[str] | None = None
    """Names of the models that have not failed, in order of preference; None before they are loaded."""
    _models: dict[str, "BaseChatModel"] = field(default_factory=dict)

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
        for name in await self._usable():
            if name == LOCAL:
                summary = await self._try(name, self._small(name, notes, rest))
                if summary:
                    return self._written(summary, name, lines)
                continue
            for piece in early:
                notes, _ = await self._next_notes(notes, piece)
            final = await self._try(name, self._final(name, notes, last))
            if final is not None:
                return Written(final.summary, name, final.topics, final.sentiment, final.action_items)
            early = []
        return self._written(extract(rest, LONGEST, notes), EXTRACT, lines)

    def _written(self, summary: str, model: str, lines: Sequence[SpokenLine]) -> Written:
        return Written(summary, model, topics(lines), sentiment(lines), action_items(lines))

    async def _next_notes(self, old: str, piece: Sequence[SpokenLine]) -> tuple[str, str]:
        for name in await self._usable():
            if name == LOCAL:
                continue
            text = await self._try(name, self._notes(name, notes_messages(old, piece)))
            if text:
                return text, name
        return SAID + extract(piece, LONGEST, old), EXTRACT

    async def _notes(self, name: str, messages: Messages) -> str:
        return read_notes(await self._answer(name, messages))

    async def _final(self, name: str, notes: str, last: Sequence[SpokenLine]) -> Final:
        return read_final(await self._answer(name, final_messages(notes, last)))

    async def _small(self, name: str, notes: str, rest: Sequence[SpokenLine]) -> str:
        source = small_source(notes, rest)
        return read_small(await self._answer(name, small_messages(source), SMALL_ANSWER_CHARS), source)

    async def _answer(self, name: str, messages: Messages, most_chars: int = ANSWER_CHARS) -> str:
        """Return what a model writes, the local one between calls. Raises TooBusy, EngineRaised."""

        async def ask() -> str:
            def asked() -> Awaitable[str]:
                return answer(self._models[name], messages, self.settings.llm_timeout_s, most_chars)

            try:
                return await (self.calls.between(asked, PATIENCE_S) if name == LOCAL else asked())
            except TooBusy:
                raise
            except Exception as error:  # a provider may raise anything
                raise EngineRaised(error_text(error)) from error

        request = {"model": name, "messages": messages, "most_chars": most_chars}
        return await self.tape.result(ANSWERED, self.cause_id, request, ask, AS_RECORDED)

    async def _try(self, name: str, answering: Awaitable[T]) -> T | None:
        """Return a model's result, None if it fails; the failure is noted if it is the engine's."""
        try:
            return await answering
        except (Rambled, TooBusy) as reason:
            log.info("the summary is made without %s: %s", name, reason)
        except (UnusableAnswer, EngineRaised) as error:
            self._fail(name, error)
        self._names = [known for known in self._names or [] if known != name]
        return None

    async def _usable(self) -> list[str]:
        if self._names is None:
            self._names = []
            try:
                request = {"llm": self.settings.llm}
                self._names = await self.tape.result(LOADED, self.cause_id, request, self._load, AS_RECORDED)
            except EngineRaised as error:
                self._fail(self.settings.llm, error)
        return self._names or []

    async def _load(self) -> list[str]:
        wanted = self.settings.model_copy(update={"reply_max_tokens": ANSWER_TOKENS})
        try:
            self._models = dict(await asyncio.to_thread(self.load_models, wanted))
        except Exception as error:  # a provider may raise anything
            raise EngineRaised(error_text(error)) from error
        return list(self._models)

    def _fail(self, name: str, error: Exception) -> None:
        text = error_text(error)
        log.warning("a summary failed with %s: %s", name, kind_of(text))
        self.failures.append((f"llm:{name}", text))
