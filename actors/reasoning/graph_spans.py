"""The spans of an agent's own graph: its nodes, and the models and tools that they use, as LangChain tells of them."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from infra.telemetry.traces import Attributes, begun, ended, note_error


class GraphSpans(BaseCallbackHandler):
    """Makes spans below the one that is current when it is created. It has figures and names only, no words."""

    run_inline = True

    def __init__(self) -> None:
        self._above = otel.get_current()
        self._spans: dict[UUID, Span] = {}
        self._parents: dict[UUID, UUID] = {}
        """Of every run its caller: most are no spans (a sequence, a parser)."""

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **about: Any
    ) -> None:
        """Begin the span of a node."""
        node = (about.get("metadata") or {}).get("langgraph_node")
        is_node = node is not None and about.get("name") == node
        self._begin(run_id, parent_run_id, f"node {node}" if is_node else "")

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """End it."""
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End it as failed."""
        self._end(run_id, error)

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **about: Any
    ) -> None:
        """Begin the span of a request to a model."""
        metadata = about.get("metadata") or {}
        model, provider = str(metadata.get("ls_model_name") or "model"), str(metadata.get("ls_provider") or "")
        named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.provider.name": provider}
        self._begin(run_id, parent_run_id, f"chat {model}", SpanKind.CLIENT, named)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """End it, with the tokens if the provider counts them."""
        message = getattr(response.generations[0][0], "message", None) if response.generations else None
        usage = getattr(message, "usage_metadata", None) or {}
        if (span := self._spans.get(run_id)) is not None and usage:
            span.set_attribute("gen_ai.usage.input_tokens", int(usage.get("input_tokens", 0)))
            span.set_attribute("gen_ai.usage.output_tokens", int(usage.get("output_tokens", 0)))
        self._end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """End it as failed."""
        self._end(run_id, error)

    def tool_begins(self, tool: str, run_id: UUID, parent_run_id: UUID | None) -> None:
        """Begin the span of a tool. LangChain tells of it earlier: a tool waits until its reply is committed."""
        named = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        self._begin(run_id, parent_run_id, f"execute_tool {tool}", attributes=named)

    def tool_ended(self, run_id: UUID, error: BaseException | None = None) -> None:
        """End it."""
        self._end(run_id, error)

    def _begin(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
    ) -> None:
        if parent_run_id is not None:
            self._parents[run_id] = parent_run_id
        if name:
            self._spans[run_id] = begun(name, self._context_of(parent_run_id), kind, attributes)

    def _context_of(self, run_id: UUID | None) -> otel.Context:
        """Return the context of the nearest span above a run."""
        while run_id is not None and run_id not in self._spans:
            run_id = self._parents.get(run_id)
        return self._above if run_id is None else trace.set_span_in_context(self._spans[run_id], self._above)

    def _end(self, run_id: UUID, error: BaseException | None = None) -> None:
        self._parents.pop(run_id, None)
        if (span := self._spans.pop(run_id, None)) is not None:
            if error is not None:
                note_error(span, error)
            ended(span)
