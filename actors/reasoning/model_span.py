"""The span of a request to a language model, named as OpenTelemetry's conventions for generative AI do.

It has figures only: what the model is given and what it writes stays out of telemetry.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from opentelemetry.trace import Span, SpanKind

from actors.reasoning.model_chunks import Begun, ModelChunk, Part
from infra.engines.llm import LOCAL
from infra.engines.llm_ends import finish_of
from infra.settings import Settings
from infra.telemetry.traces import begun, ended, note_error


async def traced(parts: AsyncGenerator[Part, None], name: str, session: Settings) -> AsyncGenerator[Part, None]:
    """Yield a model's answer, and make a span of it: when its first token came, how many, and how it ended."""
    asked = begun(f"chat {name}", kind=SpanKind.CLIENT, attributes=_about_request(name, session))
    answer = _Answer(asked)
    try:
        async with aclosing(parts):
            async for part in parts:
                answer.take(part)
                yield part
    except Exception as error:
        note_error(asked, error)
        raise
    finally:
        answer.end()


def _about_request(name: str, session: Settings) -> dict[str, str | int | bool]:
    provider, separator, model = name.partition(":")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider if separator else LOCAL,
        "gen_ai.request.model": model or name,
        "gen_ai.request.max_tokens": session.reply_max_tokens,
        "gen_ai.request.stream": True,
    }


class _Answer:
    """What is noted of an answer while it comes."""

    def __init__(self, asked: Span) -> None:
        self._span = asked
        self._asked_s = time.perf_counter()
        self._pieces = 0

    def take(self, part: Part) -> None:
        """Note a piece of the answer."""
        if isinstance(part, Begun):
            return
        if (part.text or part.calls) and not self._pieces:
            first_s = time.perf_counter() - self._asked_s
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", first_s)
            self._span.add_event("first token")
        self._pieces += bool(part.text or part.calls)
        self._note_end(part)

    def _note_end(self, part: ModelChunk) -> None:
        if (reason := finish_of(part.ends)) is not None:
            self._span.set_attribute("gen_ai.response.finish_reasons", [reason])

    def end(self) -> None:
        """End the span. Providers stream about a token a piece, and few tell how many there were."""
        self._span.set_attribute("gen_ai.usage.output_tokens", self._pieces)
        ended(self._span)
