"""The health of a system as asked over NATS: who must answer, what lacks, and what the log says."""

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from contracts.topology import PROBE, VOICE
from infra.log.connection import connection, jetstream
from infra.log.readiness import UNABLE
from infra.settings import Settings
from infra.system.health import Health
from infra.system.health_on_nats import health_on_nats
from infra.system.nats import free_port
from tests.waiting import until_async

pytestmark = pytest.mark.slow

ACTORS = ("transcript", "reasoning", "synthesis", "persistence", "summaries")


@pytest.fixture
def system(broker: NatsBroker) -> "Processes":
    return Processes(broker)


class Processes:
    """Stand-ins that answer health requests."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    async def come(self, *names: str, unable: str = "") -> None:
        async def answer(message: Msg) -> None:
            headers = {UNABLE: unable} if unable else None
            await connection(self._broker).publish(message.reply, b"1", headers=headers)

        for name in names:
            await connection(self._broker).subscribe(f"health.{name}", cb=answer)

    async def asked(self, *names: str, timeout_s: float = 2, **settings: str) -> Health:
        config = Settings.model_validate({"llm": "openai:gpt-5"} | settings)
        return await health_on_nats(connection(self._broker), config, names, timeout_s)


async def test_a_system_is_ready_when_every_part_that_it_needs_and_a_door_answers(system: Processes) -> None:
    await system.come(*ACTORS)
    found = await system.asked()
    assert (found.ready, found.problem) == (False, "no door answers (bridge, http, bridge-livekit)")
    await system.come("http")
    found = await system.asked()
    assert (found.ready, found.problem) == (True, "")
    assert [each.process for each in found.processes] == [*ACTORS, "http"]
    found = await system.asked(tools="remote")
    assert "tools does not answer" in found.problem


async def test_nobody_there_is_known_at_once_and_one_copy_that_can_is_enough(system: Processes) -> None:
    found = await system.asked("reasoning", timeout_s=20)  # a test waits for no 20 s
    assert (found.ready, found.processes[0].copies) == (False, 0)
    await system.come("reasoning", unable="answer")
    assert "reasoning cannot answer" in (await system.asked("reasoning")).problem
    await system.come("reasoning")
    found = await system.asked("reasoning")
    assert (found.ready, found.processes[0].copies) == (True, 2)


async def test_a_log_that_accepts_nothing_is_named(system: Processes, broker: NatsBroker) -> None:
    await system.come("reasoning")
    js = jetstream(broker)
    config = (await js.stream_info(VOICE)).config
    await js.update_stream(config.evolve(max_bytes=1))
    assert "its stream VOICE may hold 1 bytes" in (await system.asked("reasoning")).problem
    await js.update_stream(config.evolve(max_bytes=-1))
    assert (await system.asked("reasoning")).ready
    await js.delete_consumer(VOICE, "reasoning")
    assert "consumers are missing: reasoning" in (await system.asked("reasoning")).problem
    assert "consumers" not in (await system.asked("synthesis")).problem
    await js.delete_stream(PROBE)
    assert "NATS has no stream" in (await system.asked("reasoning")).problem


async def test_a_local_model_that_is_needed_and_away_is_named(system: Processes) -> None:
    await system.come("reasoning")
    url = f"http://127.0.0.1:{free_port()}/v1"
    assert "the local language model" in (await system.asked("reasoning", llm="local", llm_url=url)).problem

    async def is_ready() -> bool:
        return (await system.asked("reasoning", llm="local,openai:gpt-5", llm_url=url)).ready

    await until_async(is_ready)
