"""Language models as LangChain chat models: the local one, any other by `provider:model`, or your own class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.engines.plugins import engine_class, how_to_get, options_taken
from infra.runtime import read_runtime
from infra.settings import Settings
from infra.shares import engine_names

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

LOCAL = "local"
LOCAL_CONTEXT_TOKENS = 2048
"""The server of the local model keeps this much of one conversation."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a model: `context_chars` of conversation, and `sentences` of an answer that are spoken (0 is all).

    Its input and its answer together fit `context_tokens`, as `infra.engines.tokens` counts them, and a single message
    fits `message_tokens` (0: as much as there is room for). One that is too small for `tools` is too small for
    instructions as well.
    """

    context_chars: int = 24_000
    question_chars: int = 12_000
    context_tokens: int = 10_000
    message_tokens: int = 0
    sentences: int = 0
    tools: bool = True


_LOCAL_LIMITS = Limits(
    context_chars=4_000,
    question_chars=1_500,
    # Prompt, examples, 12 exchanges of a call in English and the answer are about 1,400 tokens. One core reads about
    # 150 per second: reading a full context would take longer than anybody waits.
    context_tokens=1_536,
    # As many as `question_chars` of English; reading the same length of Chinese or Hindi would take half a minute.
    message_tokens=400,
    sentences=2,
    tools=False,
)


WITH_RETRIES = ("openai", "anthropic")
"""Providers whose clients ask again by themselves when a request fails, and can be told not to."""


class LlmNotFound(RuntimeError):
    """The model is not installed, not running, or its name cannot be read; the message says what to do."""


def limits_of(name: str) -> Limits:
    """Return the limits of the model of this name."""
    return _LOCAL_LIMITS if name == LOCAL else Limits()


def model_names(chain: str) -> list[str]:
    """Return the names in a comma-separated fallback chain, best first. Raises LlmNotFound if there is none."""
    names = engine_names(chain)
    if not names:
        raise LlmNotFound("no language model is set: set DAREDEVIL_LLM to `local` or `provider:model`")
    return names


def chat_model(name: str, settings: Settings) -> "BaseChatModel":
    """Return one model. Raises LlmNotFound, which says what is missing. The first import takes 2 to 3 s."""
    if name == LOCAL:
        return _local_model(settings)
    options = options_of(name, settings)
    if is_of_module(name):
        return _model_of_module(name, options)
    from langchain.chat_models import init_chat_model

    options = {**_of_client(name, settings), **options}
    try:
        model: BaseChatModel = init_chat_model(name, **options)
        return _with_refusals(model, options)
    except Exception as error:  # providers raise their own exceptions: no package, no key, no such option
        raise LlmNotFound(f"the language model {name!r} cannot be used: {error}") from error


def options_of(name: str, settings: Settings) -> dict[str, Any]:
    """Return what the model of this name is asked to do besides answering: all that may change its answers."""
    if name != LOCAL:
        return {"max_tokens": settings.reply_max_tokens, **settings.llm_options}
    return {
        "temperature": 0.2,
        "seed": 7,
        "max_completion_tokens": settings.reply_max_tokens,
        # One paragraph: after a line break this model changes the subject.
        "stop_sequences": ["\n"],
        "extra_body": {"cache_prompt": True, "repeat_penalty": 1.05},
    }


def _of_client(name: str, settings: Settings) -> dict[str, Any]:
    """Return options that a provider's client is given unless the settings say otherwise.

    Where another model follows in the chain, a client's own attempts would only keep the caller waiting: after a 429 as
    long as the provider asks for.
    """
    provider = name.partition(":")[0]
    if provider == "ollama":
        return {"num_predict": settings.reply_max_tokens}  # it has no `max_tokens`
    has_next = len(model_names(settings.llm)) > 1
    return {"max_retries": 0} if has_next and provider in WITH_RETRIES else {}


def is_of_module(name: str) -> bool:
    """Return whether a name is `package.module:Class`; names of LangChain's providers have no dot."""
    return "." in name.partition(":")[0]


def _model_of_module(name: str, options: dict[str, Any]) -> "BaseChatModel":
    """Return a chat model of the user's own class, with the options it accepts. Raises LlmNotFound."""
    from langchain_core.language_models import BaseChatModel

    try:
        made_by = engine_class(name, "")
        model = made_by(**options_taken(made_by, options))
    except Exception as error:  # a module may raise anything when it is imported
        raise LlmNotFound(f"the language model {name!r} cannot be used: {error} ({how_to_get(name)})") from error
    if not isinstance(model, BaseChatModel):
        raise LlmNotFound(f"{name!r} is not a language model: it must be a subclass of LangChain's BaseChatModel")
    return model


def _with_refusals(model: "BaseChatModel", options: dict[str, Any]) -> "BaseChatModel":
    """Return the same OpenAI model, but one that keeps the streamed text of a refusal."""
    from langchain_openai import ChatOpenAI

    if type(model) is not ChatOpenAI:
        return model
    from infra.engines.openai_chat import OpenAIChat

    return OpenAIChat(model=model.model_name, **options)


def chat_models(settings: Settings, chain: str | None = None) -> list[tuple[str, "BaseChatModel"]]:
    """Return the models of a fallback chain (by default the settings'), best first. Raises LlmNotFound."""
    return [(name, chat_model(name, settings)) for name in model_names(chain or settings.llm)]


def local_url(settings: Settings) -> str:
    """Return the local model's server. Raises LlmNotFound."""
    runtime = read_runtime(settings.data_dir)
    url = settings.llm_url or (runtime.llm_url if runtime is not None else "")
    if not url:
        raise LlmNotFound(
            "the local language model is not running: start everything with `make run`, or the model alone with "
            "`daredevil llm` and DAREDEVIL_LLM_URL=http://127.0.0.1:8031"
        )
    return url.rstrip("/").removesuffix("/v1")


def _local_model(settings: Settings) -> "BaseChatModel":
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    from infra.engines.plain_completions import PlainCompletions

    model = ChatOpenAI(
        model=LOCAL,
        base_url=f"{local_url(settings)}/v1",
        api_key=SecretStr("none"),
        streaming=True,
        stream_usage=True,
        max_retries=0,
        timeout=settings.llm_timeout_s,
        **options_of(LOCAL, settings),
    )
    model.async_client = PlainCompletions(model.root_async_client)
    return model
