"""The room's page with tokens that the LiveKit server does not take: what whoever opened it reads."""

from playwright.async_api import expect

from tests.bridge.conftest import OpenDoor
from tests.bridge.page.browser import holds, needs_chromium, running_browser
from tests.livekit_server import KEY, LiveKitServer

SECRET = "another-secret-of-at-least-32-characters"


@needs_chromium
async def test_who_is_not_let_in_reads_why_and_not_the_token(
    open_door: OpenDoor, livekit_server: LiveKitServer
) -> None:
    forging = await open_door(livekit_url=livekit_server.url, livekit_api_key=KEY.key, livekit_api_secret=SECRET)
    elsewhere = await open_door(livekit_url=livekit_server.url, livekit_api_key="other", livekit_api_secret=SECRET)
    async with running_browser() as browser:
        page = await browser.new_page()
        for door, why in ((forging, "DAREDEVIL_LIVEKIT_API_SECRET"), (elsewhere, "DAREDEVIL_LIVEKIT_API_KEY")):
            await page.goto(f"http://127.0.0.1:{door.port}/room.html?room=cellar")
            await page.get_by_role("button", name="Join").click()
            told = page.get_by_role("alert")
            await expect(told).to_contain_text("The room's server did not let you in", timeout=20_000)
            await expect(told).to_contain_text(why)
            await expect(told).not_to_contain_text("eyJ")
            await expect(page.get_by_role("button", name="Join")).to_be_enabled()


@needs_chromium
async def test_a_token_that_came_too_late_is_reported_and_the_next_lets_in(
    open_door: OpenDoor, livekit_server: LiveKitServer
) -> None:
    door = await open_door(livekit_url=livekit_server.url, livekit_api_key=KEY.key, livekit_api_secret=KEY.secret)
    old = livekit_server.token("cellar", "sam", ttl_s=-60)
    async with running_browser() as browser:
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{door.port}/room.html?room=cellar")
        late = {"server_url": livekit_server.url, "participant_token": old}
        await page.route("**/livekit/token", lambda route: route.fulfill(json=late))
        await page.get_by_role("button", name="Join").click()
        await expect(page.get_by_role("alert")).to_contain_text("The token has expired", timeout=20_000)
        await page.unroute("**/livekit/token")
        await page.get_by_role("button", name="Join").click()
        await holds(page, "daredevil.people.length === 1", 20)
        await expect(page.get_by_role("alert")).to_be_hidden()
