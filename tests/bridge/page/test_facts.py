"""The panel of raw facts: its filter says where it found what, and its opening hides nothing of the conversation."""

import pytest
from playwright.async_api import Page, expect

from tests.bridge.page.browser import holds, needs_chromium
from tests.bridge.page.page_door import PageDoor, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]


async def converse(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")
    await door.fact("SessionOpened", profile={"llm": "openai:gpt-5-mini"})
    await door.fact("TurnEnded", turn_id="t1", participant_id="p", text="Tell me of Paris")


async def open_facts(page: Page) -> None:
    await page.get_by_role("button", name="Facts", exact=True).click()


async def test_facts_are_filtered_by_what_they_say(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await open_facts(page)
    rows = page.locator("#facts-list li:visible")
    await expect(rows).to_have_count(2)
    for words in ("paris", "turn tell", "TURNENDED"):
        await page.get_by_role("searchbox").fill(words)
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("TurnEnded")


async def test_where_no_fact_matches_the_panel_says_so_until_one_does(page: Page, door: PageDoor) -> None:
    await open_facts(page)
    told = page.locator("#facts-empty")
    await expect(told).to_contain_text("Every event of the session")
    await converse(page, door)
    await page.get_by_role("searchbox").fill("london")
    await expect(told).to_have_text("No fact contains “london”.")
    await expect(page.locator("#facts-list li:visible")).to_have_count(0)
    await door.fact("TurnEnded", turn_id="t2", participant_id="p", text="And of London")
    await expect(page.locator("#facts-list li:visible")).to_have_count(1)
    await expect(told).to_be_hidden()


async def test_what_was_found_in_a_field_that_the_line_does_not_show_is_shown(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    context = [
        {"role": "system", "text": "You are kind."},
        {"role": "user", "text": "I said that my name is Olaf, hi."},
    ]
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", text="Tell me of Paris", context=context)
    await open_facts(page)
    gist = page.locator("#facts-list li:visible .fact-gist")
    await page.get_by_role("searchbox").fill("olaf")
    await expect(gist).to_have_text("context.1.text: …that my name is Olaf, hi.")
    await expect(gist.locator("mark")).to_have_text("Olaf")
    await page.get_by_role("searchbox").fill("of paris replystarted")
    await expect(gist).to_have_text("Tell me of Paris")


async def test_ids_that_the_details_do_not_show_are_not_searched(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    await open_facts(page)
    await page.get_by_role("searchbox").fill("20261122")  # the session's id is in every fact
    await expect(page.locator("#facts-list li:visible")).to_have_count(0)


async def test_opening_the_facts_leaves_the_end_of_the_conversation_in_view(page: Page, door: PageDoor) -> None:
    await converse(page, door)
    for n in range(15):
        question = f"Question {n}: what is the time in all of these places, and what is to be seen there? " * 2
        await door.fact("TurnEnded", turn_id=f"t{n}", participant_id="p", text=question)
        reply = {"turn_id": f"t{n}", "reply_id": f"r{n}"}
        await door.fact("ReplyClauseWritten", **reply, index=0, text="It is late, here and there. " * 8)
        await door.fact("PlaybackFinished", **reply, heard_text="It is late, here and there. " * 8)
    await holds(page, f"document.querySelectorAll('.agent').length === 15 && ({FROM_END}) < 5")
    await open_facts(page)
    await holds(page, f"!document.getElementById('facts').hidden && ({FROM_END}) < 5")
    await page.get_by_role("button", name="Close the facts").click()
    await holds(page, f"({FROM_END}) < 5")
    await page.get_by_role("region", name="What was said").hover()
    await page.mouse.wheel(0, -900)
    await holds(page, f"({FROM_END}) > 500")
    await door.fact("TurnEnded", turn_id="t99", participant_id="p", text="And now?")
    await holds(page, "document.querySelectorAll('.user').length === 16")
    await holds(page, f"({FROM_END}) > 500")


FROM_END = (
    "document.querySelector('.scroll').scrollHeight - document.querySelector('.scroll').scrollTop"
    " - document.querySelector('.scroll').clientHeight"
)
