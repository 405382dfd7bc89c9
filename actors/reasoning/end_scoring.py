"""Scores how likely a person's words end where they are now, by the local model.

Words are scored while they are still being said, too: at their end the score of the same words is known, or on its way.
In a replay the tape answers.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from langchain_core.messages import BaseMessage

from actors.reasoning.fitting import Given
from actors.reasoning.prompts import Background
from actors.reasoning.session_log import SessionLog
from actors.reasoning.session_state import turn_key
from contracts import events as e
from contracts.answers import answer
from infra.engines.llm import LOCAL, LlmNotFound, model_names
from infra.engines.sentence_end import Message, NoScore, spoken_together
from infra.log.event_log import now_ns
from infra.process.tasks import result_or_none
from infra.settings import Settings
from infra.tape.tape import Plain, Tape

log = logging.getLogger(__name__)

KNOWN = 200
"""How many words are remembered with their score."""

_Words = tuple[str, str, str]
"""Session, turn and words: in another turn, the conversation before them is another one."""

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class Scorer(Protocol):
    """What says how likely words end: `infra.engines.sentence_end.SentenceEnds`."""

    async def probability(self, messages: Sequence[Message]) -> float:
        """Return how likely the last message ends with its last word. Raises LlmNotFound, NoScore."""

    async def aclose(self) -> None:
        """Let go of connections."""


class EndScoring:
    """Scores words of all sessions of one copy with the local model."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._read: OrderedDict[_Words, asyncio.Future[float]] = OrderedDict()

    async def close(self) -> None:
        """Let go of connections."""
        await self._scorer.aclose()

    async def read(
        self, session_id: str, turn_id: str | None, settings: Settings, background: Background, words: str
    ) -> None:
        """Score words that are still being said, once: if they are the last ones, nothing need be asked at their end.

        Raises LlmNotFound, NoScore.
        """
        key = (session_id, turn_id or "", words)
        if key in self._read:
            return
        asked = self._read[key] = asyncio.ensure_future(
            self._scorer.probability(messages_for(settings, background, words))
        )
        while len(self._read) > KNOWN:
            self._read.popitem(last=False)
        try:
            await asked
        except BaseException:
            self._read.pop(key, None)
            raise

    async def _known(self, key: _Words) -> float | None:
        """Return the score of words that were read while they were said; wait for it if they are just being read."""
        reading = self._read.get(key)
        if reading is None:
            return None
        await asyncio.wait([reading])
        return result_or_none(reading)

    async def score(
        self,
        session_log: SessionLog,
        event: e.TranscriptRevised,
        settings: Settings,
        background: Background,
        answered: asyncio.Event,
    ) -> None:
        """Append how likely the words of a pause end there; set `answered` once the model need not be asked (any more).

        Nothing is appended if no local model runs. Raises what the log raises.
        """
        try:
            probability, problem, elapsed_ms = await self._found(session_log.tape, event, settings, background)
        finally:
            answered.set()
        if probability is None and not problem:
            return
        await session_log.append(
            answer(
                event,
                e.TranscriptScored,
                time_ns=now_ns(),
                participant_id=event.participant_id,
                end_probability=probability,
                model=LOCAL,
                problem=problem,
                elapsed_ms=elapsed_ms,
            )
        )

    async def _found(
        self, tape: Tape, event: e.TranscriptRevised, settings: Settings, background: Background
    ) -> tuple[float | None, str, float]:
        """Return the probability, or why there is none (empty if nothing is to be said), and how long that took, ms."""
        words = spoken_together(event.text, event.pauses)
        if not words:
            return None, "", 0.0

        key = (event.session_id, turn_key(event) or "", words)
        probability: float | None = await tape.result("end-known", event.event_id, words, lambda: self._known(key))
        if probability is not None:
            return probability, "", 0.0
        asked = [list(message) for message in messages_for(settings, background, words)]
        found: tuple[float | None, str, float] = await tape.result(
            "end", event.event_id, asked, lambda: self._asked(asked)
        )
        return found

    async def _asked(self, messages: Sequence[Sequence[str]]) -> Plain:
        """Return the probability, or why there is none (empty if there is no model), and how long that took, ms."""
        begun_s = time.monotonic()
        try:
            probability, problem = await self._scorer.probability([(role, text) for role, text in messages]), ""
        except LlmNotFound:
            return [None, "", 0.0]
        except NoScore as error:
            log.warning("the end of a turn is not scored: %s", error)
            probability, problem = None, str(error)
        return [probability, problem, round((time.monotonic() - begun_s) * 1000, 3)]


def messages_for(settings: Settings, background: Background, words: str) -> list[Message]:
    """Return what the local model is given with these words: what it is given when it answers them.

    Where another model answers, the local one has read nothing of the conversation, nor may that fit its context: the
    last exchange is enough to tell an end from a pause.
    """
    given = Given(settings.prompt, background, words)
    if model_names(settings.llm)[0] != LOCAL:
        given = Given("", replace(background, heard=background.heard[-2:], summary="", memory=""), words)
    return [(_role(message), message.text) for message in given.messages(LOCAL)]


def _role(message: BaseMessage) -> str:
    return _ROLES.get(message.type, "user")


class NoScorer:
    """Where no model may be asked: in a replay, which has the answers on its tape, and in tests."""

    async def probability(self, _: Sequence[Message]) -> float:
        """Raise LlmNotFound."""
        raise LlmNotFound("no model scores words here")

    async def aclose(self) -> None:
        """Do nothing."""
