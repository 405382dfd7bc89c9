"""The status page in a browser: it fits phone and desktop, in light and dark, and axe-core finds nothing wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import pytest
import uvicorn
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from bridge.http.status import STYLE
from bridge.http.status_page import Status, status_page
from bridge.web_server import POLICY, Headers
from infra.process.uvicorn_server import UvicornServer
from tests.bridge.http.status_figures import some_figures
from tests.bridge.page.browser import needs_chromium, watched_page
from tests.bridge.page.test_accessibility import wrong

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
READY = Status(problem="", full="", calls_carried=7.4)


@asynccontextmanager
async def served(page: str) -> AsyncIterator[str]:
    async def status(_: Request) -> HTMLResponse:
        return HTMLResponse(page)

    async def style(_: Request) -> FileResponse:
        return FileResponse(STYLE)

    app = Headers(Starlette(routes=[Route("/status", status), Route("/status.css", style)]), POLICY)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = UvicornServer(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        await serving


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
async def test_it_fits_and_has_the_contrast_and_roles_of_wcag_aa(
    browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    problem = replace(READY, problem="no answer comes from: transcript, reasoning, synthesis")
    for shown in (READY, problem):
        context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        async with served(status_page(some_figures(), shown)) as url, watched_page(context, url + "status") as page:
            assert await page.evaluate(OVERFLOW) == 0
            assert "\n".join(await wrong(page)) == ""
            assert await page.get_by_role("table").count() == 4
        await context.close()
