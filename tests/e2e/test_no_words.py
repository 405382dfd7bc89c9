"""Nothing of a conversation is in spans, metrics or log files, whichever door it came through, and whatever fails."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgpack
import nats
import pytest

from contracts import events as e
from contracts.topology import chat_subject
from infra.caller import place_call
from infra.system.supervisor import Supervisor
from tests.bridge.caller import Caller
from tests.bridge.http.answering import streamed
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.infra.telemetry.otlp_receiver import Receiver
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

CANARY = "The heron counts forty-one purple teapots"
"""A sentence that nothing else in the system says."""

SHORTEST = 12
"""A shorter text of a conversation may be in a log by chance."""


def words_of(facts: list[e.Event]) -> Iterator[str]:
    """Yield what was said, heard and written in a session."""
    for fact in facts:
        for field in ("text", "heard_text", "written_text", "user_text", "summary", "result"):
            said = getattr(fact, field, "")
            if isinstance(said, str) and len(said.strip()) >= SHORTEST:
                yield said.strip()


async def metrics_of(system: Supervisor, folder: Path) -> str:
    """Return the metrics of all processes as they serve them."""
    groups = json.loads((folder.parent / "run" / "prometheus-targets.json").read_text())
    async with httpx.AsyncClient(timeout=10) as http:
        pages = [await http.get(f"http://{target}/metrics") for group in groups for target in group["targets"]]
    assert len(pages) > 3
    return "\n".join(page.text for page in pages)


def places_with(said: str, places: dict[str, str]) -> list[str]:
    """Return the names of the places that repeat it, as it is or as JSON."""
    return [name for name, text in places.items() if said in text or json.dumps(said)[1:-1] in text]


async def test_no_words_in_spans_metrics_and_logs(system: Supervisor, collector: Receiver) -> None:
    spoken = await place_call(system.page_url, [DATA / "hello.wav"])
    port = httpx.URL(system.page_url).port
    assert port is not None
    async with Caller.connected(port) as caller:
        await caller.hello(mic=False)
        await caller.send(type="text", text=CANARY)
        await caller.message("reply_end")
    async with httpx.AsyncClient(base_url=system.page_url, timeout=60) as http:
        by_http = (await streamed(http, text=CANARY, user_id="sam")).of("session")[0]["session_id"]
        await http.post("/chat", content=json.dumps({"text": CANARY, "agent": CANARY}))
    nc = await nats.connect(system.addresses.nats_url)
    try:
        asked = msgpack.packb({"text": CANARY})
        by_nats = msgpack.unpackb((await nc.request(chat_subject("new"), asked, timeout=60)).data)["session_id"]
    finally:
        await nc.close()
    sessions = (spoken.session_id, by_http, by_nats)
    facts = [fact.event for session in sessions for fact in await facts_of(system.addresses.nats_url, session)]
    await until(lambda: any(span.attributes.get("session.id") == by_nats for span in collector.named("turn")), 20)
    folder = system.watch.folder
    places = {str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.rglob("*.*")}
    assert {"bridge.log", "reasoning.log", "nats.log", "postgres.log", "raw/nats.txt"} <= places.keys()
    places["spans"] = b"".join(collector.raw).decode(errors="replace")
    places["metrics"] = await metrics_of(system, folder)
    said = {CANARY, *words_of(facts)}
    assert len(said) > 5
    assert {text: found for text in said if (found := places_with(text, places))} == {}


async def test_every_line_of_every_log_file_is_json(system: Supervisor) -> None:
    files = sorted(system.watch.folder.glob("*.log"))
    strange = {
        path.name: line
        for path in files
        for line in path.read_text(errors="replace").splitlines()
        if not line.startswith("{") or "level" not in json.loads(line)
    }
    assert strange == {}
    turns = [
        line
        for line in map(json.loads, (system.watch.folder / "bridge.log").read_text().splitlines())
        if "gap_ms" in line and "trace_id" in line
    ]
    assert turns
