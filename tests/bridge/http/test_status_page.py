"""`/status`: what the page says, and to whom."""

from dataclasses import replace

import httpx
import pytest

from bridge.http.status_page import MachineStatus, status_page
from infra.process.probes import ProbeNote
from infra.system.probe_targets import as_file_sd
from tests.bridge.conftest import OpenDoor
from tests.bridge.http.status_figures import NOTHING, some_figures

READY = MachineStatus(problem="", full="", calls_carried=7.4)


def test_it_says_in_words_whether_calls_are_possible_and_taken() -> None:
    assert "<strong>Ready</strong>" in status_page(some_figures(), READY)
    full = status_page(some_figures(), replace(READY, full="its answers come late"))
    assert "no new sessions are taken, its answers come late" in full
    page = status_page(some_figures(), replace(READY, problem="no answer comes from: <reasoning>"))
    assert "<strong>Not ready:</strong> no answer comes from: &lt;reasoning&gt;" in page
    assert "<title>Not ready · Daredevil</title>" in page


def test_it_has_sessions_gaps_processes_engines_consumers_dead_letters_and_the_disk() -> None:
    page = status_page(some_figures(), READY)
    for text in (
        "4 (livekit 1, websocket 3)",
        "<dd>7</dd>",
        "<td>214</td><td>612 ms</td><td>1180 ms</td><td>2400 ms</td>",
        "silence waited for",
        '<td class="bad">does not answer</td>',
        '<td class="bad">not ready</td>',
        "<td>12.3 %</td><td>190 MB</td>",
        "1.3 GB",
        "2 (see <code>daredevil dead</code>)",
        "41.3 GB free of 98.0 GB (42 %)",
        "<td>3</td><td>4</td><td>12.0 s</td>",
        "counted over the last 52 min",
    ):
        assert text in page, text


def test_where_nothing_has_happened_yet_it_says_so() -> None:
    empty = replace(
        some_figures(),
        gap=NOTHING,
        parts={},
        engines=(),
        consumers=(),
        processes=(),
        sessions={},
        turns={},
        window_s=None,
        dead_letters=None,
    )
    page = status_page(empty, replace(READY, calls_carried=None))
    assert page.count("Nothing yet.") == 3
    assert "counted over the time since the processes began" in page
    assert "known once three calls are going on" in page
    assert "<dt>Dead letters</dt><dd>—</dd>" in page


@pytest.mark.slow
async def test_a_door_shows_it_to_its_own_machine_and_to_the_operator(
    open_door: OpenDoor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "run").mkdir()
    (data_dir / "run" / "prometheus-targets.json").write_text(as_file_sd([ProbeNote("gone", 1, "127.0.0.1:1")]))
    door = await open_door(llm="scripted:model", data_dir=data_dir, admin_key="a key of the operator")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client:
        page = await client.get("/status")
        assert page.status_code == 200
        assert "no answer comes from: transcript, reasoning, synthesis" in page.text
        assert '<th scope="row">gone</th><td class="bad">does not answer</td>' in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert (await client.get("/status.css")).headers["content-type"].startswith("text/css")
        elsewhere = {"Host": "voice.example.org"}
        assert (await client.get("/status", headers=elsewhere)).status_code == 401
        assert (await client.get("/status?token=wrong", headers=elsewhere)).status_code == 401
        assert (await client.get("/status?token=a key of the operator", headers=elsewhere)).status_code == 200
