"""The room's page: tabs with fake microphones in one room of a real LiveKit server; the agent is played by the test."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import rtc
from livekit.api import AccessToken, DeleteRoomRequest, VideoGrants
from playwright.async_api import Browser, Page, Route, expect

from bridge.livekit.requests import REFUSED, TEXT_METHOD
from bridge.web_server import POLICY, policy
from infra.settings import Settings
from tests.bridge.conftest import OpenDoor
from tests.bridge.page.browser import holds, needs_chromium, running_browser, watched_page
from tests.livekit_server import LiveKitServer
from tests.waiting import until

JOIN_S = 20


@pytest.fixture
async def page_url(livekit_server: LiveKitServer, open_door: OpenDoor) -> str:
    key = {"livekit_api_key": livekit_server.api_key, "livekit_api_secret": livekit_server.api_secret}
    door = await open_door(livekit_url=livekit_server.url, **key)
    return f"http://127.0.0.1:{door.port}/"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    speech = Path(__file__).parents[2] / "data" / "story.wav"
    async with running_browser(f"--use-file-for-fake-audio-capture={speech}") as browser:
        yield browser


@asynccontextmanager
async def tab(browser: Browser, page_url: str, width: int = 1280, height: int = 800) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    async with watched_page(context, page_url) as page:
        await page.get_by_role("link", name="Talk in a room").click()
        yield page
    await context.close()


async def join(page: Page, name: str, room: str = "kitchen") -> None:
    await page.get_by_label("Room", exact=True).fill(room)
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name="Join").click()
    await holds(page, "daredevil.people.some((each) => each.you && !each.muted)", JOIN_S)


class PlayedAgent:
    """An agent in a room, as LiveKit shows it to everybody: its state, its captions; and what was written to it."""

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.asked: list[dict[str, str]] = []
        self.written: list[tuple[str, str]] = []
        self.fails: list[rtc.RpcError] = []

    async def is_doing(self, state: str) -> None:
        await self.room.local_participant.set_attributes({"lk.agent.state": state})

    async def caption(self, identity: str, segment: str, *pieces: str, final: bool) -> None:
        attributes = {"lk.segment_id": segment, "lk.transcription_final": "false"}
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription", sender_identity=identity, attributes=attributes
        )
        for piece in pieces:
            await writer.write(piece)
        await writer.aclose(attributes={**attributes, "lk.transcription_final": str(final).lower()})

    def take(self, asked: rtc.RpcInvocationData) -> str:
        """Take a text, unless another is to be asked first."""
        self.asked.append(json.loads(asked.payload))
        if self.fails:
            raise self.fails.pop(0)
        self.written.append((asked.caller_identity, self.asked[-1]["text"]))
        return "{}"


@asynccontextmanager
async def agent_in(server: LiveKitServer, name: str = "kitchen") -> AsyncIterator[PlayedAgent]:
    grants = VideoGrants(room_join=True, room=name, can_update_own_metadata=True)
    token = AccessToken(server.api_key, server.api_secret).with_identity("agent-lk-1").with_kind("agent")
    room = rtc.Room()
    agent = PlayedAgent(room)
    await room.connect(server.url, token.with_grants(grants).to_jwt())
    room.local_participant.register_rpc_method(TEXT_METHOD, agent.take)
    await room.local_participant.set_attributes({"lk.agent.state": "listening", "daredevil.session": "lk-0a1b"})
    try:
        yield agent
    finally:
        await room.disconnect()


async def identity_of(page: Page) -> str:
    return str(await page.evaluate("daredevil.people.find((each) => each.you).identity"))


@needs_chromium
async def test_two_tabs_in_one_room_hear_each_other_and_see_who_talks(browser: Browser, page_url: str) -> None:
    async with tab(browser, page_url) as ada, tab(browser, page_url) as bob:
        await join(ada, "Ada")
        await join(bob, "Bob")
        for page, other in ((ada, "Bob"), (bob, "Ada")):
            await expect(page.get_by_role("listitem").filter(has_text=other)).to_be_visible()
            await holds(page, f"daredevil.people.some((each) => each.name === '{other}' && each.speaking)", JOIN_S)
            await holds(page, "daredevil.soundLevel > 0.01", JOIN_S)
        await ada.get_by_role("button", name="Mute", exact=True).click()
        await holds(bob, "daredevil.people.some((each) => each.name === 'Ada' && each.muted)")
        await ada.get_by_role("button", name="Leave").click()
        await holds(bob, "daredevil.people.length === 1")
        await expect(ada.get_by_text("You have left")).to_be_visible()


@needs_chromium
async def test_captions_of_everybody_and_the_agents_state_are_shown(
    browser: Browser, page_url: str, livekit_server: LiveKitServer
) -> None:
    async with tab(browser, page_url) as ada, tab(browser, page_url) as bob:
        await join(ada, "Ada")
        await join(bob, "Bob")
        await holds(ada, "daredevil.state === 'waiting'")
        async with agent_in(livekit_server) as agent:
            await holds(ada, "daredevil.state === 'listening'")
            await holds(ada, "daredevil.sessionId === 'lk-0a1b'")
            await agent.is_doing("thinking")
            await holds(bob, "daredevil.state === 'thinking'")
            await agent.caption(await identity_of(bob), "s1", "Is it", final=False)
            await agent.caption(await identity_of(bob), "s1", "Is it late?", final=True)
            await agent.is_doing("speaking")
            await agent.caption("agent-lk-1", "s2", "It is ", "noon.", final=True)
            for page, who in ((ada, "Bob"), (bob, "You")):
                await expect(page.locator(".said")).to_have_text([f"{who}Is it late?", "AgentIt is noon."])
                await expect(page.locator("#state")).to_have_text("Speaking")
            await expect(ada.get_by_role("log")).to_have_text("Bob: Is it late?Agent: It is noon.")
            await bob.get_by_label("Type to the room").fill("Thanks & <b>bye</b>")
            await bob.get_by_label("Type to the room").press("Enter")
            written_by = await identity_of(bob)
            await until(lambda: agent.written == [(written_by, "Thanks & <b>bye</b>")])
            await expect(bob.locator(".said").last).to_have_text("YouThanks & <b>bye</b>")
        await holds(ada, "daredevil.state === 'waiting'")


async def type_to_the_room(page: Page, text: str) -> None:
    await page.get_by_label("Type to the room").fill(text)
    await page.get_by_label("Type to the room").press("Enter")


@needs_chromium
async def test_texts_are_kept_until_an_agent_has_stored_them_and_sent_again_under_their_ids(
    browser: Browser, page_url: str, livekit_server: LiveKitServer
) -> None:
    async with tab(browser, page_url) as page:
        await join(page, "Ada")
        await type_to_the_room(page, "Is anybody there?")
        await type_to_the_room(page, "Hello?")
        await expect(page.locator(".said[data-final='false']")).to_have_count(2)
        async with agent_in(livekit_server) as dies:
            dies.fails = [rtc.RpcError(1500, "it dies")] * 100
            await until(lambda: dies.asked, JOIN_S)
        async with agent_in(livekit_server) as agent:
            await until(lambda: len(agent.written) == 2, JOIN_S)
            assert [text for _, text in agent.written] == ["Is anybody there?", "Hello?"]
            assert {asked["id"] for asked in dies.asked} == {agent.asked[0]["id"]}
            await expect(page.locator(".said[data-final='true']")).to_have_count(2)
            agent.fails = [rtc.RpcError(REFUSED, "too long")]
            await type_to_the_room(page, "A book")
            await expect(page.get_by_role("alert")).to_contain_text("A book")
            assert len(agent.asked) == 3


@needs_chromium
async def test_who_leaves_is_told_which_texts_no_agent_has_got(browser: Browser, page_url: str) -> None:
    async with tab(browser, page_url) as page:
        await join(page, "Ada")
        await type_to_the_room(page, "Is anybody there?")
        await page.get_by_role("button", name="Leave").click()
        await expect(page.get_by_role("alert")).to_contain_text("Is anybody there?")
        await expect(page.get_by_text("You have left")).to_be_visible()


@needs_chromium
async def test_it_fits_a_phone(browser: Browser, page_url: str, livekit_server: LiveKitServer) -> None:
    async with tab(browser, page_url, width=360, height=640) as page, agent_in(livekit_server) as agent:
        await join(page, "Ada with a name that is rather long for a phone")
        await agent.caption("agent-lk-1", "s1", "word " * 60, final=True)
        await expect(page.locator(".said")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for name in ("Mute", "Leave", "Send"):
            await expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
        await expect(page.get_by_label("Type to the room")).to_be_in_viewport()


@needs_chromium
async def test_the_end_of_a_room_is_reported(browser: Browser, page_url: str, livekit_server: LiveKitServer) -> None:
    async with tab(browser, page_url) as page, livekit_server.api() as api:
        await join(page, "Ada", "kitchen")
        await api.room.delete_room(DeleteRoomRequest(room="kitchen"))
        await expect(page.get_by_role("alert")).to_contain_text("The room was closed")
        await join(page, "Ada", "cellar")
        await expect(page.get_by_role("alert")).to_be_hidden()


@needs_chromium
async def test_an_agent_that_cannot_come_says_why_before_the_room_ends(
    browser: Browser, page_url: str, livekit_server: LiveKitServer
) -> None:
    async with tab(browser, page_url) as page, livekit_server.api() as api:
        await join(page, "Ada", "kitchen")
        async with agent_in(livekit_server) as agent:
            await holds(page, "daredevil.state === 'listening'")
            refusal = "busy: there is no room for another call now; try again in a minute"
            await agent.room.local_participant.set_attributes({"daredevil.error": refusal})
            await api.room.delete_room(DeleteRoomRequest(room="kitchen"))
            told = page.get_by_role("alert")
            await expect(told).to_contain_text("The agent cannot talk here now")
            await expect(told).to_contain_text("there is no room for another call now; try again in a minute")
            await expect(page.get_by_role("button", name="Join")).to_be_enabled()


@needs_chromium
async def test_nobody_fills_in_a_form_that_nothing_listens_to_yet(browser: Browser, page_url: str) -> None:
    page = await browser.new_page()
    scripts_may_go = asyncio.Event()

    async def held_back(route: Route) -> None:
        await scripts_may_go.wait()
        await route.continue_()

    await page.route("**/room.js", held_back)
    await page.goto(f"{page_url}room.html", wait_until="commit")
    await expect(page.get_by_role("button", name="Join")).to_be_disabled()
    await expect(page.get_by_label("Your name")).to_be_disabled()
    scripts_may_go.set()
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_role("button", name="Join").click()
    await holds(page, "daredevil.people[0]?.name === 'Ada'", JOIN_S)


@needs_chromium
async def test_where_a_key_is_needed_the_page_asks_for_it(
    browser: Browser, open_door: OpenDoor, livekit_server: LiveKitServer
) -> None:
    key = {"livekit_api_key": livekit_server.api_key, "livekit_api_secret": livekit_server.api_secret}
    door = await open_door(livekit_url=livekit_server.url, livekit_token_key="let-me-in", **key)
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{door.port}/room.html?room=cellar")
    await expect(page.get_by_label("Room", exact=True)).to_have_value("cellar")
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("alert")).to_contain_text("DAREDEVIL_LIVEKIT_TOKEN_KEY")
    await page.get_by_label("Key").fill("let-me-in")
    await page.get_by_role("button", name="Join").click()
    await holds(page, "daredevil.people.length === 1", JOIN_S)


def test_the_page_may_ask_its_own_server_and_that_of_the_rooms_only() -> None:
    assert policy(Settings(livekit_url="", livekit_public_url="")) == POLICY
    inside = Settings(livekit_url="ws://livekit:7880", livekit_public_url="wss://rooms.example.org")
    assert policy(inside).endswith("connect-src 'self' wss://rooms.example.org https://rooms.example.org")
    cloud = policy(Settings(livekit_url="wss://us-1.livekit.cloud", livekit_public_url=""))
    assert "wss://us-1.livekit.cloud https://us-1.livekit.cloud wss://*.livekit.cloud" in cloud
