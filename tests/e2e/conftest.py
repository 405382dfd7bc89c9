"""One whole system for all tests of this folder: embedded servers, real engines, every actor its own process.

They run on one event loop, which is the supervisor's too: a test on a loop of its own would leave nobody to supervise.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.caller import CallResult, place_call
from infra.settings import Settings, settings
from infra.system.supervisor import Supervisor, running_system
from tests.infra.telemetry.otlp_receiver import Receiver, http_receiver

DATA = Path(__file__).parent.parent / "data"

AGENTS = """
from actors.reasoning import Agent
from actors.reasoning.default_agent import BUILT_IN as default  # the first: who names none talks with it

shop = Agent(
    name="shop",
    instructions="You work in a shop in {city}.",
    variables={"city": "Rome"},
    greeting="Welcome to the shop in {city}.",
    numbers=["+49 30 1234"],
)
"""


@pytest.fixture(scope="package")
def agents_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the agents of the system."""
    path = tmp_path_factory.mktemp("agents") / "shop.py"
    path.write_text(AGENTS)
    return path


@pytest.fixture(scope="package")
def collector() -> Iterator[Receiver]:
    """Where the system sends its spans."""
    with http_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def system(
    tmp_path_factory: pytest.TempPathFactory, collector: Receiver, agents_file: Path
) -> AsyncIterator[Supervisor]:
    """A running system with its own data directory and ports. Who kills parts of it runs one of their own."""
    with pytest.MonkeyPatch.context() as environment:
        for engine in ("LLM", "STT", "TTS"):  # beside other tests engines are slow, which is no failure
            environment.setenv(f"DAREDEVIL_{engine}_TIMEOUT_S", "120")
        environment.setenv("DAREDEVIL_MEMORY_TIMEOUT_MS", "5000")  # so is the search of earlier turns
        environment.setenv("DAREDEVIL_OTLP_ENDPOINT", collector.endpoint)
        environment.setenv("DAREDEVIL_LOG_JSON", "true")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        environment.setenv("DAREDEVIL_AGENTS", str(agents_file))
        environment.setenv("DAREDEVIL_PARTITIONS", "2")
        settings.cache_clear()
        its_settings = Settings(data_dir=tmp_path_factory.mktemp("data"), port=0, nats_url="", llm_url="")
        async with running_system(its_settings) as supervisor:
            environment.delenv("DAREDEVIL_PARTITIONS")  # systems of their own have the default: one
            settings.cache_clear()
            yield supervisor


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def hello_call(system: Supervisor) -> CallResult:
    """A call in which somebody says hello and is answered, for all tests that only look at one."""
    return await place_call(system.page_url, [DATA / "hello.wav"])
