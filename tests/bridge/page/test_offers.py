"""What the page offers and says besides the call: rooms, the summary, a better model, how long a text may be."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from bridge.websocket.page_offers import believes_names, has_rooms
from infra.settings import Settings
from tests.bridge.page.browser import holds, needs_chromium, watched_page
from tests.bridge.page.page_door import PageDoor, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]


async def converse(page: Page, door: PageDoor, llm: str = "local") -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")
    await door.fact("SessionOpened", profile={"llm": llm})
    await door.fact("TurnEnded", turn_id="t1", participant_id="p", text="Tell me of Paris")


async def hang_up(page: Page) -> None:
    await page.get_by_role("button", name="Hang up").click()
    await holds(page, "daredevil.state === 'ended'")


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


async def test_a_text_longer_than_the_server_takes_is_reported_and_kept_whole(
    context: BrowserContext, door: PageDoor
) -> None:
    async with watched_page(context, door.url) as page:
        await page.route("**/page.json", lambda route: route.fulfill(json={"rooms": False, "max_text_bytes": 16_000}))
        await page.reload()
        await page.get_by_role("button", name="Type instead").click()
        box, told = page.get_by_role("textbox", name="Type to the agent"), page.locator("#too-long")
        await box.fill("é" * 8_001)
        await expect(told).to_have_text("Too long to send: 16,002 bytes; at most 16,000 are allowed.")
        await expect(box).to_have_attribute("aria-invalid", "true")
        await page.keyboard.press("Enter")
        assert len(await box.input_value()) == 8_001
        await box.fill("é" * 8_000)
        await expect(told).to_be_hidden()
        await page.keyboard.press("Enter")
        await until(lambda: any(each.get("text") == "é" * 8_000 for each in door.received))


async def test_a_name_is_kept_in_the_browser_and_told_by_calls_that_begin_after_it(page: Page, door: PageDoor) -> None:
    field = page.get_by_label("Your name")
    await expect(field).to_be_hidden()  # the server did not say that it believes names
    await page.route("**/page.json", lambda route: route.fulfill(json={"names": True}))
    await page.reload()
    await converse(page, door)
    assert door.hellos[-1]["user_id"].startswith("guest-")
    assert "name" not in door.hellos[-1]
    await expect(field).to_be_hidden()
    await hang_up(page)
    await field.fill(" Sam  Doe ")
    await page.get_by_role("button", name="Talk", exact=True).click()
    await holds(page, "daredevil.state === 'listening'")
    assert (door.hellos[-1]["user_id"], door.hellos[-1]["name"]) == ("Sam Doe", "Sam Doe")
    await hang_up(page)
    await page.reload()
    await expect(field).to_have_value("Sam Doe")


async def test_a_reloaded_page_goes_on_as_the_one_who_began(page: Page, door: PageDoor) -> None:
    await page.route("**/page.json", lambda route: route.fulfill(json={"names": True}))
    await page.reload()
    await page.get_by_label("Your name").fill("Sam")
    await converse(page, door)
    await page.reload()
    await until(lambda: "session_id" in door.hellos[-1])
    assert [hello["user_id"] for hello in door.hellos] == ["Sam", "Sam"]


async def test_names_are_believed_of_this_machine_where_users_have_no_tokens(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path)
    assert believes_names(settings, is_local=True)
    assert not believes_names(settings, is_local=False)
    assert believes_names(settings.model_copy(update={"trust_user_ids": "everyone"}), is_local=False)
    assert not believes_names(settings.model_copy(update={"auth": "a-secret"}), is_local=True)


async def test_there_are_rooms_where_a_server_and_its_key_are_set(tmp_path: Any) -> None:
    assert not has_rooms(Settings(data_dir=tmp_path))
    key = {"livekit_api_key": "key", "livekit_api_secret": "secret"}
    assert has_rooms(Settings.model_validate({"data_dir": tmp_path, "livekit_url": "ws://127.0.0.1:1", **key}))
