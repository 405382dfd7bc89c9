"""The newest turn and the text box below it stay in sight, in long conversations and small windows."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.bridge.page.browser import holds, needs_chromium, watched_page
from tests.bridge.page.page_door import PageDoor, running_door, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

SIZES = {
    "desktop": (1280, 800),
    "zoomed to 200 %": (640, 400),
    "zoomed to 400 %": (320, 200),
    "zoomed to 400 %, higher": (320, 256),
    "phone": (390, 844),
    "phone with its keyboard": (390, 500),
    "phone on its side": (844, 390),
    "wide and low": (1280, 300),
}
SPOKEN_SIZES = ("desktop", "phone")
TYPED_SIZES = ("zoomed to 400 %", "phone with its keyboard", "phone on its side")
"""Those tried in every run, the rest at night."""
EXCHANGES = 15
PARTS = {"endpointing_ms": 400.0, "stt_ms": 40.0, "first_token_ms": 70.0, "first_audio_ms": 80.0}


@pytest.mark.parametrize(
    ("size", "is_spoken"),
    [
        *(
            pytest.param(size, False, id=f"{size}-typed", marks=[pytest.mark.nightly] * (size not in TYPED_SIZES))
            for size in SIZES
        ),
        *(
            pytest.param(size, True, id=f"{size}-spoken", marks=[pytest.mark.nightly] * (size not in SPOKEN_SIZES))
            for size in SIZES
        ),
    ],
)
async def test_the_newest_turn_and_the_text_box_stay_in_sight(browser: Browser, size: str, is_spoken: bool) -> None:
    width, height = SIZES[size]
    async with running_door() as door:
        door.summary = "The time was asked for, in many places, and told. " * 2
        door.may_summarize.set()
        context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        async with watched_page(context, door.url) as page:
            await begin(page, door, is_spoken)
            for n in range(EXCHANGES):
                await exchange(page, door, n, is_spoken)
                await expect_end_in_sight(page, f"after exchange {n + 1}")
                if n == EXCHANGES // 2:
                    await close_the_note(page)
            await door.send(type="error", code="x", message="what went wrong is told in some words " * 3)
            await expect(page.get_by_role("alert")).to_be_visible()
            await expect_end_in_sight(page, "with a problem")
            assert await fully_in_window(page, "#hangup") or width > height > 200
            await page.get_by_role("textbox", name="Type to the agent").click()
            await page.keyboard.type("And now?")
            await page.keyboard.press("Enter")
            await until(lambda: any(message.get("text") == "And now?" for message in door.received))
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            await page.get_by_role("button", name="Hang up").click()
            await expect(page.locator(".summary:not(.pending)")).to_be_attached()
            await expect_end_in_sight(page, "with the summary")
        await context.close()


async def begin(page: Page, door: PageDoor, is_spoken: bool) -> None:
    """Begin a call in which the note about the stand-in model is open."""
    await page.get_by_role("button", name="Talk" if is_spoken else "Type instead", exact=True).click()
    if is_spoken:
        await until(lambda: door.socket)
        await holds(page, "daredevil.state === 'listening'")
    else:
        await page.get_by_role("textbox", name="Type to the agent").fill("Hello there.")
        await page.keyboard.press("Enter")
    await door.fact("SessionOpened", profile={"llm": "local"})
    await expect(page.get_by_role("note")).to_be_attached()


async def close_the_note(page: Page) -> None:
    """Close it, and go back to the end as a reader does."""
    await page.get_by_role("button", name="Got it").click()
    await page.get_by_role("region", name="What was said").hover(position={"x": 4, "y": 4})
    await page.mouse.wheel(0, 100_000)
    await expect_end_in_sight(page, "after the note was closed")


async def expect_end_in_sight(page: Page, when: str) -> None:
    """The text box can be used; right above it, or above a problem told there, is the end of the newest turn."""
    try:
        await holds(page, END_IN_SIGHT)
    except TimeoutError:
        pytest.fail(f"{when}: {await page.evaluate(WHERE_THINGS_ARE)}")
    assert await fully_in_window(page, "#typing"), f"{when}: {await page.evaluate(WHERE_THINGS_ARE)}"


WHERE_THINGS_ARE = """(() => {
  const box = (selector) => {
    const { top, bottom } = [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
    return { top, bottom };
  };
  const problem = document.querySelector("#problem");
  const isAboveTheBox = !problem.hidden && getComputedStyle(problem).position === "fixed";
  const under = isAboveTheBox ? box("#problem") : box("#typing");
  return { under, newest: box(".turns > li:not([hidden])"), scrollY, innerHeight };
})()"""
END_IN_SIGHT = f"""(() => {{
  const {{ under, newest }} = {WHERE_THINGS_ARE};
  return newest.bottom > 20 && newest.bottom <= under.top && (under.top - newest.bottom < 60 || newest.top >= 0);
}})()"""
"""Where there is little yet, all of it is seen."""


async def exchange(page: Page, door: PageDoor, n: int, is_spoken: bool) -> None:
    question, answer = f"Question {n}: what is the time, and where?", f"Answer {n}: it is late, here and there. " * 2
    if not is_spoken:
        await page.get_by_role("textbox", name="Type to the agent").fill(question)
        await page.keyboard.press("Enter")
        await until(lambda: door.received and door.received[-1].get("text") == question)
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
