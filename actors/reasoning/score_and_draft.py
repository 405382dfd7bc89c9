"""A pause's score and its draft: the local model is asked for the score first.

The draft's prompt goes on from the words that were scored, so the model reads them once, and the score, which decides
when the turn is over, does not wait for the draft's first tokens.
"""

import asyncio
from collections.abc import Awaitable, Callable

from actors.reasoning.end_scoring import EndScoring
from actors.reasoning.prompts import Background
from actors.reasoning.session_log import SessionLog
from contracts import events as e
from infra.engines.llm import LOCAL, model_names
from infra.log.inbox import Job
from infra.process.tasks import ended
from infra.settings import Settings

BeginDraft = Callable[[], Awaitable[Job | None]]
"""Decides on a draft; returns the task that writes it, if there is to be one."""


class ScoreAndDraft:
    """Has the words of pauses scored and answered, in this order where one model does both."""

    def __init__(self, scoring: EndScoring) -> None:
        self._scoring = scoring
        self._being_scored: dict[str, asyncio.Event] = {}

    async def begin(
        self,
        session_log: SessionLog,
        event: e.TranscriptRevised,
        settings: Settings,
        background: Background,
        begin_draft: BeginDraft,
    ) -> Job:
        """Begin both; return the task of both when the log holds the draft's beginning. Raises what `begin_draft` does.

        If one of them fails or is cancelled, the other one ends, too.
        """
        answered = asyncio.Event()
        if model_names(settings.llm)[0] == LOCAL:  # another model answers elsewhere, where no score is in its way
            self._being_scored[event.event_id] = answered
        scoring = asyncio.create_task(self._scoring.score(session_log, event, settings, background, answered))
        try:
            writing = await begin_draft()
        except BaseException:
            await ended(scoring)
            raise
        finally:
            self._being_scored.pop(event.event_id, None)
        return asyncio.create_task(_both(writing, scoring), name=f"draft and score of {event.event_id}")

    def scored_before(self, cause: e.Event) -> asyncio.Event | None:
        """Return what is set once the model may be asked for a reply to `cause`; None if that is now."""
        return self._being_scored.get(cause.event_id)


async def _both(writing: Job | None, scoring: Job) -> None:
    tasks = [scoring, *([writing] if writing is not None else [])]
    try:
        await asyncio.gather(*tasks)
    finally:
        await ended(*tasks)
