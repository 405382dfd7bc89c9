"""Imports what the processes of the image import of others, so that Python writes the bytecode of these modules only.

The root of a container is read-only: without bytecode in the image each start would compile thousands of files again.
All of it would be 110 MB, most of which no process reads. With `models` as argument: also what the local models need.
"""

import importlib
import sys

MODULES = (
    "aiohttp",
    "alembic.command",
    "av",
    "fastapi",
    "fastapi_offline",
    "faststream.cli",
    "faststream.nats",
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
    "typer",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
    "websockets.asyncio.client",
    "yaml",
)
OF_MODELS = ("moonshine_voice", "piper", "wordllama", "xllamacpp")


def main(arguments: list[str]) -> None:
    """Import them; one that this platform does not have is named and passed over."""
    for name in (*MODULES, *(OF_MODELS if "models" in arguments else ())):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"not compiled: {name} ({error})", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
