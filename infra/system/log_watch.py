"""Watches the log files of a system's processes: shows their warnings, keeps files small, notices a full disk."""

import asyncio
import signal
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from infra.process.tasks import ended
from infra.system.json_lines import ServerLines
from infra.system.log_disk import LogDisk, free_bytes
from infra.system.logs import LogTail, keep_small
from infra.system.parts import NATS
from infra.system.processes import Running

WATCH_EVERY_S = 0.25
REST_S = 0.1
"""How long after the end of a task that has to run always another takes its place."""


class LogWatch:
    """The log files below `data_dir`, one a process, from `begin` to `end`.

    `warn` is called with each line that is a warning or worse, unless its process is in `stopping`. NATS is restarted
    (it is found in `running`) when its disk was full and has room again. What the processes in `converted` write is
    text, and becomes JSON in their log files.
    """

    def __init__(
        self,
        data_dir: Path,
        warn: Callable[[str], None],
        running: Mapping[str, Running],
        stopping: Collection[str],
        converted: Collection[str] = (),
    ) -> None:
        self._data_dir = data_dir
        self.folder = data_dir / "logs"
        self._raw_folder = self.folder / "raw"
        self._converted = converted
        self._warn = warn
        self._running = running
        self._stopping = stopping
        self._tails: dict[str, LogTail] = {}
        self._disk = LogDisk(data_dir)
        self._watcher: asyncio.Task[None] | None = None
        self._is_ending = False

    def file_of(self, name: str) -> Path:
        """Return the file that a process writes to: its log, or what its log in JSON is made of."""
        return self._raw_folder / f"{name}.txt" if name in self._converted else self.folder / f"{name}.log"

    def begin(self) -> None:
        """Start to watch."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._converted:
            self._raw_folder.mkdir(exist_ok=True)
        self._begin_watching()

    def add(self, name: str) -> None:
        """Watch a process's file too, from its present end."""
        keep_small(self.file_of(name))
        is_converted = name in self._converted
        lines, to = (ServerLines(name), self.folder / f"{name}.log") if is_converted else (None, None)
        self._tails[name] = LogTail(self.file_of(name), lines, to)

    async def end(self) -> None:
        """Stop watching; what was written last is still shown."""
        self._is_ending = True
        await ended(*([self._watcher] if self._watcher is not None else []))
        self._show_loud_lines()

    def _begin_watching(self) -> None:
        if not self._is_ending:
            self._watcher = asyncio.create_task(self.watch(), name="log watcher")
            self._watcher.add_done_callback(self._replace_watcher)

    def _replace_watcher(self, watcher: "asyncio.Task[None]") -> None:
        """Start another task to watch the logs, if anything but our own end has ended the previous one."""
        if not self._is_ending:
            why = "cancelled" if watcher.cancelled() else f"{watcher.exception()!r}"
            self._warn(f"the task that watches the logs has ended ({why}); another takes its place")
            asyncio.get_running_loop().call_later(REST_S, self._begin_watching)

    async def watch(self) -> None:
        """Show what is new again and again, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            self._show_loud_lines()
            if self._disk.restart_due() and NATS in self._running:
                self._warn("the log's disk has room again: restarting NATS, calls continue")
                self._disk.restarted()
                self._running[NATS].send(signal.SIGTERM)

    def _show_loud_lines(self) -> None:
        for name, tail in self._tails.items():
            lines = tail.loud_lines()
            tail.keep_small()
            # During shutdown all lose their connections, which need not be shown.
            for line in [] if name in self._stopping else lines:
                if name == NATS and self._is_of_full_disk(line):
                    continue
                self._warn(line if name in line else f"{name}: {line}")

    def _is_of_full_disk(self, line: str) -> bool:
        """Return whether a line is about a full disk; warn of that once instead of for each failed write."""
        known = self._disk.failed
        is_of_it = self._disk.take(line)
        if is_of_it and not known:
            self._warn(
                f"the log stores no more facts: writing to {self._data_dir} fails (its disk has "
                f"{free_bytes(self._data_dir) / 1e6:.0f} MB free). Free some space; NATS then restarts by itself"
            )
        return is_of_it
