"""What the page says of an answer in the making, until there are words of it or none will come, and of what failed."""

import pytest
from playwright.async_api import Page, expect

from tests.bridge.page.browser import holds, needs_chromium
from tests.bridge.page.page_door import PageDoor, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]


async def talk(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")


async def say(door: PageDoor, turn_id: str, text: str) -> None:
    await door.fact("TurnEnded", turn_id=turn_id, participant_id="p", text=text, source="text")


async def in_the_making(page: Page, *turns: str) -> None:
    """Wait until these turns, and no others, have the mark."""
    await expect(page.locator(".exchange:has(.preparing:visible) .user")).to_have_text(list(turns))


@pytest.mark.parametrize("is_begun", [True, False], ids=["begun and given up", "not begun"])
async def test_texts_that_are_answered_together_have_one_mark_which_goes_with_the_answer(
    page: Page, door: PageDoor, is_begun: bool
) -> None:
    await talk(page, door)
    await say(door, "t1", "What is the time?")
    if is_begun:
        await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", text="What is the time?")
    await in_the_making(page, "What is the time?")
    await say(door, "t2", "In Tokyo.")
    if is_begun:
        await door.fact("ReplyDiscarded", turn_id="t1", reply_id="r1", reason="another turn came first")
    await in_the_making(page, "In Tokyo.")
    await door.fact("ReplyStarted", turn_id="t2", reply_id="r2", text="What is the time? In Tokyo.")
    await door.fact("ReplyClauseWritten", turn_id="t2", reply_id="r2", index=0, text="It is late.")
    await in_the_making(page)


async def test_an_answer_that_a_dead_process_never_ended_is_not_waited_for_once_the_next_turn_has_one(
    page: Page, door: PageDoor
) -> None:
    await talk(page, door)
    await say(door, "t1", "What is the time?")
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", text="What is the time?")
    await say(door, "t2", "In Tokyo.")
    await in_the_making(page, "What is the time?", "In Tokyo.")
    await door.fact("ReplyClauseWritten", turn_id="t2", reply_id="r2", index=0, text="It is late.")
    await in_the_making(page)


async def test_a_turn_that_was_passed_is_not_waited_for(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say(door, "t1", "Anna, what do you think?")
    await in_the_making(page, "Anna, what do you think?")
    await door.fact("TurnPassed", turn_id="t1", participant_id="p", reason="to-another")
    await in_the_making(page)
    await holds(page, "daredevil.state === 'listening'")


@pytest.mark.parametrize("finish", ["failed", "refusal", "interrupted"])
async def test_an_answer_that_ended_without_a_word_is_not_waited_for(page: Page, door: PageDoor, finish: str) -> None:
    await talk(page, door)
    await say(door, "t1", "Hello?")
    await door.fact("ReplyStarted", turn_id="t1", reply_id="r1", text="Hello?")
    await in_the_making(page, "Hello?")
    await door.fact("ReplyCompleted", turn_id="t1", reply_id="r1", text="", clauses=0, finish=finish)
    await in_the_making(page)
    await holds(page, "daredevil.state === 'listening'")


async def test_after_the_call_nothing_is_waited_for(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say(door, "t1", "Hello?")
    await in_the_making(page, "Hello?")
    await page.get_by_role("button", name="Hang up").click()
    await in_the_making(page)


async def test_what_failed_is_reported_without_names_of_classes(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await say(door, "t1", "What is the time on the moon?")
    call = {"turn_id": "t1", "reply_id": "r1", "call_id": "c1", "tool": "current_time"}
    await door.fact("ToolCalled", **call)
    await door.fact("ToolReturned", **call, error="ToolFailed: no time zone is known for 'the moon'")
    await expect(page.locator(".tools")).to_have_text("current_time: no time zone is known for 'the moon'")
    failed = {"actor": "reasoning", "engine": "openai", "error": "openai.AuthenticationError: no credit"}
    await door.fact("EngineFailed", **failed, action="used local")
    await expect(page.locator(".notice")).to_have_text("! openai failed in reasoning: no credit. Instead: used local")
