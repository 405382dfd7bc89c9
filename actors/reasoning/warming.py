"""Lets the local model read a prompt before its answer is needed, so that only new words cost time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from actors.reasoning.chat_models import ChatModels
from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.fitting import Given, fitted_to
from actors.reasoning.prompts import Background
from contracts import events as e
from infra.engines.llm import LlmNotFound, limits_of, model_names
from infra.engines.sentence_end import NoScore
from infra.engines.tokens import TokenCounter
from infra.settings import Settings

log = logging.getLogger(__name__)

Gather = Callable[[], Awaitable[Background]]
"""Returns what a model is given besides the question."""

MOST_PROMPTS = 50
"""How many prompts are remembered as read."""


class PromptWarmer:
    """Requests one unused token from the first model, in the background; one request per key at a time.

    What it reads stays in the model server's cache while the next prompt begins with the same words. A model that
    caches nothing gets no request.
    """

    def __init__(self, models: ChatModels, tokens: TokenCounter, scoring: EndScoring | None = None) -> None:
        self._models = models
        self._tokens = tokens
        self._scoring = scoring
        self._running: dict[str, asyncio.Task[None]] = {}
        self._known_prompts: list[str] = []

    def read_prompt(self, settings: Settings) -> None:
        """Let the prompt of these settings be read before the first question comes, so that nobody waits for it."""
        prompt = settings.prompt
        if prompt in self._known_prompts:
            return
        self._known_prompts = [*self._known_prompts[1 - MOST_PROMPTS :], prompt]

        async def nothing_known() -> Background:
            return Background()

        async def something_known() -> Background:
            return Background([e.ContextMessage(role="user", text="I am here.")])

        self.read_question(f"of anybody: {prompt}", settings, nothing_known, "Hello!")
        self.read_question(f"of somebody known: {prompt}", settings, something_known, "Who am I?")

    def read_question(self, key: str, settings: Settings, gather: Gather, question: str) -> None:
        """Let a question be read, after what `gather` returns, unless the last reading for `key` still runs.

        `settings` are those of its session.
        """
        name = model_names(settings.llm)[0]
        if not limits_of(name).tools and key not in self._running:
            reading = self._read(name, settings, gather, question)
            task = self._running[key] = asyncio.create_task(reading, name="warming")
            task.add_done_callback(lambda done: self._forget(key, done))

    def score_words(self, session_id: str, turn_id: str | None, settings: Settings, gather: Gather, words: str) -> None:
        """Let words that are still being said be read and scored at once, unless the last reading still runs.

        `stop` does not stop it: the words may be the last ones, and the model's server reads on without its client.
        """
        key = f"words of {session_id}"
        if self._scoring is not None and key not in self._running:
            reading = self._score(self._scoring, session_id, turn_id, settings, gather, words)
            task = self._running[key] = asyncio.create_task(reading, name="warming")
            task.add_done_callback(lambda done: self._forget(key, done))

    def stop(self, key: str) -> None:
        """Stop what is being read for `key`: the real question comes now."""
        if (task := self._running.pop(key, None)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop everything."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, key: str, task: "asyncio.Task[None]") -> None:
        if self._running.get(key) is task:
            del self._running[key]

    async def _score(
        self,
        scoring: EndScoring,
        session_id: str,
        turn_id: str | None,
        settings: Settings,
        gather: Gather,
        words: str,
    ) -> None:
        try:
            await scoring.read(session_id, turn_id, settings, await gather(), words)
        except (LlmNotFound, NoScore) as error:  # reported when the score is needed
            log.debug("warming up: %r", error)

    async def _read(self, name: str, settings: Settings, gather: Gather, question: str) -> None:
        try:
            model = await self._models.of(name, settings)
            given = Given(settings.prompt, await gather(), question)
            fitted = await fitted_to(name, given, self._tokens.count, settings.reply_max_tokens)
            reading = model.ainvoke(list(fitted.messages(name)), max_tokens=1)
            await asyncio.wait_for(reading, settings.llm_timeout_s)
        except Exception as error:  # a failure of the model is reported when its answer is needed
            log.debug("warming up: %r", error)
