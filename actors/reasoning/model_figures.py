"""Measures what is asked of a language model: how long it takes, to its first piece and in all, and the tokens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.messages import AIMessageChunk

from infra.engines.chain import EngineTooSlow
from infra.metrics.table import FIRST_TOKEN, MODEL_TIME, TOKEN_USAGE


class ModelFigures:
    """Measures one request, from its creation. Whoever stops listening before the end has not measured the model."""

    def __init__(self, model: str) -> None:
        self._of_model = ("chat", model.partition(":")[0], model)
        self._began_s = time.monotonic()
        self._has_begun = False
        self._tokens = {"input": 0, "output": 0}

    def take(self, message: AIMessageChunk) -> None:
        """Note a piece of the answer, or what the provider says of its tokens."""
        if message.text or message.tool_call_chunks:
            self.began()
        if usage := message.usage_metadata:
            self.used(usage["input_tokens"], usage["output_tokens"])

    def began(self) -> None:
        """Note a piece of the answer."""
        if not self._has_begun:
            self._has_begun = True
            FIRST_TOKEN.record(time.monotonic() - self._began_s, *self._of_model)

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Note what the provider says of its tokens; it may do so in several pieces."""
        self._tokens["input"] += input_tokens
        self._tokens["output"] += output_tokens

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure how the request ends within a block."""
        try:
            yield
        except Exception as error:
            self.end("timeout" if isinstance(error, EngineTooSlow) else "failed")
            raise
        self.end()

    def end(self, error: str = "") -> None:
        """Measure how the request has ended: `error` is `timeout` or `failed`."""
        MODEL_TIME.record(time.monotonic() - self._began_s, *self._of_model, error)
        for kind, tokens in self._tokens.items():
            if tokens:
                TOKEN_USAGE.record(tokens, *self._of_model, kind)
