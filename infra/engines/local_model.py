"""Whether the server of the local language model answers, where nothing else could answer in its place."""

from infra.engines.llm import LOCAL, LlmNotFound, local_url
from infra.process.http_status import http_status
from infra.settings import Settings
from infra.shares import shares_of

LOCAL_MODEL = "the local language model"


def is_needed(settings: Settings) -> bool:
    """Return whether there are sessions in which no other model can answer in its place."""
    try:
        return any(share.engines == (LOCAL,) for share in shares_of(settings.llm))
    except ValueError:
        return False  # then reasoning does not start


async def is_there(settings: Settings, timeout_s: float) -> bool:
    """Ask its server: ours answers 200, or 503 while it loads; one without `/health`, as of Ollama, says 404."""
    try:
        status = await http_status(f"{local_url(settings)}/health", timeout_s)
    except LlmNotFound:
        return False
    return status is not None and status < 500


async def problem(settings: Settings, timeout_s: float) -> str:
    """Return that it does not answer though it is needed; empty otherwise."""
    if is_needed(settings) and not await is_there(settings, timeout_s):
        return f"no answer comes from: {LOCAL_MODEL}"
    return ""
