"""Gathers what a model is given besides the question; past exchanges are searched while the caller still speaks."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from actors.reasoning.context import asker_id, askers, heard_messages, summary_of, told_replies, was_cut_off
from actors.reasoning.memories import told
from actors.reasoning.prompts import Background, wants_memory
from actors.reasoning.session_state import Session
from infra.engines.llm import model_names
from infra.memory.search import Memory
from infra.memory.turns import NOBODY, NOTHING, Recalled, TurnMemory
from infra.session.people import names_of, several
from infra.session.same_words import normalised
from infra.settings import Settings
from infra.tape.tape import Packing, Plain, Tape

SESSIONS = 500


@dataclass(frozen=True, slots=True)
class _Search:
    key: str
    """For which user, in which turn, how much of it, for which words."""
    task: "asyncio.Task[Recalled]"


class Backgrounds:
    """One search per session, for the latest understood words.

    The settings of a session say how much of the conversation its model is given, and how long an answer waits.
    """

    def __init__(self, memory: TurnMemory | None) -> None:
        self._memory = memory
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

    def begin(self, session: Session, settings: Settings, turn_id: str | None, question: str, time_ns: int) -> None:
        """Start a search for past exchanges without waiting for it."""
        self._search(session, settings, model_names(settings.llm)[0], turn_id, question, time_ns)

    def forget(self, session_id: str) -> None:
        """Drop what was found for a session that is over."""
        self._searches.pop(session_id, None)

    def known(self, session: Session, settings: Settings, turn_id: str | None, time_ns: int) -> Background:
        """Return what is known of the conversation itself at `time_ns`."""
        turn = session.turns.get(turn_id or "")
        return Background(
            heard_messages(session, turn_id, time_ns, settings.turn_history),
            summary_of(session),
            people=names_of(session.people) if several(session.people) else (),
            askers=askers(session, turn_id),
            lost=turn is not None and turn.lost,
            was_cut_off=was_cut_off(session, turn_id, time_ns),
        )

    async def of(
        self,
        session: Session,
        settings: Settings,
        model: str,
        turn_id: str | None,
        question: str,
        time_ns: int,
        tape: Tape,
        reply_id: str,
    ) -> Background:
        """Return what `model` is given with a question; what is recalled for it passes through the tape."""
        known = self.known(session, settings, turn_id, time_ns)
        if not _wants_recall(session, model, turn_id, question):
            return known
        without = told_replies(session, turn_id, time_ns, settings.turn_history)
        request = {"user": asker_id(session, turn_id), "question": question, "without": sorted(without)}

        async def recall() -> Recalled:
            return await self._waited_for(
                self._search(session, settings, model, turn_id, question, time_ns), settings.memory_timeout_ms / 1000
            )

        return with_recalled(known, await tape.result("recall", reply_id, request, recall, RECALLED))

    async def _waited_for(self, search: "asyncio.Task[Recalled] | None", patience_s: float) -> Recalled:
        if search is None:
            return NOTHING
        begun_s = time.monotonic()
        await asyncio.wait([search], timeout=patience_s)
        if search.done():
            return search.result()
        return Recalled((), (time.monotonic() - begun_s) * 1000)

    def _search(
        self, session: Session, settings: Settings, model: str, turn_id: str | None, question: str, time_ns: int
    ) -> "asyncio.Task[Recalled] | None":
        if self._memory is None or not _wants_recall(session, model, turn_id, question):
            return None
        words, user_id = normalised(question), asker_id(session, turn_id)
        known = self._searches.get(session.session_id)
        key = f"{user_id} {turn_id} {settings.memory_turns} {settings.turn_history} {words}"
        if known is not None and known.key == key:
            return known.task
        without = told_replies(session, turn_id, time_ns, settings.turn_history)
        task = self._own(self._memory.recall(user_id, question, without, settings.memory_turns))
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


def _wants_recall(session: Session, model: str, turn_id: str | None, question: str) -> bool:
    """Return whether earlier conversations may be of use for this question to this model."""
    is_somebody = asker_id(session, turn_id) not in NOBODY
    return is_somebody and bool(normalised(question)) and wants_memory(model, question)


def with_recalled(known: Background, recalled: Recalled) -> Background:
    """Return a background with what was recalled for it."""
    memories = tuple(memory.reply_id for memory in recalled.memories)
    return replace(known, memory=told(recalled.memories), memories=memories, recall_ms=recalled.ms)


def _packed(recalled: Recalled) -> Plain:
    memories = [
        [
            each.reply_id,
            each.session_id,
            each.user_text,
            each.heard_text,
            each.at and each.at.isoformat(),
            each.similarity,
        ]
        for each in recalled.memories
    ]
    return [recalled.ms, memories]


def _unpacked(packed: Plain) -> Recalled:
    ms, memories = packed
    return Recalled(
        tuple(
            Memory(reply_id, session_id, said, heard, at and datetime.fromisoformat(at), similarity)
            for reply_id, session_id, said, heard, at, similarity in memories
        ),
        ms,
    )


RECALLED: Packing[Recalled] = Packing(_packed, _unpacked)
