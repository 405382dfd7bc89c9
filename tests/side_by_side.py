"""How `make test` spreads the tests over its processes: what is slow to start once each, and the longest first.

Of the folder `tests/e2e`, the modules that use its whole system stay in one process, and those with systems of their
own in another, so that no more than two systems run at a time. Modules with the shared bridge of the LiveKit door stay
together, too, those of the page with their browser, and those with Pulsar. Any other module is a unit of its own.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
USES_SHARED_SYSTEM = re.compile(r"\bsystem: Supervisor")
SLOW = {"slow", "engines"}
E2E, PAGE, PULSAR = "tests/e2e/", "tests/bridge/page/", "tests/projections/pulsar/"


class SharingScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Distributes units of tests that share servers, in the order of collection (`--no-loadscope-reorder`)."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid.partition("::")[0])


@cache
def unit_of(file: str) -> str:
    """Return the name of the unit that a test module belongs to."""
    source = (ROOT / file).read_text()
    if "from tests.bridge.livekit.shared_bridge import" in source and "own_bridge(" not in source:
        return "the shared bridge"
    if file.startswith(PAGE):
        return "the page"
    if file.startswith(PULSAR):
        return "Pulsar"
    if file.startswith(E2E):
        is_shared = USES_SHARED_SYSTEM.search(source) and "running_system" not in source
        return "the shared system" if is_shared else "systems of their own"
    return file


def longest_first(items: list[pytest.Item]) -> None:
    """Order modules: the longest units, then what is marked as slow, then the rest, which fills the gaps at the end."""
    slow = {item.path for item in items if SLOW.intersection(mark.name for mark in item.iter_markers())}
    items.sort(
        key=lambda item: (not item.nodeid.startswith(E2E), not item.nodeid.startswith(PAGE), item.path not in slow)
    )
