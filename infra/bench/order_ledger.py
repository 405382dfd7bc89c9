"""What the tools of `daredevil bench tools` did to the world, in files that outlive the processes they run in."""

import os
from collections import Counter
from pathlib import Path


class OrderLedger:
    """Orders that were carried out. Each method is one system call: a process that is killed leaves no half of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def book(self, order: str, key: str) -> None:
        """Book an order, unless this key has done it: as a shop that knows idempotency keys."""
        self._append("runs", order)
        try:
            os.close(os.open(self._folder / f"booked-{order}-{key}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return

    def charge(self, order: str, key: str) -> None:
        """Charge an order, however often it was charged before."""
        self._append("runs", order)
        self._append("charged", f"{order} {key}")

    def note_model(self, asked_ns: int, ended_ns: int, is_after_tool: bool) -> None:
        """Note when the model was asked, and when it had answered (Unix epoch ns)."""
        self._append("model", f"{asked_ns} {ended_ns} {int(is_after_tool)}")

    def effects(self) -> Counter[str]:
        """Return how often each order took effect."""
        booked = Counter(path.name.split("-")[1] for path in self._folder.glob("booked-*"))
        return booked + Counter(line.split()[0] for line in self._lines("charged"))

    def runs(self) -> Counter[str]:
        """Return how often the tool of each order came as far as to its effect."""
        return Counter(self._lines("runs"))

    def model_times(self) -> list[tuple[int, int, bool]]:
        """Return what `note_model` noted, in order of the questions."""
        rows = (line.split() for line in self._lines("model"))
        return sorted((int(asked), int(ended), after == "1") for asked, ended, after in rows)

    def _append(self, name: str, line: str) -> None:
        file = os.open(self._folder / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []
