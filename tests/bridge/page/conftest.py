"""The page in a browser, the same for all tests of this folder, each in a context of its own at a scripted door."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.bridge.page.browser import running_browser, watched_page
from tests.bridge.page.page_door import PageDoor, running_door


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="package")
async def door() -> AsyncIterator[PageDoor]:
    """A door of the test's own: the page of the test before still hangs up as it is closed."""
    async with running_door() as door:
        yield door


@pytest_asyncio.fixture(loop_scope="package")
async def context(browser: Browser, door: PageDoor) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="package")
async def page(context: BrowserContext, door: PageDoor) -> AsyncIterator[Page]:
    async with watched_page(context, door.url) as page:
        yield page


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def still(browser: Browser) -> AsyncIterator[Page]:
    """A page that makes no call, for what its scripts work out off the clock."""
    async with running_door() as door:
        page = await browser.new_page()
        await page.goto(door.url)
        yield page
        await page.close()
