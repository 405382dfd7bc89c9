"""Engines of a recorded corpus: a fast language model with answers of many shapes, and engines that fail now and then.

`DAREDEVIL_LLM=infra.bench.corpus_engines:QuickAnswers`, or before it `infra.bench.corpus_engines:FailingAnswers`, and
`DAREDEVIL_TTS=infra.bench.corpus_engines:FailingVoice,local`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

VOICE_RATE_HZ = 24_000
TOKEN_S = 0.012
"""Pause after each word: an answer takes long enough to be interrupted while it is written."""

ANSWERS = (
    "Certainly. I can help you with that, if you tell me where you are.",
    "That is a good question, and the short answer is yes. The longer one depends on the weather, the day, and you.",
    "Well, let me think about it for a moment. There are three ways to do this. The first is the cheapest one.",
    "It takes about 12 minutes, maybe 15. Put it into cold water first. Then wait until it boils, and take it out.",
    "Good!",
    "In a small town by the sea there lived an old man with a dog, two cats and a parrot that could count to ten. "
    "Every morning he walked to the harbour, bought a fish, and told the parrot about it.",
    "I am sorry to hear that, it sounds like a long day. Would you like to talk about it?",
    "The nearest one is on Market Street, at the corner of Fifth Avenue, about 300 metres from here. You can walk.",
)

SUMMARY = '{"summary": "The user asked something, and was answered.", "topics": ["questions"], "sentiment": "neutral"}'


class QuickAnswers(BaseChatModel):
    """Answers by the last words it is given: the same words get the same answer, other words mostly another."""

    @property
    def _llm_type(self) -> str:
        return "quick-answers"

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for word in answer_to(messages).split():
            await asyncio.sleep(TOKEN_S)
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer_to(messages)))])

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError("actors ask a model without blocking")


class FailingAnswers(QuickAnswers):
    """Raises at once, or after some words, by the last words that it is given."""

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        words = answer_to(messages).split()
        for word in words[: number_of(messages) % 3 * 4]:
            await asyncio.sleep(TOKEN_S)
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        raise ConnectionError("the model's server has gone away")


class FailingVoice(tts.TTS[Any]):
    """Raises whatever it is asked to say."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=VOICE_RATE_HZ, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Return a stream that fails."""
        return _NoSound(tts=self, input_text=text, conn_options=conn_options)


class _NoSound(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        raise ConnectionError("the voice's server has gone away")


def number_of(messages: Sequence[BaseMessage]) -> int:
    """Return a number for the last message's text, the same in every process."""
    return sum(messages[-1].text.encode())


def answer_to(messages: Sequence[BaseMessage]) -> str:
    """Return what is answered; to a question for one JSON object, a summary."""
    if "JSON object" in messages[-1].text:
        return SUMMARY
    return ANSWERS[number_of(messages) % len(ANSWERS)]
