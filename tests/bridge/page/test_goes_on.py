"""The page keeps its call: over a lost line, a dead server and a reload; what it sends is sent until it is stored."""

import pytest
from playwright.async_api import Page, expect

from tests.bridge.page.browser import holds, needs_chromium
from tests.bridge.page.page_door import SESSION, TOKEN, PageDoor, tone, until

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="package")]


async def talk(page: Page, door: PageDoor) -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await until(lambda: door.socket)
    await holds(page, "daredevil.state === 'listening'")


async def type_text(page: Page, text: str) -> None:
    if await page.get_by_role("button", name="Type instead").is_visible():
        await page.get_by_role("button", name="Type instead").click()
    await page.get_by_role("textbox", name="Type to the agent").fill(text)
    await page.keyboard.press("Enter")


def texts(door: PageDoor) -> list[tuple[str, str]]:
    return [(each["id"], each["text"]) for each in door.received if each["type"] == "text"]


async def back(page: Page, door: PageDoor, hellos: int = 2) -> None:
    await until(lambda: len(door.hellos) == hellos and door.socket)
    await holds(page, "['listening', 'waiting', 'speaking', 'muted'].includes(daredevil.state)")


async def test_a_text_is_sent_until_it_is_stored_under_one_id(page: Page, door: PageDoor) -> None:
    door.stores = False
    await type_text(page, "Are you there?")
    await until(lambda: texts(door))
    await expect(page.locator(".unsaid")).to_contain_text("Are you there?")
    await door.drop()
    door.stores = True
    await back(page, door)
    await until(lambda: len(texts(door)) == 2)
    assert len(set(texts(door))) == 1
    await expect(page.locator(".unsaid")).to_be_hidden()
    await door.drop()
    await back(page, door, 3)
    await type_text(page, "Good.")
    await until(lambda: len(texts(door)) == 3)
    assert len({message_id for message_id, _ in texts(door)}) == 2


async def test_a_text_of_a_call_that_is_refused_is_not_sent_until_it_is_tried_again(page: Page, door: PageDoor) -> None:
    door.refuse = {"type": "error", "code": "busy", "message": "200 conversations are open; try again soon."}
    await type_text(page, "Are you there?")
    await expect(page.locator(".unsaid")).to_have_text("Are you there?not sent")
    door.refuse, door.stores = None, False
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".unsaid")).to_have_text("Are you there?sending…")
    await until(lambda: texts(door))
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.locator(".unsaid")).to_have_text("Are you there?not sent")


async def test_a_page_that_comes_back_proves_that_it_is_its_session_and_reports_what_it_has(
    page: Page, door: PageDoor
) -> None:
    await talk(page, door)
    await door.reply("r1", tone(3.0), end=False)
    await until(lambda: len(door.played("r1")) > 2)
    await door.drop()
    await back(page, door)
    hello = door.hellos[-1]
    assert (hello["session_id"], hello["resume_token"]) == (SESSION, TOKEN)
    (held,) = hello["replies"]
    assert held["received"] == 72_000
    assert 0 < held["samples"] < 72_000
    assert held["started_ago_ms"] > 0
    await door.reply("r1", tone(0.1), first_sample=72_000)
    await until(lambda: door.played("r1")[-1].get("ended"))
    counts = [each["samples"] for each in door.played("r1")]
    assert counts == sorted(counts)
    assert counts[-1] == 72_000 + 2_400, "each sample once"


async def test_sound_that_it_has_already_is_not_played_twice(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(0.4), end=False)
    await until(lambda: door.played("r1"))
    await door.drop()
    await back(page, door)
    await door.reply("r1", tone(0.6), first_sample=0)
    await until(lambda: door.played("r1")[-1].get("ended"))
    assert door.played("r1")[-1]["samples"] == 14_400


async def test_a_reload_keeps_the_call_and_the_place_in_the_reply(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.reply("r1", tone(30), end=False)
    await until(lambda: len(door.played("r1")) > 2)
    before = door.played("r1")[-1]["samples"]
    await page.reload()
    await back(page, door)
    hello = door.hellos[-1]
    assert (hello["session_id"], hello["resume_token"], hello["mic"]) == (SESSION, TOKEN, True)
    assert [each for each in door.received if each["type"] == "hangup"] == []
    (held,) = hello["replies"]
    assert before <= held["samples"] == held["received"] < before + 24_000
    first = held["samples"]
    at_reload = len(door.played("r1"))
    await door.reply("r1", tone(0.2), first_sample=first)
    await until(lambda: door.played("r1")[-1].get("ended"))
    counts = [each["samples"] for each in door.played("r1")[at_reload:]]
    assert first <= counts[0] <= counts[-1] == first + 4_800
    frames = len(door.sound_frames)
    await until(lambda: len(door.sound_frames) > frames)


async def test_a_text_that_is_not_stored_outlives_a_reload(page: Page, door: PageDoor) -> None:
    door.stores = False
    await type_text(page, "Are you there?")
    await until(lambda: texts(door))
    await page.reload()
    await back(page, door)
    await until(lambda: len(texts(door)) == 2)
    assert len(set(texts(door))) == 1


async def test_a_call_that_was_hung_up_is_over_after_a_reload(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await page.get_by_role("button", name="Hang up").click()
    await holds(page, "daredevil.state === 'ended'")
    await page.reload()
    await holds(page, "daredevil.state === 'idle'")
    assert len(door.hellos) == 1


async def test_hanging_up_while_the_line_is_down_reaches_the_server_once_it_is_back(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    door.is_away = True
    await door.drop()
    await holds(page, "daredevil.state === 'reconnecting'")
    await page.get_by_role("button", name="Hang up").click()
    await holds(page, "daredevil.state === 'ended'")
    door.is_away = False
    await until(lambda: {"type": "hangup"} in door.received)
    assert (door.hellos[-1]["session_id"], door.hellos[-1]["mic"]) == (SESSION, False)
    await holds(page, "daredevil.state === 'ended'")


async def test_speech_while_the_line_is_down_is_told_to_be_lost(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    door.is_away = True
    await door.drop()
    await holds(page, "daredevil.unheardMs > 400", 15)  # Chromium's fake microphone beeps each second
    door.is_away = False
    await back(page, door)
    await expect(page.locator(".notice")).to_contain_text("was not heard")


async def test_a_log_that_is_away_is_reported_until_it_is_back_as_is_lost_speech(page: Page, door: PageDoor) -> None:
    await talk(page, door)
    await door.send(type="notice", code="log-away")
    await expect(page.get_by_text("Nothing can be stored at the moment")).to_be_visible()
    await door.send(type="notice", code="log-back")
    await expect(page.get_by_text("Nothing can be stored at the moment")).to_be_hidden()
    await door.send(type="notice", code="sound-lost", ms=4_200)
    await expect(page.locator(".notice")).to_contain_text("About 4 s of what you said was lost")
    await door.send(type="notice", code="of-a-later-version")
    await holds(page, "daredevil.state !== 'ended'")
