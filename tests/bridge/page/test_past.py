"""The page keeps past conversations of its browser: they are listed, read and heard."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.bridge.page.browser import holds, needs_chromium
from tests.bridge.page.page_door import SESSION, TOKEN, PageDoor
from tests.bridge.page.test_offers import converse, hang_up

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]


async def answer(route: Route, body: Any, status: int = 200) -> None:
    assert route.request.headers["authorization"] == f"Bearer {TOKEN}"
    await route.fulfill(status=status, content_type="application/json", body=json.dumps(body))


async def serve(page: Page, playback: dict[str, Any], *sessions: dict[str, Any]) -> None:
    """Answer for the session as the server does: `sessions` one after the other, the last for ever."""
    left = list(sessions)
    summary = {"final": {"summary": "Paris was the subject."}}
    await page.route(f"**/sessions/{SESSION}/playback", lambda route: answer(route, playback))
    await page.route(f"**/sessions/{SESSION}/summary", lambda route: answer(route, summary))
    await page.route(f"**/sessions/{SESSION}", lambda route: answer(route, left.pop(0) if len(left) > 1 else left[0]))


def ended(seconds_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()


async def test_a_past_conversation_is_listed_and_can_be_read_and_heard(page: Page, door: PageDoor) -> None:
    await expect(page.locator("#past")).to_be_hidden()
    await converse(page, door)
    await hang_up(page)
    replies = [{"reply_id": "r1", "text": "It is big.", "start_ms": 2_000, "end_ms": 3_000}]
    turns = [{"turn_id": "t1", "text": "Tell me of Paris", "start_ms": 500, "end_ms": 1_500, "replies": replies}]
    playback = {"turns": turns, "recording": {"url": f"/sessions/{SESSION}/recording"}}
    await serve(page, playback, {"has_summary": True, "turns": 1, "closed_at": ended(3_600)})
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
    await page.get_by_role("button", name="Remove it from this list").click()
    await expect(page.locator("#past")).to_be_hidden()
    await context.close()


async def test_the_conversation_that_has_just_ended_is_listed_and_its_summary_waited_for(
    page: Page, door: PageDoor
) -> None:
    await converse(page, door)
    await hang_up(page)
    fresh = {"has_summary": False, "turns": 1, "closed_at": ended(1)}
    await serve(page, {"turns": [], "recording": None}, fresh, {**fresh, "has_summary": True})
    await page.get_by_text("Past conversations").click()
    await page.get_by_role("button", name="Tell me of Paris").click()
    told = page.get_by_role("dialog").get_by_role("status")
    await expect(told).to_have_text("Writing a summary…")
    await expect(told).to_have_text("Summary Paris was the subject.")


async def test_of_an_old_conversation_without_a_summary_none_is_waited_for(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await hang_up(page)
    await serve(page, {"turns": [], "recording": None}, {"has_summary": False, "turns": 1, "closed_at": ended(90)})
    await page.get_by_text("Past conversations").click()
    await page.get_by_role("button", name="Tell me of Paris").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Nothing was said.")
    await expect(page.get_by_role("dialog").get_by_role("status")).to_be_hidden()


async def test_a_conversation_that_goes_on_is_not_among_the_past_ones(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await hang_up(page)
    await expect(page.locator("#past")).to_be_visible()
    await page.get_by_role("button", name="Talk", exact=True).click()
    await holds(page, "daredevil.state === 'listening'")
    await expect(page.locator("#past")).to_be_hidden()


async def test_a_reply_that_was_cut_off_is_marked_in_a_past_conversation_too(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await hang_up(page)
    cut = {"reply_id": "r1", "written": "It is big and old.", "interrupted": True, "start_ms": 2_000, "end_ms": 3_000}
    replies = [{**cut, "text": "It is"}, {**cut, "text": ""}]
    turns = [{"turn_id": "t1", "text": "Tell me of Paris", "start_ms": 500, "end_ms": 1_500, "replies": replies}]
    await serve(page, {"turns": turns, "recording": None}, {"has_summary": False, "turns": 1, "closed_at": ended(90)})
    await page.get_by_text("Past conversations").click()
    await page.get_by_role("button", name="Tell me of Paris").click()
    told = ["It is interrupted", "interrupted before it was heard"]
    await expect(page.get_by_role("dialog").locator(".agent")).to_have_text(told)
    mark = page.get_by_role("dialog").locator(".mark").first
    await expect(mark).to_have_attribute("title", "You heard it up to here. The whole text was: It is big and old.")
