"""Headless Chromium with a fake microphone, for tests of the page."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
"""The shell is Chromium without its own windows: a page opens in it for a third of the CPU."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

PATIENCE_S = 30.0
"""How long anything may take to be seen in a browser: as the machine may be busy, far longer than it takes."""

expect.set_options(timeout=PATIENCE_S * 1000)

needs_chromium = pytest.mark.skipif(
    not Path(CHROMIUM).exists(), reason="no Chromium: apt-get install chromium-headless-shell"
)


@asynccontextmanager
async def running_browser(*more_flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=[*FLAGS, *more_flags])
        yield browser
        await browser.close()


HANG_UP_NOISE = re.compile(r"^(DataChannel error on|publisher data channel) .*(Abort|closed unexpectedly)")
"""What LiveKit's client logs as errors when the server closes a room, or not: it depends on which end is first."""


@asynccontextmanager
async def watched_page(context: BrowserContext, url: str) -> AsyncIterator[Page]:
    """The page, opened; afterwards it must have asked no other host and logged no error."""
    page = await context.new_page()
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not HANG_UP_NOISE.match(message.text):
            wrong.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda each: None if each.url.startswith(url) else wrong.append(each.url))
    await page.goto(url)
    yield page
    assert wrong == [], wrong


async def holds(page: Page, expression: str, seconds: float = PATIENCE_S) -> None:
    """Wait until an expression is true in the page (Playwright's own waiting is refused by the page's policy)."""
    async with asyncio.timeout(seconds):
        while not await page.evaluate(expression):  # noqa: ASYNC110 - the condition is in the browser
            await asyncio.sleep(0.02)
