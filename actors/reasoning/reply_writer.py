"""The events of one reply, from its beginning to its end."""

import contextlib
import time
from itertools import count
from typing import Any

from actors.reasoning.decide import SESSION_CLOSED
from actors.reasoning.graph import Retrieved
from actors.reasoning.raw_answer import RawAnswer
from actors.reasoning.session_log import SessionLog
from actors.reasoning.session_state import Reply
from contracts import events as e
from contracts.answers import Answer, answer
from contracts.ids import derive_id
from contracts.topology import REASONING
from infra.engines.chain import EngineFailure
from infra.log.event_log import StaleWriter, now_ns


class Superseded(Exception):
    """The reply is over, or another copy writes it."""


class ReplyWriter:
    """Appends the events of a reply that `cause` led to; each method raises what the log raises.

    `elapsed_ms` and `first_token_ms` of ReplyCompleted are counted from its creation.
    """

    def __init__(
        self, log: SessionLog, cause: e.Event, turn_id: str | None, reply_id: str, raw: RawAnswer | None = None
    ) -> None:
        self._raw = raw or RawAnswer()
        self._log = log
        self._cause = cause
        self._turn_id = turn_id
        self._reply_id = reply_id
        self._begun_s = time.monotonic()
        self._first_token_ns: int | None = None
        self._first_token_ms: float | None = None

    def note_first_token(self, at_ns: int) -> None:
        """Note when the first token came; later ones change nothing."""
        if self._first_token_ms is None:
            self._first_token_ns = at_ns
            self._first_token_ms = self._elapsed_ms()

    async def start(self, context: Retrieved, text: str, model: str, draft: bool) -> None:
        """Append that the reply to `text` begins, and what its model is given. Raises StaleWriter."""
        event = self._answer(
            e.ReplyStarted,
            reply_id=self._reply_id,
            draft=draft,
            text=text,
            model=model,
            context=context.messages,
            memories=context.memories,
            recall_ms=context.recall_ms,
            cached=context.cached,
            request=context.request,
        )
        await self._log.append_about_reply(event)

    async def write_clause(self, text: str) -> None:
        """Append the next clause. Raises Superseded."""
        index = max(self._known().clauses, default=-1) + 1
        event = self._answer(
            e.ReplyClauseWritten,
            id_name=f"ReplyClauseWritten:{text}",
            id_n=index,
            reply_id=self._reply_id,
            index=index,
            text=text,
            first_token_ns=self._first_token_ns if index == 0 else None,
        )
        await self._append(event)

    async def complete(self, finish: str) -> None:
        """Append that all of it is written, and how it ended. Raises Superseded."""
        reply = self._known()
        event = self._answer(
            e.ReplyCompleted,
            reply_id=self._reply_id,
            text=reply.written,
            clauses=len(reply.clauses),
            finish=finish,
            first_token_ms=self._first_token_ms,
            elapsed_ms=self._elapsed_ms(),
            **self._raw.fields(reply.written),
        )
        await self._append(event, may_be_cut=finish == "interrupted")

    async def cut_off(self) -> None:
        """Append that the reply was cut short, unless it is over. A draft whose session has closed is discarded."""
        await self._log.refresh()
        reply, closed = self._log.session.replies.get(self._reply_id), self._log.session.closed
        if reply is None or not reply.alive or not (reply.interrupted or closed):
            return
        with contextlib.suppress(Superseded):  # somebody else has just appended it
            if closed and not reply.granted:
                discarded = self._answer(
                    e.ReplyDiscarded, reply_id=self._reply_id, reason=SESSION_CLOSED, **self._raw.fields()
                )
                await self._append(discarded, may_be_cut=True)
            else:
                await self.complete("interrupted")

    async def write_failure(self, failed: EngineFailure, action: str) -> None:
        """Append that a model failed, and what was done about it: one failure, one fact.

        Another copy may have begun the reply: its failures are counted with this one's.
        """
        name, known = f"EngineFailed:{failed.engine}", self._log.session.failures
        number = next(n for n in count() if derive_id(self._reply_id, name, n) not in known)
        await self._log.append(
            self._answer(
                e.EngineFailed,
                id_name=name,
                id_n=number,
                actor=REASONING,
                engine=failed.engine,
                error=failed.error,
                action=action,
            )
        )

    def _known(self) -> Reply:
        return self._log.session.replies[self._reply_id]

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._begun_s) * 1000

    async def _append(self, event: e.Event, may_be_cut: bool = False) -> None:
        """Append an event of this reply. Raises Superseded if the reply is over or another copy is further on."""
        await self._log.refresh_after_outage()
        while True:
            reply = self._known()
            is_cut = (reply.interrupted or self._log.session.closed) and not may_be_cut
            is_taken = isinstance(event, e.ReplyClauseWritten) and event.index in reply.clauses
            if not reply.alive or is_cut or is_taken:
                raise Superseded
            try:
                return await self._log.append_about_reply(event)
            except StaleWriter:
                await self._log.refresh()

    def _answer(self, event_class: type[Answer], **fields: Any) -> Answer:
        """Return an event of this reply; its id is derived from the reply, whatever led to it."""
        fields["turn_id"] = self._turn_id
        return answer(self._cause, event_class, time_ns=now_ns(), id_from=self._reply_id, **fields)
