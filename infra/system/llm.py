"""The local language model: SmolLM2 from its wheel, served by llama.cpp with OpenAI's protocol on loopback.

`python -m infra.system.llm --port N` serves until SIGTERM, with `--host 0.0.0.0` for other machines too, which need no
key: keep it private. Idle it uses no CPU; resident it takes about 340 MB, of which 225 are its own.
"""

import argparse
import asyncio
import json
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from actors.reasoning.small_model.examples import EXAMPLES
from infra.engines.llm import LOCAL, LOCAL_CONTEXT_TOKENS
from infra.process.leaving import leave
from infra.settings import Settings, settings
from infra.shares import shares_of
from infra.system.processes import name_process
from infra.system.weights import LlmMissing, best_weights

if TYPE_CHECKING:
    from xllamacpp import Server

SLOTS = 2
"""Requests processed at once: each has a key-value cache of its own, which keeps the beginning of the last prompt."""
PROMPT_CACHE_MB = 128
"""Prompts of other sessions that are kept in memory, so that alternating sessions need not be read again."""

_VERBOSITY = {"DEBUG": 4, "INFO": 1, "WARNING": 1, "ERROR": 0}
"""llama.cpp's level for ours: its own INFO logs every request."""


def serve(port: int, threads: int = 1, host: str = "127.0.0.1") -> "Server":
    """Serve the model from threads of this process; return the server once it is warm.

    It serves for as long as the returned object lives. Raises LlmMissing, or RuntimeError if the port is in use.
    """
    try:
        from xllamacpp import CommonAdapterLoraInfo, CommonParams, Server
    except ImportError as error:
        raise LlmMissing("llama.cpp is missing: `make setup` installs it (package xllamacpp)") from error
    params = CommonParams()
    weights = best_weights()
    params.model.path = str(weights.model)
    if weights.adapter is not None:
        params.lora_adapters = [CommonAdapterLoraInfo(str(weights.adapter))]
    params.model_alias = {"local"}
    params.hostnames, params.port = [host], port
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * LOCAL_CONTEXT_TOKENS
    params.cache_prompt, params.cache_ram_mib = True, PROMPT_CACHE_MB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # Threads that spin while idle would take the CPU from speech recognition and synthesis.
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.verbosity = _VERBOSITY[settings().log_level]
    params.ui = params.endpoint_slots = False
    params.endpoint_metrics = True  # what benchmarks count: tokens read and written, requests that wait
    params.cors_origins = ""
    params.n_threads_http = 4
    server = Server(params)
    warm_up(f"http://127.0.0.1:{port}" if host == "0.0.0.0" else server.listening_address)
    return server


def warm_up(url: str, timeout_s: float = 60) -> None:
    """Make every slot read the prefixes that our prompts share, so that no caller waits for it."""
    for prefix in shared_prefixes(settings()):
        asked = [*prefix, ("user", "Hello!")]
        messages = [{"role": role, "content": text} for role, text in asked]
        body = json.dumps({"messages": messages, "max_tokens": 2, "temperature": 0}).encode()
        request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"Content-Type": "application/json"})
        with ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(_read, [request] * SLOTS, [timeout_s] * SLOTS))


def _read(request: urllib.request.Request, timeout_s: float) -> None:
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        answer.read()


def shared_prefixes(config: Settings) -> list[list[tuple[str, str]]]:
    """Return what the local model's prompts begin with: where it answers, and where it scores words for another model.

    The latter have no instructions. They come last: a score that is late is no score, an answer only comes later.
    """
    chains = [share.engines for share in shares_of(config.llm)]
    answering = [[("system", config.prompt), *EXAMPLES]] if any(LOCAL in chain for chain in chains) else []
    scoring = [[*EXAMPLES]] if any(chain[:1] != (LOCAL,) for chain in chains) else []
    return answering + scoring


async def wait_for_llm(url: str, timeout_s: float = 60) -> None:
    """Wait until the server at `url` answers and is warm. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        healthy = False
        while not healthy:
            await asyncio.sleep(0.05)
            healthy = await asyncio.to_thread(_healthy, url)
        await asyncio.to_thread(warm_up, url, timeout_s)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m infra.system.llm", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--threads", type=int, default=settings().llm_threads)
    options = parser.parse_args(arguments)
    name_process("dd-llm")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        server = serve(options.port, options.threads, options.host)
    except (LlmMissing, RuntimeError) as error:
        raise SystemExit(f"the local language model cannot be served on port {options.port}: {error}") from error
    print(f"ready {server.listening_address}", flush=True)
    ended.wait()
    leave(0)  # its threads still run: Python must not be taken apart around them


if __name__ == "__main__":
    main()
