"""A connection to NATS is flushed in one place: nats-py stops reading from one whose flush was cancelled."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLUSHED = re.compile(r"\b(nc|_nc|client|connection\([^)]*\))\.flush\(")


def test_only_round_trip_flushes_a_connection() -> None:
    files = [
        file for package in ("actors", "bridge", "infra", "projections") for file in (ROOT / package).rglob("*.py")
    ]
    flushing = {str(file.relative_to(ROOT)) for file in files if FLUSHED.search(file.read_text(encoding="utf-8"))}
    assert flushing == {"infra/log/connection.py"}
