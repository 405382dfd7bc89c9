"""Gathers what a model is given besides the question; past exchanges are searched while the caller still speaks."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

from actors.reasoning.clauses import normalised
from actors.reasoning.context import asker_id, askers, heard_messages, told_replies, was_cut_off
from actors.reasoning.memories import told
from actors.reasoning.prompts import Background, wants_memory
from actors.reasoning.session_state import Reply, Session
from infra.memory.turns import NOTHING, Recalled, TurnMemory
from infra.session.people import names_of, several

SESSIONS = 500


@dataclass(frozen=True, slots=True)
class _Search:
    key: str
    """For which user, in which turn, for which words."""
    task: "asyncio.Task[Recalled]"


class Backgrounds:
    """One search per session, for the latest understood words; an answer waits `patience_ms` for it.

    The model is given `exchanges` of the conversation.
    """

    def __init__(self, memory: TurnMemory | None, exchanges: int, patience_ms: int) -> None:
        self._memory = memory
        self._exchanges = exchanges
        self._patience_s = patience_ms / 1000
        self._searches: OrderedDict[str, _Search] = OrderedDict()
        self._running: set[asyncio.Task[Recalled]] = set()

    async def open(self) -> None:
        """Start to connect."""
        if self._memory is not None:
            await self._memory.open()

    async def close(self) -> None:
        """Stop what runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._memory is not None:
            await self._memory.close()

    def prepare(self, user_id: str) -> None:
        """Have the user's turns read once, so that they are cached when they are searched."""
        if self._memory is not None:
            self._own(self._memory.recall(user_id, "Hello."))

    def begin(self, session: Session, model: str, turn_id: str | None, question: str, time_ns: int) -> None:
        """Start a search for past exchanges without waiting for it."""
        self._search(session, model, turn_id, question, time_ns)

    def forget(self, session_id: str) -> None:
        """Drop what was found for a session that is over."""
        self._searches.pop(session_id, None)

    async def of(
        self, session: Session, model: str, turn_id: str | None, question: str, time_ns: int, begun: Reply | None = None
    ) -> Background:
        """Return what `model` is given with a question; for a reply that was `begun`, what it was given then."""
        heard = heard_messages(session, turn_id, time_ns, self._exchanges)
        summary = session.summary.summary if session.summary is not None else ""
        names = names_of(session.people) if several(session.people) else ()
        asking = askers(session, turn_id)
        turn = session.turns.get(turn_id or "")
        known = Background(
            heard,
            summary,
            people=names,
            askers=asking,
            lost=turn is not None and turn.lost,
            was_cut_off=was_cut_off(session, turn_id, time_ns),
        )
        if begun is not None:
            return replace(known, memory=begun.recalled, memories=begun.memories)
        recalled = await self._waited_for(self._search(session, model, turn_id, question, time_ns))
        memories = tuple(memory.reply_id for memory in recalled.memories)
        return replace(known, memory=told(recalled.memories), memories=memories, recall_ms=recalled.ms)

    async def _waited_for(self, search: "asyncio.Task[Recalled] | None") -> Recalled:
        if search is None:
            return NOTHING
        begun_s = time.monotonic()
        await asyncio.wait([search], timeout=self._patience_s)
        if search.done():
            return search.result()
        return Recalled((), (time.monotonic() - begun_s) * 1000)

    def _search(
        self, session: Session, model: str, turn_id: str | None, question: str, time_ns: int
    ) -> "asyncio.Task[Recalled] | None":
        words = normalised(question)
        user_id = asker_id(session, turn_id)
        if self._memory is None or not user_id or not words or not wants_memory(model, question):
            return None
        known = self._searches.get(session.session_id)
        key = f"{user_id} {turn_id} {words}"
        if known is not None and known.key == key:
            return known.task
        without = told_replies(session, turn_id, time_ns, self._exchanges)
        task = self._own(self._memory.recall(user_id, question, without))
        self._searches[session.session_id] = _Search(key, task)
        self._searches.move_to_end(session.session_id)
        if len(self._searches) > SESSIONS:
            self._searches.popitem(last=False)
        return task

    def _own(self, search: Coroutine[Any, Any, Recalled]) -> "asyncio.Task[Recalled]":
        task = asyncio.create_task(search, name="recall")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
