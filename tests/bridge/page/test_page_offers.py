"""What the page offers and remembers besides the call: rooms, past conversations, the summary, a better model."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from bridge.page_offers import has_rooms
from infra.settings import Settings
from tests.bridge.browser import holds, needs_chromium, watched_page
from tests.bridge.page_door import SESSION, TOKEN, PageDoor, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]


async def converse(page: Page, door: PageDoor, llm: str = "local") -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")
    await door.fact("SessionOpened", profile={"llm": llm})
    await door.fact("TurnEnded", turn_id="t1", participant_id="p", text="Tell me of Paris")


async def hang_up(page: Page) -> None:
    await page.get_by_role("button", name="Hang up").click()
    await holds(page, "daredevil.state === 'ended'")


async def answer(route: Route, body: Any, status: int = 200) -> None:
    assert route.request.headers["authorization"] == f"Bearer {TOKEN}"
    await route.fulfill(status=status, content_type="application/json", body=json.dumps(body))


async def test_a_past_conversation_is_listed_and_can_be_read_and_heard(page: Page, door: PageDoor) -> None:
    await expect(page.locator("#past")).to_be_hidden()
    await converse(page, door)
    await hang_up(page)
    replies = [{"reply_id": "r1", "text": "It is big.", "start_ms": 2_000, "end_ms": 3_000}]
    turns = [{"turn_id": "t1", "text": "Tell me of Paris", "start_ms": 500, "end_ms": 1_500, "replies": replies}]
    playback = {"turns": turns, "recording": {"url": f"/sessions/{SESSION}/recording"}}
    await page.route(f"**/sessions/{SESSION}/playback", lambda route: answer(route, playback))
    summary = {"final": {"summary": "Paris was the subject."}}
    await page.route(f"**/sessions/{SESSION}/summary", lambda route: answer(route, summary))
    await page.reload()
    await page.get_by_text("Past conversations").click()
    await page.get_by_role("button", name="Tell me of Paris").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Paris was the subject.")
    await expect(dialog.locator(".user")).to_have_text("Tell me of Paris")
    await expect(dialog.locator(".agent")).to_have_text("It is big.")
    assert await dialog.locator("audio").get_attribute("src") == f"./sessions/{SESSION}/recording?token={TOKEN}"
    await expect(dialog.get_by_role("button", name="Hear from 0:00")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_a_past_conversation_that_is_gone_says_so_and_can_be_forgotten(browser: Browser, door: PageDoor) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(door.url)
    await converse(page, door)
    await hang_up(page)
    await page.route("**/sessions/**", lambda route: answer(route, {"detail": "the log has no such session"}, 404))
    await page.reload()
    await page.get_by_text("Past conversations").click()
    await page.get_by_role("button", name="Tell me of Paris").click()
    await expect(page.get_by_role("dialog")).to_contain_text("the log has no such session")
    await page.get_by_role("button", name="Take it off this list").click()
    await expect(page.locator("#past")).to_be_hidden()
    await context.close()


async def test_the_summary_is_waited_for_and_shown(page: Page, door: PageDoor) -> None:
    door.summary = "Paris was the subject."
    await converse(page, door)
    await hang_up(page)
    await expect(page.locator(".summary.pending")).to_contain_text("Writing a summary")
    door.may_summarize.set()
    await expect(page.locator(".summary:not(.pending)")).to_contain_text("Paris was the subject.")
    await expect(page.locator(".summary.pending")).to_be_hidden()
    assert door.hellos[-1]["summary"] is True


async def test_that_the_local_model_is_a_stand_in_is_said_once_in_a_browser(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    note = page.get_by_role("note")
    await expect(note).to_contain_text("DAREDEVIL_LLM=provider:model")
    await page.get_by_role("button", name="Got it").click()
    await expect(note).to_be_hidden()
    await hang_up(page)
    await page.reload()
    await converse(page, door)
    await expect(page.locator(".user")).to_have_text("Tell me of Paris")
    await expect(note).to_be_hidden()


async def test_of_another_model_nothing_is_said(page: Page, door: PageDoor) -> None:
    await converse(page, door, "openai:gpt-5-mini")
    await expect(page.locator(".user")).to_have_text("Tell me of Paris")
    await expect(page.get_by_role("note")).to_be_hidden()


async def test_rooms_are_offered_only_where_they_are(context: BrowserContext, door: PageDoor) -> None:
    async with watched_page(context, door.url) as page:
        await holds(page, "performance.getEntriesByName(new URL('page.json', location)).length === 1")
        await expect(page.get_by_role("link", name="Talk in a room")).to_be_hidden()
        await page.route("**/page.json", lambda route: route.fulfill(json={"rooms": True}))
        await page.reload()
        await expect(page.get_by_role("link", name="Talk in a room")).to_be_visible()


async def test_facts_are_filtered_by_what_they_say(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await page.get_by_role("button", name="Facts", exact=True).click()
    rows = page.locator("#facts-list li:visible")
    await expect(rows).to_have_count(2)
    for words in ("paris", "turn tell", "TURNENDED"):
        await page.get_by_role("searchbox").fill(words)
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("TurnEnded")
    await page.get_by_role("searchbox").fill("london")
    await expect(rows).to_have_count(0)


async def test_there_are_rooms_where_a_server_and_its_key_are_set(tmp_path: Any) -> None:
    assert not has_rooms(Settings(data_dir=tmp_path))
    key = {"livekit_api_key": "key", "livekit_api_secret": "secret"}
    assert has_rooms(Settings.model_validate({"data_dir": tmp_path, "livekit_url": "ws://127.0.0.1:1", **key}))
