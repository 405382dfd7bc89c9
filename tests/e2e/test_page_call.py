"""The page of a running system in a browser, spoken to through its microphone: what a newcomer does first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from contracts.events import SessionOpened
from infra.caller import Sound, read_wav, write_wav
from infra.system.supervisor import Supervisor
from tests.bridge.page.browser import holds, needs_chromium, running_browser, watched_page
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.asyncio(loop_scope="package"),
    needs_chromium,
]

ANSWER_S = 30
"""How long an answer may take on a busy machine: far above what it takes."""

LEAD_S, REST_S = 2, 60


def spoken_into_a_microphone(wav: Path, out: Path) -> Path:
    """Write a WAV as Chromium's fake microphone wants it, with silence around, and return where."""
    sound = read_wav(wav).at_rate(48_000)
    lead, rest = (np.zeros(seconds * sound.rate_hz, np.int16) for seconds in (LEAD_S, REST_S))
    write_wav(out, Sound(np.concatenate([lead, sound.samples, rest]), sound.rate_hz))
    return out


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    heard = spoken_into_a_microphone(DATA / "hello.wav", tmp_path_factory.mktemp("sound") / "microphone.wav")
    async with running_browser(f"--use-file-for-fake-audio-capture={heard}%noloop") as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="package")
async def page(browser: Browser, system: Supervisor) -> AsyncIterator[Page]:
    context = await browser.new_context(reduced_motion="reduce")
    async with watched_page(context, system.page_url) as page:
        yield page
    await context.close()


async def answered_turn(page: Page) -> dict[str, Any]:
    """Wait until the first answer has been heard to its end, and return its turn as the page has it."""
    await holds(page, "daredevil.turns.some(turn => turn.replies.some(reply => reply.finished))", ANSWER_S)
    turn: dict[str, Any] = (await page.evaluate("daredevil.turns"))[0]
    return turn


def heard_reply(turn: dict[str, Any]) -> dict[str, Any]:
    (reply,) = [reply for reply in turn["replies"] if reply["finished"]]
    assert reply["heardText"]
    # Clauses hold the white space before them: put together they are what was written.
    assert reply["heardText"].strip() == "".join(clause["text"] for clause in reply["clauses"]).strip()
    return dict(reply)


async def test_a_newcomer_presses_talk_speaks_and_is_answered_aloud(page: Page) -> None:
    await page.get_by_role("button", name="Talk", exact=True).click()
    await holds(page, "daredevil.turns.some(turn => turn.userText && !turn.ended)", ANSWER_S)
    await expect(page.locator(".user")).not_to_be_empty()
    await holds(page, "daredevil.state === 'speaking' && daredevil.soundLevel > 0.02", ANSWER_S)
    await expect(page.locator(".agent")).to_be_visible()

    turn = await answered_turn(page)

    reply = heard_reply(turn)
    assert "how are you" in turn["userText"].lower()
    await expect(page.locator(".user")).to_have_text(turn["userText"])
    await expect(page.locator(".agent")).to_contain_text(reply["heardText"])
    await holds(page, "daredevil.state === 'listening' && daredevil.soundLevel < 0.001")
    line = page.locator(".latency")
    await expect(line).to_contain_text(f"{reply['gapMs']:.0f} ms")
    shown = await line.locator(".segment").evaluate_all("all => all.map((each) => Number(each.dataset.ms))")
    assert len(shown) >= 2, "endpointing and playback at least; the rest a good draft hides"
    assert sum(shown) == pytest.approx(reply["gapMs"], abs=0.5)


async def test_who_has_no_microphone_types_and_hears_the_answer(page: Page) -> None:
    await page.get_by_role("button", name="Type instead").click()
    await page.keyboard.type("What time is it?")
    await page.keyboard.press("Enter")
    await holds(page, "daredevil.soundLevel > 0.02", ANSWER_S)
    turn = await answered_turn(page)
    assert (turn["userText"], turn["source"]) == ("What time is it?", "text")
    await expect(page.locator(".agent")).to_contain_text(heard_reply(turn)["heardText"])


async def test_the_address_says_which_agent_answers_and_its_variables(page: Page, system: Supervisor) -> None:
    await page.goto(f"{system.page_url}?agent=shop&var.city=Oslo")
    await page.get_by_role("button", name="Type instead").click()
    await page.keyboard.type("Hello!")
    await page.keyboard.press("Enter")
    await holds(page, "daredevil.soundLevel > 0.02", ANSWER_S)
    session_id = await page.evaluate("daredevil.sessionId")
    opened = (await facts_of(system.addresses.nats_url, session_id))[0].event
    assert isinstance(opened, SessionOpened)
    assert opened.profile is not None
    assert (opened.profile.agent, opened.profile.prompt) == ("shop", "You work in a shop in Oslo.")


async def test_an_address_with_an_agent_that_is_not_there_says_so(page: Page, system: Supervisor) -> None:
    await page.goto(f"{system.page_url}?agent=shpo")
    await page.get_by_role("button", name="Talk", exact=True).click()
    await expect(page.get_by_text("The agent in this page's address is not there")).to_be_visible()
    await expect(page.get_by_text("there is no agent 'shpo'; there are: default, shop")).to_be_visible()
    await expect(page.get_by_text("No conversation")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
