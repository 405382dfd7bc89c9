"""One reply being written: the graph's output becomes facts, clause by clause, until it ends or is cut."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeVar

from opentelemetry.trace import Span

from actors.reasoning.clauses import ends_sentence
from actors.reasoning.context import asker_id, call_of
from actors.reasoning.decide import Resume, Start
from actors.reasoning.endings import ReplyEnding, ending
from actors.reasoning.filler import with_filler
from actors.reasoning.graph import Asked, CallsFollow, Ended, Out, Retrieved, Token, answer_to
from actors.reasoning.handover import Handovers, takes_over
from actors.reasoning.known_answer import KnownAnswer
from actors.reasoning.learned import ReplyModels
from actors.reasoning.model_chunks import AskModel, asked_after
from actors.reasoning.own_graph import CalledByAnother, GraphReply
from actors.reasoning.prompts import Background
from actors.reasoning.raw_answer import RawAnswer
from actors.reasoning.reply_text import ReplyText
from actors.reasoning.reply_writer import ReplyWriter, Superseded
from actors.reasoning.session_log import SessionLog
from actors.reasoning.session_state import Reply
from actors.reasoning.shared import Equipped, Shared
from actors.reasoning.small_model.introduction import introduction
from actors.reasoning.token_counts import TokenCounts
from actors.reasoning.tool_calls import CallingReply, ToolCalls
from actors.reasoning.tool_runs import ToolRuns
from actors.reasoning.tool_uses import Round, ToolUse
from actors.reasoning.written_calls import WrittenCall
from contracts import events as e
from contracts.answers import Cause
from infra.agents.handoff import Handoff
from infra.agents.loading import DEFAULT
from infra.agents.running import ToolResult
from infra.engines.chain import PASSED_OVER, EngineFailure
from infra.engines.llm import LOCAL, limits_of
from infra.engines.llm_ends import Finish
from infra.engines.sentence_end import joined
from infra.log.event_log import now_ns
from infra.telemetry.traces import in_turn, span
from infra.telemetry.turns import SESSION_ID, TURN_ID, reply_span, span_context

ResultT = TypeVar("ResultT")

WITHOUT_TOOLS = "went on without its tools"


class Generation:
    """Writes the reply that `cause` leads to.

    `run` returns when all of it is in the log; `stop` cuts it off at once. `started` is done when the log holds its
    ReplyStarted, and fails with StaleWriter if another reply fact came first: then decide again. The model is asked
    once the words have been `scored`, if that is given.
    """

    def __init__(
        self,
        log: SessionLog,
        cause: e.Event,
        order: Start | Resume,
        models: ReplyModels,
        shared: Shared,
        equipped: Equipped,
        runs: ToolRuns,
        scored: asyncio.Event | None = None,
    ) -> None:
        self.reply_id = order.reply_id
        self.log = log
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._scored = scored
        self._cause = cause
        self._order = order
        self._models = models
        self._shared = shared
        self._turn_id = order.turn_id if isinstance(order, Start) else self._known().turn_id
        self._question = order.text if isinstance(order, Start) else self._known().text
        turn = log.session.turns.get(self._turn_id or "")
        self._told = self._as_read(turn.told(self._question) if turn is not None else self._question)
        self._agent, self._equipped = equipped.agent, equipped
        are_remote, control = shared.runs_tools_elsewhere(self._agent), shared.control
        reply = CallingReply(self.reply_id, self._about, self.started)
        self._tools = ToolCalls(log, reply, self._agent, runs, self._hand_over, control, are_remote)
        asker = asker_id(log.session, self._turn_id)
        self._known_answer = KnownAnswer(
            shared.cache, log.tape, self.reply_id, asker, models.first, shared.settings, log.session.is_by_text
        )
        self.raw = RawAnswer()
        self._writer = ReplyWriter(log, cause, self._turn_id, self.reply_id, self.raw)
        self._text = ReplyText(log, self._writer, self._about, self.reply_id, self._known_answer, bool(order.fixed))
        self._text.become(self._agent, models.first)
        self._unanswered: EngineFailure | None = None
        self._writing: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._other_agent: e.HandedOver | None = None
        """Who has taken over and has not begun to speak."""

    def _as_read(self, told: str) -> str:
        """Return the words as the local model has read them already to score them, so that it goes on from there."""
        cause = self._cause
        was_scored = self._shared.settings.patience and self._models.first == LOCAL
        if was_scored and isinstance(cause, e.TranscriptRevised) and told == cause.text:
            return joined(told, cause.pauses)
        return told

    @property
    def session_id(self) -> str:
        """The session it belongs to."""
        return self._cause.session_id

    @property
    def _about(self) -> Cause:
        """What the reply's facts answer: its cause, in its turn."""
        return Cause(self.session_id, self._cause.event_id, self._turn_id)

    def stop(self) -> None:
        """Stop the model and append no more clauses."""
        self._is_stopped = True
        self._tools.stop()
        if self._writing is not None:
            self._writing.cancel()

    def grant(self) -> None:
        """Allow tools with effects to run: the draft has been committed."""
        self._tools.granted.set()

    async def run(self) -> None:
        """Write the reply to its end, and wait for its actions. Raises StaleWriter, or what the log raises."""
        with self._span():
            try:
                await self._run_to_end()
                if self.reply_id in self.log.session.replies:
                    await self._tools.finish()
            finally:
                await self._tools.leave()

    def _span(self) -> AbstractContextManager[Span]:
        """Return the span of the writing, which others find by the reply's id."""
        own = span_context(self.session_id, self._turn_id, reply_span(self.reply_id))
        about: dict[str, str | bool] = {
            SESSION_ID: self.session_id,
            TURN_ID: self._turn_id or "",
            "daredevil.reply_id": self.reply_id,
            "daredevil.draft": isinstance(self._order, Start) and self._order.draft,
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": self._agent.name,
        }
        return span("reply", in_turn(self.session_id, self._turn_id), attributes=about, given=own)

    async def _run_to_end(self) -> None:
        self._writing = asyncio.create_task(self._write(), name=f"reply {self.reply_id}")
        if self._is_stopped:
            self._writing.cancel()
        try:
            await self._writing
        except Superseded:
            await self._writer.cut_off()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_stopped or (task is not None and task.cancelling()):
                raise
            await self._writer.cut_off()
        except Exception as error:
            if not self.started.done():
                self.started.set_exception(error)
                self.started.exception()
            raise
        finally:
            if not self.started.done():
                self.started.set_result(None)

    def _known(self) -> Reply:
        return self.log.session.replies[self.reply_id]

    async def _write(self) -> None:
        reply = self.log.session.replies.get(self.reply_id)
        if reply is not None and (reply.interrupted or not reply.alive):
            raise Superseded
        if reply is not None:
            self.started.set_result(None)
        if self._is_granted():
            self.grant()
        self._text.begin(is_new=reply is None or not reply.clauses)
        await self._write_answer(reply)

    async def _finish_reply(self, finish: Finish) -> None:
        """Append how the answer ended: at once, so that nothing can come between its last piece and its end."""
        if finish != "enough":
            await self._text.finish(finish)
        end = ending(finish, self._text.has_said, ends_sentence(self._known().written.rstrip()))
        await self._say_end(end)
        await self._writer.complete(end.finish)
        if not self._known().tools and end in (ReplyEnding("completed"), ReplyEnding("enough")):
            await self._known_answer.keep(self._known().written)

    async def _say_end(self, end: ReplyEnding) -> None:
        if self._unanswered is not None:
            action = "apologised" if end.finish == "failed" else "offered to go on"
            await self._tell_failure(self._unanswered, action)
        if end.sentence:
            await self._text.say_at_end(end.sentence)

    def _is_granted(self) -> bool:
        reply = self.log.session.replies.get(self.reply_id)
        if reply is not None:
            return reply.granted
        return isinstance(self._order, Start) and not self._order.draft

    async def _take(self, out: Out) -> bool:
        """Take what happens to the answer; return whether to go on with it."""
        if isinstance(out, Token):
            self._writer.note_first_token(out.at_ns)
            if not await self._text.take(out.text):
                await self._finish_reply("enough")
                return False
        elif isinstance(out, Retrieved):
            await self._start(out)
        elif isinstance(out, CallsFollow):
            await self._text.calls_follow()
        elif isinstance(out, EngineFailure):
            await self._note_failure(out)
        else:
            await self._finish_reply(out.finish)
        return True

    async def _note_failure(self, failed: EngineFailure) -> None:
        if failed.action:
            await self._tell_failure(failed, failed.action)
        else:
            self._unanswered = failed  # how it was handled is known when the reply ends

    async def _write_answer(self, begun: Reply | None) -> None:
        """Write the answer, from where another process has left it."""
        written, rounds = begun.written if begun is not None else "", []
        if begun is not None and begun.tools and limits_of(self._models.first).tools:
            written = self._after_tools(begun)
            rounds = await self._with_filler(self._tools.taken_up(), "taken-up")
        if self._order.fixed:
            await self._take(Retrieved(()))
            said = self._order.fixed
            if await self._take(Token(said[len(written) :] if said.startswith(written) else "", now_ns())):
                await self._take(Ended("stop"))
            return
        if self._other_agent is None:  # a call that was taken up may have handed over
            await self._answer(self._asked(rounds, written))
        while self._other_agent is not None:
            handed = await self._become(self._other_agent)
            note = f"{self._prompt}\n\n{takes_over(handed)}".strip()
            made = self._tools.facts.rounds
            asked = replace(
                self._asked([], ""),
                prompt=note,
                takes_over=True,
                run_tools=lambda calls, number, made=made: self._run_tools(calls, made + number),  # type: ignore[misc]
            )
            await self._answer(asked)

    async def _answer(self, asked: Asked) -> None:
        if self._agent.graph is None:
            await answer_to(self._shared.graph, asked)
            return None
        while True:
            try:
                return await self._own_graph().answer(asked)
            except CalledByAnother:
                rounds = await self._tools.taken_up()
                asked = replace(asked, rounds=rounds, written=self._after_tools(self._known()))

    def _asked(self, rounds: Sequence[Round], written: str) -> Asked:
        """Return the input of the graph: what this agent's model is asked."""
        return Asked(
            question=self._told,
            prompt=self._prompt,
            gather=self._background,
            models=self._models,
            ask=self.raw.noting(self._ask()),
            run_tools=self._run_tools,
            say=self._take,
            count=TokenCounts(self.log.tape, self._shared.tokens, self.reply_id).count,
            answer_tokens=self._shared.settings.reply_max_tokens,
            answer_known=self._known_answer.find,
            rounds=rounds,
            written=written,
            digest=lambda request: self._shared.models.digest(request, self._shared.settings),
            tools=self._agent.named_tools,
            tool_rounds=self._agent.max_tool_rounds,
            introduction=introduction(self._agent.name, self._prompt) if self._agent.name != DEFAULT else "",
            is_handed_over=lambda: self._other_agent is not None,
        )

    def _ask(self) -> AskModel:
        ask = self._shared.models.ask(self.log.tape, self.reply_id, self._shared.settings)
        return ask if self._scored is None else asked_after(self._scored, ask)

    @property
    def _prompt(self) -> str:
        """The instructions; a graph has its own, unless its agent has some."""
        is_graphs = self._agent.graph is not None and not self._agent.instructions
        prompt = "" if is_graphs else self._shared.settings.prompt
        note = self._equipped.note if limits_of(self._models.first).tools else ""
        return f"{prompt}\n\n{note}".strip() if note else prompt

    def _own_graph(self) -> GraphReply:
        call = call_of(self.log.session, self._agent, self._turn_id)
        timeout_s = self._shared.settings.llm_timeout_s
        return GraphReply(
            self.log, self._agent, self.reply_id, self._tools.facts, self._tools.granted, self.raw, call, timeout_s
        )

    async def _run_tools(self, calls: Sequence[WrittenCall], round_number: int) -> Sequence[ToolUse]:
        """Run the tools of one message of the model, and say the agent's filler if that takes long."""
        return await self._with_filler(self._tools.run(calls, round_number), str(round_number))

    async def _with_filler(self, running: Coroutine[Any, Any, ResultT], key: str) -> ResultT:
        """Return what running tools return; if it takes long and nothing has been said, say the agent's filler."""
        profile = self.log.session.profile
        if profile is None or not profile.filler or self.log.session.is_by_text or self._known().clauses:
            return await running
        key = f"{self.reply_id}-{key}"
        return await with_filler(
            running, profile.filler_after_ms, lambda: self._text.say(profile.filler), self.log.tape, key
        )

    def _after_tools(self, begun: Reply) -> str:
        """Return what was written of the answer after its last call of a tool; a filler is no part of it."""
        since = max(use.clauses_before for use in begun.tools.values())
        written = begun.text_of(since, len(begun.clauses))
        filler = self.log.session.profile.filler if self.log.session.profile is not None else ""
        return "" if written.strip() == filler.strip() else written

    async def _hand_over(self, called: e.ToolCalled, handoff: Handoff) -> ToolResult:
        """Let another agent take the conversation over, as a tool of this reply asks."""
        shared, tape = self._shared, self.log.tape
        handovers = Handovers(
            self.log,
            shared,
            self._about,
            self.reply_id,
            lambda key: shared.models.ask(tape, key, shared.settings),
            self._text.say,
        )
        result = await handovers.carry_out(called, handoff, self._models.first)
        if result.outcome == "ok":
            self._other_agent = self.log.session.handed_over[-1]
        return result

    async def _become(self, handed: e.HandedOver) -> e.HandedOver:
        """Go on as the agent that has taken over: with its model, its tools and its instructions."""
        self._other_agent = None
        self._shared = self._shared.of(self.log.session)
        self._equipped = await self._shared.equipped(self.log.session, self.log.tape, handed.call_id)
        self._agent = self._equipped.agent
        self._tools.become(self._agent, self._shared.runs_tools_elsewhere(self._agent))
        self._models = await self._shared.models_for(self._agent, self.log.tape, handed.call_id)
        self._text.become(self._agent, self._models.first)
        await self._tell_missing()
        return handed

    async def _background(self) -> Background:
        session, backgrounds, settings = self.log.session, self._shared.backgrounds, self._shared.settings
        if (begun := session.replies.get(self.reply_id)) is not None:
            known = backgrounds.known(session, settings, self._turn_id, self._cause.time_ns)
            return replace(known, memory=begun.recalled, memories=begun.memories)
        return await backgrounds.of(
            session,
            settings,
            self._models.first,
            self._turn_id,
            self._told,
            self._cause.time_ns,
            self.log.tape,
            self.reply_id,
        )

    async def _start(self, context: Retrieved) -> None:
        if self.started.done():
            return
        order = self._order
        model = "" if order.fixed else self._models.first
        await self._writer.start(context, self._question, model, draft=isinstance(order, Start) and order.draft)
        self.started.set_result(None)
        if not order.fixed:
            await self._tell_passed_over()
            await self._tell_missing()

    async def _tell_passed_over(self) -> None:
        """Append that a model rests because it failed in another session, where this one's log does not tell it."""
        for name in self._models.passed_over:
            if name not in self.log.session.known_to_fail:
                action = f"asked {self._models.first}"
                await self._writer.write_failure(EngineFailure(name, PASSED_OVER, action, self._models.first), action)

    async def _tell_missing(self) -> None:
        """Append, once in a session, that an MCP server is away."""
        for server, error in self._equipped.missing.items():
            if (name := f"mcp:{server}") not in self.log.session.known_to_fail:
                failure = EngineFailure(name, error, WITHOUT_TOOLS)
                await self._writer.write_failure(failure, WITHOUT_TOOLS)

    async def _tell_failure(self, failed: EngineFailure, action: str) -> None:
        self._shared.models.forget(failed.engine)
        self._known_answer.forget()
        await self._writer.write_failure(failed, action)
