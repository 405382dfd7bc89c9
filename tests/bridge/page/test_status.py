"""The status page in a browser: it fits phone and desktop, in light and dark, and axe-core finds nothing wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import pytest
import uvicorn
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from bridge.http.status import PAGE
from bridge.http.status_page import MachineStatus, status_page
from bridge.web_server import POLICY, Headers
from infra.process.uvicorn_server import UvicornServer
from tests.bridge.http.status_figures import some_figures
from tests.bridge.page.browser import needs_chromium, watched_page
from tests.bridge.page.test_accessibility import wrong
from tests.waiting import until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
READY = MachineStatus(problem="", full="", calls_carried=7.4)


@asynccontextmanager
async def served(*pages: str) -> AsyncIterator[str]:
    """Serve the pages one after the other, the last one again and again; empty: nothing is there."""
    left = list(pages)

    async def status(_: Request) -> HTMLResponse:
        page = left.pop(0) if len(left) > 1 else left[0]
        return HTMLResponse(page, 200 if page else 503)

    async def beside(request: Request) -> FileResponse:
        return FileResponse(PAGE / request.url.path.removeprefix("/"))

    names = ("status.css", "status.js")
    routes = [Route("/status", status), *(Route(f"/{name}", beside) for name in names)]
    app = Headers(Starlette(routes=routes), POLICY)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = UvicornServer(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
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


async def test_it_loads_again_until_it_is_told_not_to_and_says_when_nobody_answers(browser: Browser) -> None:
    first, later = status_page(some_figures(), READY), status_page(some_figures(), replace(READY, full="it is busy"))
    context = await browser.new_context()
    page = await context.new_page()
    await page.clock.install()
    async with served(first, later, "") as url:
        await page.goto(url + "status")
        await page.clock.run_for(11_000)
        await expect(page.get_by_text("no new sessions are taken")).to_be_visible()
        await page.get_by_role("checkbox", name="Load again").uncheck()
        await page.clock.run_for(60_000)
        await expect(page.get_by_role("alert")).to_be_hidden()
        await page.get_by_role("checkbox", name="Load again").check()
        await page.clock.run_for(11_000)
        await expect(page.get_by_role("alert")).to_contain_text("does not answer")
    await context.close()
