"""The text of one reply as it is said: clauses from what a model writes, guarded, until there is enough of it."""

from actors.reasoning.clauses import ClauseSplitter, ends_sentence, is_speakable
from actors.reasoning.endings import last_clauses
from actors.reasoning.guarding import guard_clause
from actors.reasoning.known_answer import KnownAnswer
from actors.reasoning.reply_writer import ReplyWriter
from actors.reasoning.session_log import SessionLog
from actors.reasoning.session_state import Reply
from actors.reasoning.token_stream import TokenStream
from contracts.answers import Cause
from infra.agents.agent import Agent
from infra.engines.llm import limits_of
from infra.engines.llm_ends import Finish
from infra.session.same_words import normalised


class ReplyText:
    """Writes a reply's clauses and tokens. `about` is what the reply's facts answer.

    Call `become` first, and again when another agent takes over. A `fixed` text is judged by no guard. What must not be
    said again is forgotten by `known_answer`.
    """

    def __init__(
        self, log: SessionLog, writer: ReplyWriter, about: Cause, reply_id: str, known_answer: KnownAnswer, fixed: bool
    ) -> None:
        self._log = log
        self._writer = writer
        self._about = about
        self._reply_id = reply_id
        self._known_answer = known_answer
        self._is_fixed = fixed
        self._tokens = TokenStream(log, reply_id)
        self._splitter = ClauseSplitter()
        self._clauses_before_call = 0
        self._is_after_call = False
        self._agent: Agent | None = None
        self._model = ""

    def become(self, agent: Agent, model: str) -> None:
        """Write as this agent with the model of this name."""
        self._agent, self._model = agent, "" if self._is_fixed else model

    def begin(self, is_new: bool) -> None:
        """Begin, with a short first clause unless the reply has clauses already."""
        self._splitter = ClauseSplitter(first=is_new)

    async def take(self, written: str) -> bool:
        """Take what a model has written; return False if the answer is long enough with it. Raises Superseded."""
        text = self._apart(written)
        if not self._is_guarded:  # else with its clause
            await self._tokens.tell(text)
        return await self._write(self._splitter.feed(text))

    async def calls_follow(self) -> None:
        """Write what is left before tools run. Raises Superseded."""
        await self._write(self._splitter.finish())
        self._clauses_before_call = len(self._known().clauses)
        self._is_after_call = self._clauses_before_call > 0

    async def finish(self, finish: Finish) -> None:
        """Write what is left of an answer that ended in this way. Raises Superseded."""
        await self._write(last_clauses(self._splitter, finish))

    async def say(self, text: str) -> None:
        """Write a sentence that no model has written, between its calls of tools. Raises Superseded."""
        await self._add(text)
        self._clauses_before_call = len(self._known().clauses)
        self._is_after_call = True

    async def say_at_end(self, sentence: str) -> None:
        """Write a last sentence that no model has written. Raises Superseded."""
        await self._add(sentence)
        self._known_answer.forget()

    @property
    def has_said(self) -> bool:
        """Whether anything was written since the last call of a tool."""
        return len(self._known().clauses) > self._clauses_before_call

    def _known(self) -> Reply:
        return self._log.session.replies[self._reply_id]

    async def _add(self, text: str) -> None:
        text = f" {text}" if self._known().clauses else text
        await self._tokens.tell(text)
        await self._writer.write_clause(text)

    def _apart(self, text: str) -> str:
        """Return the token, separated from what was said before if it is the first after a call."""
        is_first = self._is_after_call and bool(text)
        self._is_after_call = self._is_after_call and not text
        return f" {text}" if is_first and not text[0].isspace() else text

    async def _write(self, clauses: list[str]) -> bool:
        """Append clauses; return False if the answer is long enough: only a spoken one can be too long."""
        limits = limits_of(self._model)
        most = 0 if self._log.session.is_by_text else limits.sentences
        for clause in clauses:
            before = self._known().clauses.values()
            if limits.sentences and normalised(clause) in {normalised(text) for text in before}:
                return False  # a small model that repeats itself does not stop by itself
            if not self._is_empty(clause) and not await self._write_clause(clause):
                return False
            ended = sum(ends_sentence(text) for text in self._known().clauses.values())
            if most and ended >= most:
                return False
        return True

    def _is_empty(self, clause: str) -> bool:
        """Return whether the answer begins with nothing to hear, or to read in a conversation by text."""
        is_first = not self.has_said
        return is_first and not (clause.strip() if self._log.session.is_by_text else is_speakable(clause))

    @property
    def _is_guarded(self) -> bool:
        return self._agent is not None and self._agent.output_guard is not None and not self._is_fixed

    async def _write_clause(self, clause: str) -> bool:
        """Append a clause, as the agent's guard lets it be said; return False if the answer ends with it."""
        if self._agent is None or self._agent.output_guard is None or self._is_fixed:
            await self._writer.write_clause(clause)
            return True
        index = len(self._known().clauses)
        words, space = clause.strip(), clause[: len(clause) - len(clause.lstrip())]
        found = await guard_clause(
            self._log, self._agent, self._agent.output_guard, self._about, self._reply_id, index, words
        )
        if found.decision != "passed":
            self._known_answer.forget()
            clause = f"{space}{found.replacement}" if found.replacement.strip() else ""
        if clause:
            await self._tokens.tell(clause)
            await self._writer.write_clause(clause)
        return found.decision != "answered"
