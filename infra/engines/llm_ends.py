"""How a model's stream ended, in one vocabulary for all providers."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.exceptions import ContextOverflowError

Finish = Literal["stop", "length", "filter", "refusal", "tool-calls", "broken-off", "half-closed", "enough"]
"""`stop`: complete. `length`: cut at a limit of tokens. `filter`: cut by the provider's content filter.
`refusal`: the model declined. `tool-calls`: it waits for tools. `broken-off`: it raised, hung or reported an error.
`half-closed`: the connection ended as after a complete answer, but without a reason.
`enough`: we stopped it, see `Limits.sentences`."""

_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "finishReason")
"""OpenAI, Mistral, Groq and Gemini; Anthropic; Bedrock; Ollama; Gemini's REST API."""

_WRITTEN: tuple[tuple[Finish, str], ...] = (
    ("stop", "stop end_turn stop_sequence complete completed eos eos_token finish_reason_unspecified stopped"),
    (
        "length",
        "length max_tokens max_output_tokens model_length max_length token_limit"
        " model_context_window_exceeded context_length_exceeded pause_turn",
    ),
    (
        "filter",
        "content_filter content_filtered safety recitation blocklist prohibited_content spii language"
        " guardrail_intervened image_safety sensitive error_toxic",
    ),
    ("refusal", "refusal refused"),
    ("tool-calls", "tool_calls tool_call tool_use function_call"),
    (
        "broken-off",
        "error cancelled canceled failed network_error other unexpected_tool_call malformed_function_call"
        " insufficient_system_resource error_limit abort aborted",
    ),
)
_REASONS: dict[str, Finish] = {reason: finish for finish, reasons in _WRITTEN for reason in reasons.split()}

_REPORTERS = frozenset(
    re.findall(
        r"\S+",
        "openai-chat azure-openai-chat anthropic-chat chat-ollama chat-google-generative-ai groq-chat mistralai-chat"
        " chat-deepseek xai-chat together-chat fireworks-chat openrouter-chat amazon_bedrock_converse_chat",
    )
)
"""LangChain's names of the models that report with every complete answer how it ended."""


def finish_of(metadata: Mapping[str, Any]) -> Finish | None:
    """Return how the stream ended according to a chunk's `response_metadata`; None if it does not say."""
    incomplete = metadata.get("incomplete_details")  # OpenAI's Responses API
    if isinstance(incomplete, Mapping) and incomplete.get("reason"):
        return _REASONS.get(str(incomplete["reason"]).lower(), "broken-off")
    for key in _KEYS:
        if reason := metadata.get(key):
            return _REASONS.get(str(reason).rpartition(".")[2].lower(), "stop")
    return None


def ends_in(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `finish_of` reads of a chunk's `response_metadata`: the rest says nothing about the end."""
    found: dict[str, Any] = {key: str(metadata[key]) for key in _KEYS if metadata.get(key)}
    incomplete = metadata.get("incomplete_details")
    if isinstance(incomplete, Mapping) and incomplete.get("reason"):
        found["incomplete_details"] = {"reason": str(incomplete["reason"])}
    return found


def reports_finish(kind: str) -> bool:
    """Return whether a stream that ends without a reason has lost its end; `kind` is LangChain's name of the model."""
    return kind in _REPORTERS


_TOO_LONG = re.compile(
    r"context.{0,12}(?:length|window|size|limit)|prompt is too long|too many (?:input )?tokens|maximum context"
    r"|input token count|input is too long|exceed_context|reduce the length|larger than the context|n_ctx",
    re.IGNORECASE,
)


def is_context_error(error: BaseException) -> bool:
    """Return whether a model refused a prompt because it is too long."""
    if isinstance(error, ContextOverflowError):
        return True
    status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return status in (None, 400, 413, 422, 500) and _TOO_LONG.search(str(error)) is not None


def writes_no_arguments_as_nothing(kind: str) -> bool:
    """Return whether a model of this kind sends a tool call without arguments without even an empty object."""
    return kind == "anthropic-chat"
