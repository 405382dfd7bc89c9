"""`/docs`: the OpenAPI page. All of its files are served from here."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).parent / "docs_page"
SWAGGER = Path(fastapi_offline.__file__).parent / "static"
"""Where the package keeps the files of Swagger UI."""


def add_docs(api: FastAPI) -> None:
    """Serve the page and its files."""

    async def page(request: Request) -> FileResponse:
        return FileResponse(PAGE / "index.html")

    async def start(request: Request) -> FileResponse:
        return FileResponse(PAGE / "start.js")

    api.add_route("/docs", page, include_in_schema=False)
    api.add_route("/docs/start.js", start, include_in_schema=False)
    api.mount("/docs/swagger", StaticFiles(directory=SWAGGER))
