"""What is measured of the models that an agent's own graph asks, as LangChain tells of them."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from actors.reasoning.model_figures import ModelFigures


class GraphFigures(BaseCallbackHandler):
    """Measures each request of a graph's models: to its first piece, to its end, and its tokens."""

    run_inline = True

    ignore_agent = ignore_chain = True  # it is not told of nodes and tools

    def __init__(self) -> None:
        self._asked: dict[UUID, ModelFigures] = {}

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **about: Any) -> None:
        """Begin to measure a request; its model is named as in settings: `openai:gpt-5`."""
        metadata = about.get("metadata") or {}
        model, provider = str(metadata.get("ls_model_name") or "model"), str(metadata.get("ls_provider") or "")
        self._asked[run_id] = ModelFigures(f"{provider}:{model}" if provider else model)

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: UUID, **_: Any) -> None:
        """Note a piece of the answer: text, or of a call of a tool."""
        is_answer = token or getattr(getattr(chunk, "message", None), "tool_call_chunks", None)
        if is_answer and (figures := self._asked.get(run_id)) is not None:
            figures.began()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """End it, with the tokens if the provider counts them."""
        if (figures := self._asked.pop(run_id, None)) is None:
            return
        message = getattr(response.generations[0][0], "message", None) if response.generations else None
        if usage := getattr(message, "usage_metadata", None):
            figures.used(int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0)))
        figures.end()

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End it as failed; one that was cancelled has not measured the model."""
        figures = self._asked.pop(run_id, None)
        if figures is not None and isinstance(error, Exception):
            figures.end("timeout" if isinstance(error, TimeoutError) else "failed")
