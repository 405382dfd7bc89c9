"""The page's player does what every player of replies must do: in a browser, into its audio thread."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from playwright.async_api import BrowserContext, Page

from bridge.playback.reports import Played
from tests.bridge.page.browser import holds, needs_chromium, watched_page
from tests.bridge.page.page_door import PageDoor, until
from tests.bridge.playback.player_contract import PlayerContract, PlayerUnderTest

pytestmark = [pytest.mark.asyncio(loop_scope="package"), needs_chromium]

RECORD = """
window.heardSamples = [];
window.AudioWorkletNode = class extends AudioWorkletNode {
  constructor(context, name, options) {
    super(context, name, options);
    if (name === "player") record(context, this);
  }
};
async function record(context, player) {
  await context.audioWorklet.addModule("/recorder-worklet.js");
  const recorder = new (Object.getPrototypeOf(window.AudioWorkletNode))(context, "recorder");
  recorder.port.onmessage = ({ data }) => window.heardSamples.push(...data);
  player.connect(recorder).connect(context.destination);
  window.isRecording = true;
}
"""


class PagePlayer(PlayerUnderTest):
    """The page in a call with a scripted door."""

    def __init__(self, page: Page, door: PageDoor) -> None:
        self._page = page
        self._door = door

    @property
    def told(self) -> list[Played]:
        return [Played.model_validate(each) for each in self._door.received if each["type"] == "played"]

    async def tell(self, message: dict[str, Any]) -> None:
        await self._door.send(**message)

    async def sound(self, pcm: bytes) -> None:
        assert self._door.socket is not None
        await self._door.socket.send_bytes(pcm)

    async def until(self, condition: Callable[[], object]) -> None:
        await until(condition)

    async def heard(self) -> NDArray[np.int64]:
        samples = await self._page.evaluate("window.heardSamples.map((sample) => Math.round(sample * 32768))")
        return np.array(samples, np.int64)


class TestPagePlayer(PlayerContract):
    @pytest_asyncio.fixture(loop_scope="package")
    async def player(self, context: BrowserContext, door: PageDoor) -> AsyncIterator[PagePlayer]:
        await context.add_init_script(RECORD)
        async with watched_page(context, door.url) as page:
            await page.get_by_role("button", name="Talk", exact=True).click()
            await holds(page, "daredevil.state === 'listening' && window.isRecording")
            yield PagePlayer(page, door)
