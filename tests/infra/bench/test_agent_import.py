"""The import of what an agent is written with is measured in processes of its own."""

import subprocess
import sys

from infra.bench.agent_import import IMPORT, measure_import

HEAVY = {"asyncio", "pydantic_core", "langchain_core", "faststream", "hashlib", "logging"}


def test_an_import_takes_processor_time() -> None:
    assert measure_import(pairs=1) > 0


def test_what_an_agent_is_written_with_imports_nothing_heavy() -> None:
    program = f"{IMPORT}; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert HEAVY & set(loaded.split()) == set()
