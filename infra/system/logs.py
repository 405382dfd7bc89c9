"""The log files of child processes: each child writes its own, and warnings also appear on the terminal."""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from infra.system.json_lines import ServerLines

KEEP_BYTES = 20_000_000

_LINE = re.compile(r"^\d\d:\d\d:\d\d (DEBUG|INFO|WARNING|ERROR|CRITICAL)\s")
_JSON_LEVEL = re.compile(r'"level": "(DEBUG|INFO|WARNING|ERROR|CRITICAL)"')
_NATS_LINE = re.compile(r"^\[\d+\] \S+ \S+ \[(\w+)\]")
_POSTGRES_LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ postgres: (\w+):")
_LIVEKIT_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\S+Z\t(\w+)\t")
_LOUD = {"WARNING", "ERROR", "CRITICAL", "ERR", "FTL", "WRN"}

_EXPECTED = "Plaintext passwords detected, use nkeys or bcrypt"
"""NATS says it at each start: the passwords are made for that start, in a file that only its owner can read."""


def is_loud(line: str, before: bool) -> bool:
    """Return whether a log line is shown on the terminal; one without a level is shown if the one `before` it is."""
    if _EXPECTED in line:
        return False
    for pattern in (_LINE, _JSON_LEVEL, _NATS_LINE):
        if match := pattern.search(line):
            return match.group(1) in _LOUD
    if match := _POSTGRES_LINE.search(line):
        # Its ERROR is a failed statement, which the sender reports.
        return match.group(1) in ("FATAL", "PANIC")
    if match := _LIVEKIT_LINE.search(line):
        # It logs clients' mistakes as warnings.
        return match.group(1) in ("ERROR", "FATAL")
    return before


class LogTail:
    """Reads what was added to a log file since the last call; as `lines` make it, it is added to the file `to`."""

    def __init__(self, path: Path, lines: ServerLines | None = None, to: Path | None = None) -> None:
        self.path = path
        self._lines = lines
        self._to = to
        self._position = path.stat().st_size if path.exists() else 0
        self._partial = ""
        self._loud = False

    def keep_small(self, most_bytes: int = KEEP_BYTES) -> None:
        """Rotate the file if it has grown large and is read to its end; on a full disk it stays as it is."""
        with contextlib.suppress(OSError):
            if self._to is not None:
                keep_small(self._to, most_bytes)
            if self.path.stat().st_size <= self._position and keep_small(self.path, most_bytes):
                self._position = 0

    def loud_lines(self) -> list[str]:
        """Return the new lines that are warnings or errors, with their continuation lines."""
        try:
            size = self.path.stat().st_size
            if size <= self._position:
                return []
            with self.path.open("rb") as file:
                file.seek(self._position)
                data = file.read(1 << 20)
        except OSError:
            return []
        self._position += len(data)
        *lines, self._partial = (self._partial + data.decode(errors="replace")).split("\n")
        self._convert(lines)
        loud = []
        for line in lines:
            self._loud = is_loud(line, self._loud)
            if self._loud and line.strip():
                loud.append(line)
        return loud

    def _convert(self, lines: list[str]) -> None:
        if self._lines is None or self._to is None:
            return
        with contextlib.suppress(OSError), self._to.open("a", encoding="utf-8") as file:  # a full disk
            file.writelines(f"{self._lines.line(line, time.time())}\n" for line in lines if line.strip())


def keep_small(path: Path, most_bytes: int = KEEP_BYTES) -> bool:
    """Rotate a log file that has grown large, keeping one old copy; return whether it did. Raises OSError.

    Its process may be writing: it has the file open for appending, so the file is copied and emptied rather than
    moved. A line written at that moment may be missing from both.
    """
    if not path.exists() or path.stat().st_size <= most_bytes:
        return False
    shutil.copyfile(path, path.with_suffix(".log.1"))
    os.truncate(path, 0)
    return True


def last_lines(path: Path, count: int = 15) -> str:
    """Return the end of a log file, to show why its process ended."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
