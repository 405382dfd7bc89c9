"""The page for people who see little or nothing: contrast and roles by axe-core, captions of what was heard."""

from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.bridge.page.browser import holds, needs_chromium, watched_page
from tests.bridge.page.page_door import PageDoor, running_door, tone, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PARTS = {"endpointing_ms": 400.0, "stt_ms": 40.0, "first_token_ms": 70.0, "first_audio_ms": 80.0}


async def wrong(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, each with where."""
    found = await Axe().run(page, options=RULES)
    return [
        f"{each['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else ''}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


async def everything_shown(page: Page, door: PageDoor) -> None:
    """A call in which there is something of each kind on the page."""
    turn: dict[str, Any] = {"turn_id": "t1", "participant_id": "p"}
    reply: dict[str, Any] = {"turn_id": "t1", "reply_id": "r1"}
    await door.fact("SessionOpened", profile={"llm": "local"})
    await door.fact("TurnEnded", **turn, text="Tell me a story")
    await door.fact("ToolCalled", **reply, call_id="c", tool="clock")
    for index, text in enumerate(("Once upon a time,", "far away,", "and long ago.")):
        await door.fact("ReplyClauseWritten", **reply, index=index, text=text)
    await door.fact("PlaybackStarted", **reply, gap_ms=590.0, parts=PARTS)
    await door.fact("TurnEnded", turn_id="t2", participant_id="p", text="And another one")
    await door.fact("ReplyClauseWritten", turn_id="t2", reply_id="r2", index=0, text="No more today.")
    await door.fact("PlaybackInterrupted", turn_id="t2", reply_id="r2", heard_text="No more")
    await door.fact("TranscriptRevised", turn_id="t3", text="Why no")
    await door.fact("TranscriptRevised", turn_id="t4", text="mhm")
    await door.fact("InterruptionDismissed", turn_id="t4", text="mhm", reason="backchannel")
    await door.fact("EngineFailed", actor="transcript", engine="x.STT", error="no answer", action="used local")
    await door.fact("SummaryWritten", summary="A story was told.", topics=["stories"], sentiment="neutral")
    await page.get_by_role("button", name="Answered after").first.click()
    await expect(page.locator(".summary")).to_be_visible()
    await page.get_by_role("button", name="Facts", exact=True).click()


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        pytest.param("light", 390, marks=pytest.mark.nightly),
        ("dark", 1280),
        pytest.param("light", 1280, marks=pytest.mark.nightly),
        pytest.param("dark", 390, marks=pytest.mark.nightly),
    ],
)
async def test_every_state_of_the_page_has_the_contrast_and_roles_of_wcag_aa(
    browser: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    async with running_door() as door:
        context = await browser.new_context(
            viewport={"width": width, "height": 800}, reduced_motion="reduce", color_scheme=scheme
        )
        async with watched_page(context, door.url) as page:
            assert "\n".join(await wrong(page)) == ""
            await page.get_by_role("button", name="Talk", exact=True).click()
            await until(lambda: door.socket)
            await holds(page, "daredevil.state === 'listening'")
            await everything_shown(page, door)
            assert "\n".join(await wrong(page)) == ""
            await page.get_by_role("button", name="Close the facts").click()
            await door.send(type="error", code="text-too-long", message="9 bytes of text; at most 8 can be answered")
            await page.get_by_role("button", name="Mute").click()
            assert "\n".join(await wrong(page)) == ""
            await page.get_by_role("button", name="Hang up").click()
            await holds(page, "daredevil.state === 'ended'")
            assert "\n".join(await wrong(page)) == ""
        await context.close()


async def test_screen_readers_are_told_what_was_heard_not_what_was_written_ahead(browser: Browser) -> None:
    async with running_door() as door:
        context = await browser.new_context(permissions=["microphone"])
        async with watched_page(context, door.url) as page:
            await page.get_by_role("button", name="Talk", exact=True).click()
            await until(lambda: door.socket)
            clauses = {"turn_id": "t1", "reply_id": "r1"}
            texts = ("Once upon a time,", "far away,", "a king lived.")
            for index, text in enumerate(texts):
                samples = 4_800 if index == 0 else 240_000
                await door.fact("ReplyClauseWritten", **clauses, index=index, text=text)
                await door.fact(
                    "ClauseSynthesized", **clauses, index=index, text=text, samples=samples, sample_rate_hz=24_000
                )
            captions = page.locator("#captions")
            await expect(page.locator(".agent")).to_contain_text("a king lived.")
            await expect(captions).to_have_text("")
            await door.reply("r1", tone(10))
            await expect(captions).to_have_text("Agent: Once upon a time,")
            heard = "Once upon a time, far"
            await door.fact("PlaybackInterrupted", **clauses, heard_text=heard, played_samples=100_000)
            await expect(captions.locator("p")).to_have_text(
                ["Agent: Once upon a time,", "Agent: far", "Agent interrupted"]
            )
        await context.close()
