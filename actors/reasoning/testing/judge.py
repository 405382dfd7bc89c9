"""A judge of conversations: a model that is asked whether one meets a criterion."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

PATIENCE_S = 60.0

TASK = (
    "You judge a conversation between a person and an agent. You are given its transcript, with the agent's calls of "
    "tools in brackets, and a criterion. Judge only by the transcript. Answer with one JSON object: "
    '{"reason": "<one sentence>", "met": true or false}.'
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says: true if the criterion is met. An `assert` that fails shows the reason."""

    met: bool
    reason: str

    def __bool__(self) -> bool:
        """Return whether the criterion is met."""
        return self.met


Judge: TypeAlias = Callable[[str, str], Coroutine[Any, Any, Judgement]]
"""Returns whether a transcript meets a criterion."""


def judge_of(make: Callable[[], BaseChatModel]) -> Judge:
    """Return a judge that asks a model."""

    async def judge(transcript: str, criterion: str) -> Judgement:
        asked = HumanMessage(f"Transcript:\n{transcript}\n\nCriterion: {criterion}")
        said = (await asyncio.wait_for(make().ainvoke([SystemMessage(TASK), asked]), PATIENCE_S)).text
        return verdict_in(said)

    return judge


def verdict_in(said: str) -> Judgement:
    """Return the verdict in what a model wrote: not met, with that text, if it is none."""
    found = re.search(r"\{.*\}", said, re.DOTALL)
    try:
        given = json.loads(found.group() if found else "")
        met, reason = given["met"], str(given.get("reason", ""))
    except (ValueError, KeyError, TypeError):
        return Judgement(False, f"the judge gave no verdict: {said[:300]}")
    return Judgement(met is True, reason)
