"""The examples of stock LiveKit agents, run as their first lines say, with a guest who speaks in a room."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from infra.system.supervisor import Supervisor
from tests.bridge.livekit.guest import Caption, Guest
from tests.livekit_server import LiveKitServer, running_livekit
from tests.speech import recorded, silence
from tests.waiting import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.engines,
    pytest.mark.nightly,  # tests/docs/examples has both agents as a part of a session, without a LiveKit server
    pytest.mark.asyncio(loop_scope="package"),
]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def media(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveKitServer]:
    async with running_livekit(tmp_path_factory.mktemp("livekit")) as server:
        yield server


def logged(log: Path) -> str:
    return log.read_text(errors="replace")


@asynccontextmanager
async def example(name: str, media: LiveKitServer, log: Path, **env: str) -> AsyncIterator[None]:
    """Run `python docs/examples/NAME.py dev` until the block ends; entered once LiveKit knows it."""
    access = {"LIVEKIT_URL": media.url, "LIVEKIT_API_KEY": media.api_key, "LIVEKIT_API_SECRET": media.api_secret}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(EXAMPLES / f"{name}.py"), "dev", "--no-reload"),
            env=os.environ | access | env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(60):
            while "registered worker" not in logged(log):
                assert process.returncode is None, logged(log)
                await asyncio.sleep(0.1)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        print(logged(log))


def state_of(guest: Guest) -> str:
    """What the agent shows that it does."""
    return "".join(agent.attributes.get("lk.agent.state", "") for agent in guest.agents())


async def answered(guest: Guest) -> list[Caption]:
    """Say hello, and hear the answer to its end; return the captions of it."""
    await until(lambda: state_of(guest) == "listening", 60, "the agent does not listen")
    await guest.say(silence(500))
    await guest.say(recorded("hello"))
    await guest.say(silence(2000))
    await guest.hears(60)

    def captions() -> list[Caption]:
        agents = {agent.identity for agent in guest.agents()}
        return [caption for caption in guest.captions if caption.identity in agents and caption.text]

    await until(captions, 30, "no caption of the agent's")
    await until(lambda: state_of(guest) == "listening", 30, "the agent does not come to an end")
    return captions()


async def test_a_stock_agent_hears_and_speaks_with_our_engines(media: LiveKitServer, tmp_path: Path) -> None:
    async with example("local_engines", media, tmp_path / "log"), Guest.joined(media, "parrot", "ada") as ada:
        captions = await answered(ada)
        assert "you said" in captions[-1].text.lower()
        assert "hello" in captions[-1].text.lower()
        assert len(ada.loud_at) * 0.02 > 0.5


async def test_a_stock_agent_thinks_with_our_reasoning_actor(
    system: Supervisor, media: LiveKitServer, tmp_path: Path
) -> None:
    env = {"DAREDEVIL_NATS_URL": system.addresses.nats_url}
    thinker = example("reasoning_as_llm", media, tmp_path / "log", **env)
    async with thinker, Guest.joined(media, "thinker", "ada") as ada:
        captions = await answered(ada)
        # Nothing else there can think of an answer.
        assert len(captions[-1].text.split()) > 1
        assert len(ada.loud_at) * 0.02 > 0.3
