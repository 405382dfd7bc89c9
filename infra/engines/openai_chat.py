"""OpenAI's chat models with what LangChain drops from their streams: the words of a refusal."""

from typing import Any

from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI


class OpenAIChat(ChatOpenAI):
    """Keeps `delta.refusal` as `additional_kwargs["refusal"]` of each chunk, as in a whole answer."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        converted = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or [{}]
        refusal = (choices[0].get("delta") or {}).get("refusal")
        if converted is not None and refusal:
            converted.message.additional_kwargs["refusal"] = refusal
        return converted
