"""Prometheus finds every process of a system in a file, and none that is dead."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from infra.process.probes import ProbeNote
from infra.system.probe_targets import ProbeTargets, as_file_sd
from tests.waiting import until


def leave(folder: Path, process: str, pid: int, address: str) -> None:
    note = {"process": process, "pid": pid, "address": address}
    (folder / f"{process}.{pid}").write_text(json.dumps(note))


def test_copies_of_a_process_are_one_group() -> None:
    notes = [
        ProbeNote("reasoning", 1, "127.0.0.1:4001"),
        ProbeNote("transcript", 2, "127.0.0.1:4002"),
        ProbeNote("transcript", 3, "127.0.0.1:4003"),
    ]
    assert json.loads(as_file_sd(notes)) == [
        {"targets": ["127.0.0.1:4001"], "labels": {"process": "reasoning"}},
        {"targets": ["127.0.0.1:4002", "127.0.0.1:4003"], "labels": {"process": "transcript"}},
    ]


async def test_the_file_follows_the_processes_that_live(tmp_path: Path) -> None:
    notes, file = tmp_path / "probes", tmp_path / "prometheus-targets.json"

    def targets() -> list[dict[str, Any]]:
        return json.loads(file.read_text()) if file.exists() else []

    notes.mkdir()
    leave(notes, "left-by-an-earlier-system", os.getpid(), "127.0.0.1:4000")
    watching = ProbeTargets(notes, file)
    watching.begin()
    with subprocess.Popen(["sleep", "60"]) as job:
        leave(notes, "livekit-room", job.pid, "127.0.0.1:4001")
        leave(notes, "reasoning", os.getpid(), "127.0.0.1:4002")
        await until(lambda: [group["labels"]["process"] for group in targets()] == ["livekit-room", "reasoning"])
        job.kill()
    await until(lambda: targets() == [{"targets": ["127.0.0.1:4002"], "labels": {"process": "reasoning"}}])
    assert [path.name for path in notes.iterdir()] == [f"reasoning.{os.getpid()}"]
    await watching.end()
    assert not file.exists()
