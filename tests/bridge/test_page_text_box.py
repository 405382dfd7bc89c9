"""The text box stays where it can be used, however long the conversation and however small the window."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.bridge.browser import holds, needs_chromium, running_browser, watched_page
from tests.bridge.page_door import PageDoor, running_door, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

SIZES = {"desktop": (1280, 800), "phone": (390, 844), "zoomed to 400 %": (320, 200), "phone on its side": (844, 390)}
EXCHANGES = 14
PARTS = {"endpointing_ms": 400.0, "stt_ms": 40.0, "first_token_ms": 70.0, "first_audio_ms": 80.0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest.mark.parametrize("is_spoken", [False, True], ids=["typed", "spoken"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_text_box_is_in_sight_after_many_exchanges(browser: Browser, size: str, is_spoken: bool) -> None:
    width, height = SIZES[size]
    async with running_door() as door:
        context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        async with watched_page(context, door.url) as page:
            await page.get_by_role("button", name="Talk" if is_spoken else "Type instead", exact=True).click()
            box = page.get_by_role("textbox", name="Type to the agent")
            if is_spoken:
                await until(lambda: door.socket)
                await holds(page, "daredevil.state === 'listening'")
            for n in range(EXCHANGES):
                await exchange(page, door, n, is_spoken)
                assert await fully_in_window(page, "#typing"), f"after exchange {n + 1}"
            await expect(page.locator(".agent")).to_have_count(EXCHANGES)
            await box.click()
            await page.keyboard.type("And now?")
            await page.keyboard.press("Enter")
            await until(lambda: door.received[-1].get("text") == "And now?")
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert await page.evaluate("document.querySelector('.scroll').clientHeight >= 60"), "words can be read"
        await context.close()


async def exchange(page: Page, door: PageDoor, n: int, is_spoken: bool) -> None:
    question, answer = f"Question {n}: what is the time, and where?", f"Answer {n}: it is late, here and there. " * 2
    if not is_spoken:
        await page.get_by_role("textbox", name="Type to the agent").fill(question)
        await page.keyboard.press("Enter")
        await until(lambda: sum(each["type"] == "text" for each in door.received) == n + 1)
    ids = {"turn_id": f"t{n}", "reply_id": f"r{n}"}
    source = "speech" if is_spoken else "text"
    await door.fact("TurnEnded", turn_id=f"t{n}", participant_id="person-1", text=question, source=source)
    await door.fact("ReplyClauseWritten", **ids, index=0, text=answer)
    gap: dict[str, Any] = {"gap_ms": 590.0, "parts": PARTS} if is_spoken else {}
    await door.fact("PlaybackStarted", **ids, **gap)
    await door.fact("PlaybackFinished", **ids, heard_text=answer)
    await expect(page.locator(".agent .heard").last).to_be_attached()
    await holds(page, f"document.querySelectorAll('.agent').length === {n + 1}")


async def fully_in_window(page: Page, selector: str) -> bool:
    """Tell whether an element lies in the window, and can be clicked where it does."""
    seen: bool = await page.evaluate(
        """(selector) => {
          const { top, bottom, left, right } = document.querySelector(selector).getBoundingClientRect();
          const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          const isWithin = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
          return isWithin && Boolean(at?.closest(selector));
        }""",
        selector,
    )
    return seen
