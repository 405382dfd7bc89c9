"""Keeps `run/prometheus-targets.json` of a data directory: where Prometheus finds each process of the system."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from infra.process.probes import ProbeNote, probe_notes
from infra.process.tasks import again_and_again, ended
from infra.system.processes import alive

LOOK_S = 1.0
"""Jobs of rooms come and go; Prometheus looks every 15 s or less often."""


class ProbeTargets:
    """Reads the notes in `notes`, and writes `targets` whenever they have changed, from `begin` to `end`."""

    def __init__(self, notes: Path, targets: Path) -> None:
        self._notes = notes
        self._targets = targets
        self._written = ""
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Forget what an earlier system has left, and start to look."""
        self._notes.mkdir(parents=True, exist_ok=True)
        for left in self._notes.iterdir():
            left.unlink(missing_ok=True)
        self._watching = asyncio.create_task(
            again_and_again(self._look_and_wait, "targets of Prometheus"), name="targets of Prometheus"
        )

    async def end(self) -> None:
        """Stop looking, and remove the file."""
        if self._watching is not None:
            await ended(self._watching)
            self._targets.unlink(missing_ok=True)

    async def _look_and_wait(self) -> None:
        self._look()
        await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        found = probe_notes(self._notes)
        for note in found:
            if not alive(note.pid):
                note.path(self._notes).unlink(missing_ok=True)
        text = as_file_sd([note for note in found if alive(note.pid)])
        if text != self._written:
            unfinished = self._targets.with_suffix(".new")
            unfinished.write_text(text)
            unfinished.replace(self._targets)
            self._written = text


def as_file_sd(notes: Sequence[ProbeNote]) -> str:
    """Return the notes in the format of Prometheus's file-based service discovery: a group for each process's name.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
    """
    groups: dict[str, list[str]] = {}
    for note in notes:
        groups.setdefault(note.process, []).append(note.address)
    listed = [{"targets": targets, "labels": {"process": process}} for process, targets in groups.items()]
    return json.dumps(listed, indent=2) + "\n"
