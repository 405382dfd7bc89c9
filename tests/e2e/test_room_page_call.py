"""A room of a running system in two tabs of a browser, both spoken into: `make run LIVEKIT=1` as a newcomer sees it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from infra.system.livekit import LiveKitMissing, livekit_server_path
from tests.bridge.page.browser import holds, needs_chromium, running_browser, watched_page
from tests.e2e.conftest import DATA
from tests.e2e.test_page_call import spoken_into_a_microphone
from tests.systems import System, running_system
from tests.waiting import until

# The page in a room is shown by tests/bridge/page/test_room.py, a room of a whole system by test_room_call.py, and what
# LiveKit's webhooks say by tests/bridge/http/livekit/test_webhook.py.
pytestmark = [pytest.mark.e2e, pytest.mark.nightly, needs_chromium, pytest.mark.asyncio(loop_scope="package")]

ANSWER_S = 60


@pytest_asyncio.fixture(loop_scope="package")
async def system_with_rooms(tmp_path: Path) -> AsyncIterator[System]:
    try:
        livekit_server_path()
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    settings = {"DAREDEVIL_LIVEKIT": "true", "DAREDEVIL_POSTGRES_URL": "off", "DAREDEVIL_ROOM_EMPTY_S": "1"}
    async with running_system(tmp_path / "data", settings) as system:
        yield system


@pytest_asyncio.fixture(loop_scope="package")
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    heard = spoken_into_a_microphone(DATA / "hello.wav", tmp_path / "microphone.wav")
    async with running_browser(f"--use-file-for-fake-audio-capture={heard}%noloop") as browser:
        yield browser


async def webhooks_agree(system: System) -> None:
    """Wait until LiveKit's webhooks have told the page's door of the room's end: none may differ from the log."""
    await until(lambda: re.search("the log (agree|differ).*room_finished", system.log("bridge")), within_s=60)
    told = system.log("bridge")
    assert "LiveKit and the log differ" not in told
    for event, times in {"participant_joined": 2, "track_published": 2, "participant_left": 2}.items():
        assert len(re.findall(f"the log agree: .*: {event}$", told, re.MULTILINE)) == times, event


async def test_one_speaks_the_agent_answers_and_both_tabs_show_it(browser: Browser, system_with_rooms: System) -> None:
    context = await browser.new_context(reduced_motion="reduce")
    url = system_with_rooms.page_url
    async with watched_page(context, url) as ada, watched_page(context, url) as bob:
        for page, name in ((bob, "Bob"), (ada, "Ada")):
            await page.get_by_role("link", name="Talk in a room").click()
            await page.get_by_label("Your name").fill(name)
            await page.get_by_role("button", name="Join").click()
            await holds(page, "daredevil.people.some((each) => each.you && !each.muted)", ANSWER_S)
            await holds(page, "daredevil.people.some((each) => each.agent)", ANSWER_S)
        for page in (ada, bob):
            await holds(
                page, "daredevil.captions.some((each) => /how are you/i.test(each.text) && each.final)", ANSWER_S
            )
            await holds(page, "daredevil.captions.some((each) => each.identity.startsWith('agent-'))", ANSWER_S)
            await expect(page.locator(".said[data-agent='true'] p").first).not_to_be_empty()
            assert str(await page.evaluate("daredevil.sessionId")).startswith("lk-")
    await context.close()
    await webhooks_agree(system_with_rooms)
