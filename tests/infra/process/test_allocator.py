"""Freed memory goes back to the system."""

import sys
from pathlib import Path

import pytest

from infra.process.allocator import give_back_memory


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
async def test_what_lies_between_kept_pieces_is_given_back() -> None:
    pieces = [bytes(50_000) for _ in range(4000)]  # below glibc's limit for mapping: these come from its heap
    kept = pieces[::20]
    del pieces
    held = resident_bytes()
    await give_back_memory()
    assert resident_bytes() < held - 50_000_000
    assert len(kept) == 200
