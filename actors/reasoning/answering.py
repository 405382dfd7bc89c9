"""How one copy of reasoning handles an event: it carries out what `decide` returns, and holds session states."""

import asyncio
import contextlib
from collections.abc import Iterable

from actors.reasoning.addressee import turn_passed
from actors.reasoning.decide import Commit, Decision, Discard, Pass, Resume, Start, decide
from actors.reasoning.end_scoring import EndScoring, NoScorer
from actors.reasoning.generation import Generation
from actors.reasoning.guarding import guard_turn
from actors.reasoning.prompts import Background
from actors.reasoning.score_and_draft import ScoreAndDraft
from actors.reasoning.session_log import SessionLog, SessionLogs
from actors.reasoning.session_state import Reply, Session, apply, turn_key
from actors.reasoning.shared import Shared
from actors.reasoning.tool_runs import ToolRuns
from actors.reasoning.warming import PromptWarmer
from actors.reasoning.wire import Wire
from contracts import events as e
from contracts.answers import answer
from infra.agents.guard import GuardFunction
from infra.engines.llm import LOCAL, model_names
from infra.engines.sentence_end import spoken_together
from infra.log.event_log import Fact, StaleWriter, now_ns
from infra.log.inbox import Job
from infra.log.taped_log import EventLog
from infra.session.behaviour import in_session
from infra.session.people import several
from infra.settings import Settings
from infra.tape.tape import Tapes
from infra.tape.untaped import Untaped


class Reasoning:
    """One copy of the actor, with a method for each event; call `open` first and `close` last.

    Without a `warmer` nothing is read in advance: that changes how soon an answer comes, and never which.
    """

    def __init__(
        self,
        log: EventLog,
        tapes: Tapes,
        wire: Wire,
        shared: Shared,
        warmer: PromptWarmer | None = None,
        scoring: EndScoring | None = None,
    ) -> None:
        self._logs = SessionLogs(log, tapes, wire)
        wire.when_reconnected(self._logs.fall_behind)
        self._shared = shared
        self._running: dict[str, Generation] = {}
        self._warmer = warmer
        self._scoring = scoring or EndScoring(NoScorer())
        self._pauses = ScoreAndDraft(self._scoring)
        self._runs = ToolRuns()

    @property
    def can_answer(self) -> bool:
        """Whether a model of the settings could be created."""
        return self._shared.models.any_made

    async def open(self) -> None:
        """Load the models. One that cannot be loaded is tried again when needed."""
        await self._shared.backgrounds.open()
        await self._shared.models.load()
        await self._shared.servers.open()
        self._read_prompt(self._shared.settings)

    async def finish_tools(self) -> None:
        """Let tools that run come to an end, for 2 s at most: what would be unknown for another copy is known then."""
        await self._runs.finish()

    async def end_tools(self) -> None:
        """Cancel what still runs of tools, after the inbox has been closed."""
        await self._runs.close()

    async def close(self) -> None:
        """Stop the work done in advance."""
        if self._warmer is not None:
            await self._warmer.close()
        await self._scoring.close()
        await self._shared.backgrounds.close()
        await self._shared.servers.close()

    @property
    def sessions_held(self) -> int:
        """How many sessions this copy holds the state of."""
        return len(self._logs)

    async def greet(self, event: e.SessionOpened) -> Job | None:
        """Start the greeting, and prepare what the first answer will need."""
        session_log = self._turn_to(event)
        task = await self._decide(session_log, event)
        self._shared.backgrounds.prepare(event.user_id)
        self._read_prompt(in_session(self._shared.settings, event.profile))
        self._let_go(session_log.session)
        return task

    async def prepare(self, event: e.TranscriptRevised) -> Job | None:
        """Start a draft if the words are settled; else let the model read them, and search earlier calls."""
        session_log = self._turn_to(event)
        self._recall(session_log.session, event)
        if event.settled:
            task = await self._draft_and_score(session_log, event)
        else:
            task = await self._decide(session_log, event)
        agent = self._shared.agent_of(session_log.session)
        if not event.settled and event.text and agent.input_guard is None and agent.graph is None:
            self._warm_question(session_log.session, event)
        self._let_go(session_log.session)
        return task

    async def _draft_and_score(self, session_log: SessionLog, event: e.TranscriptRevised) -> Job | None:
        """Decide on a draft, and have the words of the pause scored where words decide when the turn is over."""
        await session_log.refresh()
        session = session_log.session
        settings = self._shared.of(session).settings
        if not settings.patience:
            return await self._decide(session_log, event, is_fresh=True)
        background = self._shared.backgrounds.known(session, settings, turn_key(event), event.time_ns)

        async def begin_draft() -> Job | None:
            return await self._decide(session_log, event, is_fresh=True)

        return await self._pauses.begin(session_log, event, settings, background, begin_draft)

    async def answer(self, event: e.TurnEnded) -> Job | None:
        """Commit the turn's draft, start a reply, or leave the turn unanswered."""
        session_log = self._turn_to(event)
        self._recall(session_log.session, event)
        if await self._commit_at_once(session_log, event):
            return None
        return await self._decide_and_let_go(session_log, event)

    async def dismiss(self, event: e.UtteranceDismissed) -> Job | None:
        """Discard what was begun on words that proved to be none."""
        return await self._decide_and_let_go(self._turn_to(event), event)

    async def remark(self, event: e.RemarkRequested) -> Job | None:
        """Say a text that no turn asked for."""
        return await self._decide_and_let_go(self._turn_to(event), event)

    async def close_session(self, event: e.SessionClosed) -> Job | None:
        """Discard the session's drafts and drop what is held of it."""
        return await self._decide_and_let_go(self._turn_to(event), event)

    def _turn_to(self, event: e.Event) -> SessionLog:
        """Return the log of an event's session; stop what its model was reading in advance."""
        if self._warmer is not None:
            self._warmer.stop(event.session_id)
        return self._logs.of(event.session_id)

    def _recall(self, session: Session, event: e.TurnEnded | e.TranscriptRevised) -> None:
        """Search earlier calls while the log is being read, so that the result is there when needed."""
        settings = self._shared.of(session).settings
        self._shared.backgrounds.begin(session, settings, turn_key(event), event.text, event.time_ns)

    async def _decide_and_let_go(self, session_log: SessionLog, event: e.Event) -> Job | None:
        task = await self._decide(session_log, event)
        self._let_go(session_log.session)
        return task

    async def _decide(self, session_log: SessionLog, event: e.Event, is_fresh: bool = False) -> Job | None:
        """Carry out what follows from the session's facts; the task, if any, writes a reply.

        They are read first, unless that `is_fresh`.
        """
        passed = ""
        while True:
            if not is_fresh:
                await session_log.refresh()
            is_fresh = False
            decisions = decide(session_log.session, event, self._speculates(session_log))
            guard = self._guard_for(session_log, event, decisions)
            if guard is not None and isinstance(event, e.TurnEnded | e.TranscriptRevised) and event.text != passed:
                passed = event.text
                if await guard_turn(session_log, self._shared.agent_of(session_log.session), event, guard):
                    continue
            with contextlib.suppress(StaleWriter):
                return await self._carry_out(session_log, event, decisions)

    def _guard_for(
        self, session_log: SessionLog, event: e.Event, decisions: tuple[Decision, ...]
    ) -> GuardFunction | None:
        """Return the agent's guard if it has to judge the words that are to be answered."""
        is_asked = any(isinstance(each, Start) and not each.fixed for each in decisions)
        turn = session_log.session.turns.get(turn_key(event))
        text = event.text if isinstance(event, e.TurnEnded | e.TranscriptRevised) else ""
        if not is_asked or (turn is not None and turn.guard_of(text) is not None):
            return None
        return self._shared.agent_of(session_log.session).input_guard

    def _speculates(self, session_log: SessionLog) -> bool:
        return self._shared.of(session_log.session).settings.speculate

    async def _commit_at_once(self, session_log: SessionLog, event: e.TurnEnded) -> bool:
        """Commit the draft that this copy knows; the expected sequence detects a log that has changed since."""
        if several(session_log.session.people):
            return False  # what others have said matters too
        if any(reply.has_open_tools for reply in session_log.session.replies.values()):
            return False  # what came of an action matters, too
        decisions = decide(session_log.session, event, self._speculates(session_log))
        if len(decisions) != 1 or not isinstance(decisions[0], Commit):
            return False
        try:
            await self._commit(session_log, event, decisions[0].reply_id)
        except StaleWriter:
            return False
        return True

    async def _carry_out(self, session_log: SessionLog, event: e.Event, decisions: tuple[Decision, ...]) -> Job | None:
        for decision in decisions:
            if isinstance(decision, Commit):
                await self._commit(session_log, event, decision.reply_id)
            elif isinstance(decision, Discard):
                await self._discard(session_log, event, decision)
            elif isinstance(decision, Pass):
                await session_log.append(turn_passed(decision.ended, decision.why, now_ns()))
            else:
                return await self._begin(await self._generation(session_log, event, decision))
        return None

    async def _generation(self, session_log: SessionLog, event: e.Event, order: Start | Resume) -> Generation:
        shared = self._shared.of(session_log.session)
        tape, key = session_log.tape, order.reply_id
        models = await shared.models_for(shared.agent_of(session_log.session), tape, key)
        equipped = await shared.equipped(session_log.session, tape, key)
        scored = self._pauses.scored_before(event)
        return Generation(session_log, event, order, models, shared, equipped, self._runs, scored)

    async def _begin(self, generation: Generation) -> Job:
        """Start writing, and return when the log holds the reply's beginning. Raises StaleWriter."""
        if (older := self._running.get(generation.reply_id)) is not None:
            older.stop()
        self._running[generation.reply_id] = generation
        task = asyncio.create_task(self._run(generation))
        try:
            await generation.started
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        return task

    async def _run(self, generation: Generation) -> None:
        try:
            await generation.run()
        finally:
            if self._running.get(generation.reply_id) is generation:
                del self._running[generation.reply_id]
            self._let_go(generation.log.session)

    async def _commit(self, session_log: SessionLog, event: e.Event, reply_id: str) -> None:
        await session_log.append_about_reply(
            answer(event, e.ReplyCommitted, time_ns=now_ns(), id_from=reply_id, reply_id=reply_id)
        )
        if (generation := self._running.get(reply_id)) is not None:
            generation.grant()

    async def _discard(self, session_log: SessionLog, event: e.Event, decision: Discard) -> None:
        reply: Reply = session_log.session.replies[decision.reply_id]
        generation = self._running.get(decision.reply_id)
        await session_log.append_about_reply(
            answer(
                event,
                e.ReplyDiscarded,
                time_ns=now_ns(),
                id_from=decision.reply_id,
                turn_id=reply.turn_id,
                reply_id=decision.reply_id,
                reason=decision.reason,
                **(generation.raw.fields() if generation is not None else {}),
            )
        )
        if (generation := self._running.get(decision.reply_id)) is not None:
            generation.stop()

    def key_pressed(self, event: e.DtmfReceived) -> None:
        """Pass a key of somebody's phone to the tools that wait for one."""
        self._shared.keypads.take(event)

    def grant(self, event: e.ReplyCommitted) -> None:
        """Release a draft that this copy is writing and another copy has committed."""
        for generation in self._writing(event, event.reply_id):
            generation.grant()

    def note_returned(self, event: e.ToolReturned) -> None:
        """Take in what came of a tool that runs in another process."""
        for session_log in self._logs_of(event.session_id):
            session_log.take_live(event)

    def stop(self, event: e.TurnInterrupted | e.ReplyDiscarded) -> None:
        """Stop writing a reply that was interrupted or discarded."""
        for generation in self._writing(event, event.reply_id):
            generation.stop()

    def stop_all(self, event: e.SessionClosed) -> None:
        """Stop writing in a session that is over, and drop what is held of it."""
        for generation in self._writing(event):
            generation.stop()
        self._forget(event.session_id)

    def _writing(self, event: e.Event, reply_id: str | None = None) -> list[Generation]:
        """Return what this copy is writing in an event's session, one reply or all, with the event applied."""
        found = [
            generation
            for generation in self._running.values()
            if generation.session_id == event.session_id and reply_id in (None, generation.reply_id)
        ]
        for session_log in self._logs_of(event.session_id):
            apply(session_log.session, event, 0)
        return found

    def _logs_of(self, session_id: str) -> Iterable[SessionLog]:
        """Return what is held of a session: by what is being written, and for the next event."""
        logs = {id(each.log): each.log for each in self._running.values() if each.session_id == session_id}
        if (held := self._logs.held(session_id)) is not None:
            logs[id(held)] = held
        return logs.values()

    def _let_go(self, session: Session) -> None:
        """Drop what is held of a session that is over."""
        if session.closed:
            self._forget(session.session_id)

    def _forget(self, session_id: str) -> None:
        """Drop what is held of a session, unless a reply is being written in it, whose end calls this again."""
        if not any(generation.session_id == session_id for generation in self._running.values()):
            self._logs.forget(session_id)
            self._shared.backgrounds.forget(session_id)

    def hold(self, session_id: str, facts: Iterable[Fact]) -> None:
        """Take in a session's facts in advance: a replay that begins in the midst of it knows what was known then."""
        self._logs.of(session_id).hold(facts)

    def fall_behind(self, session_id: str) -> None:
        """Read on before the next fact of a session, as a replay is told (`RECONNECTED`)."""
        self._logs.of(session_id).fall_behind()

    def drop(self, session_id: str) -> None:
        """Drop what is held of a session that had not been used for longest, as a replay is told (`DROPPED`)."""
        self._logs.forget(session_id)

    def _read_prompt(self, settings: Settings) -> None:
        if self._warmer is not None:
            self._warmer.read_prompt(settings)

    def _warm_question(self, session: Session, event: e.TranscriptRevised) -> None:
        """Let the model read the question as far as it is understood, while the caller still speaks."""
        if self._warmer is None:
            return

        async def known() -> Background:
            untaped = Untaped()  # a decision never rests on what was read in advance
            return await self._shared.backgrounds.of(
                session, settings, first, turn_key(event), event.text, event.time_ns, untaped, event.event_id
            )

        settings = self._shared.of(session).settings
        first = model_names(settings.llm)[0]
        words = spoken_together(event.text, event.pauses)
        if settings.patience and first == LOCAL and words:
            self._warmer.score_words(event.session_id, turn_key(event), settings, known, words)
        else:
            self._warmer.read_question(event.session_id, settings, known, event.text)
