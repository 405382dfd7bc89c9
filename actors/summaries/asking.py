"""What language models are asked about a conversation, and how their answers are parsed."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from actors.summaries.conversation import SpokenLine, transcript
from actors.summaries.extraction import cleaned, extract, is_grounded

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PIECE_CHARS = 12_000
"""Characters of a conversation in one request."""
NOTES_CHARS = 2_000
"""Longest rolling summary of a model."""
SUMMARY_CHARS = 600
"""Longest summary at the end."""
ANSWER_CHARS = 8_000
"""A model that writes more characters is stopped."""

SMALL_CHARS, SMALL_ANSWER_CHARS = 1_200, 300
"""What the local model is given and writes: about 2 s on one core, so that it is soon free for a call."""

_NOTES = (
    "You keep the notes of a long phone call, for an assistant who can see only the notes and the last few turns. "
    "Write the new notes: what was known before and what the new part adds, in at most 150 words of plain sentences. "
    "Keep names, numbers, wishes, decisions and promises. Invent nothing. Answer with the notes only."
)
_FINAL = (
    "A phone call has ended. From its notes and its last part, answer with one JSON object and nothing else:\n"
    '{"summary": "one to three sentences", "topics": ["at most five short topics"], '
    '"sentiment": "positive, neutral or negative: how the user felt", '
    '"action_items": ["what somebody promised or asked to be done, one sentence each; none if none"]}\n'
    "Say only what was talked about."
)
_SMALL = "Summarise this phone call in one sentence."
_SMALL_EXAMPLES = (
    (
        "User: Hi, this is Tom. I want to cancel my order of two chairs.\nAgent: I am sorry to hear that.\n"
        "User: They came too late. I will call the shop tomorrow.",
        "Tom wants to cancel his order of two chairs because they came too late, and he will call the shop tomorrow.",
    ),
    (
        "User: How do I boil an egg?\nAgent: Put it in boiling water for eight minutes.\n"
        "User: Thanks. My daughter Mia likes them soft.",
        "The user asked how to boil an egg, and said that his daughter Mia likes them soft.",
    ),
)
"""A model of 135 million parameters understands from examples what it should do."""

Messages = list[tuple[str, str]]


class UnusableAnswer(RuntimeError):
    """The model's answer is no summary."""


class Rambled(UnusableAnswer):
    """The model wrote what nobody had said."""


class Final(BaseModel):
    """What a capable model returns about a call that has ended."""

    summary: str = Field(min_length=1)
    topics: tuple[str, ...] = ()
    sentiment: Literal["positive", "neutral", "negative"] = "neutral"
    action_items: tuple[str, ...] = ()

    @field_validator("sentiment", mode="before")
    @classmethod
    def _in_small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


def notes_messages(notes: str, piece: Sequence[SpokenLine]) -> Messages:
    """Return the question for new notes."""
    return [("user", f"{_NOTES}\n\nNotes so far: {notes or '(none)'}\n\nNew part:\n{transcript(piece, PIECE_CHARS)}")]


def final_messages(notes: str, piece: Sequence[SpokenLine]) -> Messages:
    """Return the question at the end of a call, for a capable model."""
    before = f"Notes: {notes}\n\nLast part:\n" if notes else ""
    return [("user", f"{_FINAL}\n\n{before}{transcript(piece, PIECE_CHARS)}")]


def small_source(notes: str, lines: Sequence[SpokenLine]) -> str:
    """Return what the local model is given of a call: all of a short one, else its most informative part."""
    whole = transcript(lines, SMALL_CHARS + 1)
    if not notes and len(whole) <= SMALL_CHARS:
        return whole
    return "User: " + extract(lines, SMALL_CHARS, notes)


def small_messages(source: str) -> Messages:
    """Return the question at the end of a call, for the local model."""
    examples = [
        message for said, told in _SMALL_EXAMPLES for message in (("user", f"{_SMALL}\n\n{said}"), ("assistant", told))
    ]
    return [*examples, ("user", f"{_SMALL}\n\n{source}")]


async def answer(model: "BaseChatModel", messages: Messages, silence_s: float, most_chars: int = ANSWER_CHARS) -> str:
    """Return what a model writes, up to `most_chars`. Raises TimeoutError if it is silent, and the model's errors."""
    text = ""
    stream: Any = model.astream(messages)
    try:
        async with asyncio.timeout(silence_s) as limit:
            async for chunk in stream:
                limit.reschedule(asyncio.get_running_loop().time() + silence_s)
                text += chunk.text
                if len(text) >= most_chars:
                    break
    finally:
        await stream.aclose()
    return text


def read_notes(text: str) -> str:
    """Return the notes in an answer. Raises Unusable if there are none."""
    notes = cleaned(text, NOTES_CHARS)
    if not notes:
        raise UnusableAnswer("an empty answer")
    return notes


def read_final(text: str) -> Final:
    """Return the content of an answer; its JSON may stand among other words. Raises Unusable."""
    found = re.search(r"\{.*\}", text, re.S)
    if found is None:
        raise UnusableAnswer("an empty answer" if not text.strip() else "an answer without a JSON object")
    try:
        final = Final.model_validate(json.loads(found[0]))
    except (ValidationError, ValueError) as error:
        kind = type(error).__name__  # its message contains the answer's words
        raise UnusableAnswer(f"an answer whose JSON is not as asked ({kind})") from error
    items = tuple(item.strip()[:200] for item in final.action_items if item.strip())[:10]
    topics = tuple(topic.strip()[:60] for topic in final.topics if topic.strip())[:5]
    summary = cleaned(final.summary, SUMMARY_CHARS)
    return final.model_copy(update={"summary": summary, "topics": topics, "action_items": items})


def read_small(text: str, source: str) -> str:
    """Return the local model's summary. Raises Unusable if there is none, Rambled if it is about something else."""
    summary = cleaned(text, SMALL_ANSWER_CHARS)
    if not summary:
        raise UnusableAnswer("an empty answer")
    if not is_grounded(summary, source):
        raise Rambled("a summary of something else")
    return summary
