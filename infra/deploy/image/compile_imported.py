"""Imports what the processes of the image import of others, so that Python writes the bytecode of these modules only.

The root of a container is read-only: without bytecode in the image each start would compile thousands of files again.
All of it would be 110 MB, most of which no process reads. With `models` as argument: also what the local models need.
The bytecode names the hash of its source, not the time: the same packages make the same image.
"""

import importlib
import py_compile
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

MODULES = (
    "aiohttp",
    "alembic.command",
    "av",
    "fastapi",
    "fastapi_offline",
    "faststream.cli",
    "faststream.nats",
    "httpcore",
    "httpx_sse",
    "jwt",
    "langchain.agents",
    "langchain_mcp_adapters.client",
    "langchain_openai",
    "langgraph.graph",
    "livekit.agents",
    "livekit.agents.cli.cli",
    "livekit.agents.inference.eot",
    "livekit.api",
    "livekit.plugins.silero",
    "livekit.rtc",
    "msgpack",
    "num2words",
    "onnxruntime",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.prometheus",
    "opentelemetry.sdk.metrics",
    "opentelemetry.sdk.trace",
    "pgvector.psycopg",
    "prometheus_client.parser",
    "psycopg_pool",
    "pulsar",
    "pydantic_settings",
    "rapidfuzz.distance",
    "rich.console",
    "rich.table",
    "setproctitle",
    "soxr",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sse_starlette",
    "starlette.middleware.cors",
    "typer",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
    "websockets.asyncio.client",
    "yaml",
)
OF_MODELS = ("moonshine_voice", "piper", "wordllama", "xllamacpp")


def sources(modules: Iterable[object], folder: Path) -> list[Path]:
    """Return the files of those modules that are Python's, and in this folder."""
    specs = [vars(module).get("__spec__") for module in modules if isinstance(module, ModuleType)]
    files = [Path(spec.origin) for spec in specs if spec is not None and spec.has_location and spec.origin]
    return sorted({file for file in files if file.suffix == ".py" and file.is_relative_to(folder)})


def main(arguments: list[str]) -> None:
    """Import and compile them; one that this platform does not have is named and passed over."""
    sys.dont_write_bytecode = True  # else importing writes it, with the time
    for name in (*MODULES, *(OF_MODELS if "models" in arguments else ())):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"not compiled: {name} ({error})", file=sys.stderr)
    for file in sources(list(sys.modules.values()), Path(sys.prefix)):
        py_compile.compile(str(file), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


if __name__ == "__main__":
    main(sys.argv[1:])
