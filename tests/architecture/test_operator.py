"""Commands are the operator to NATS: a server with a user for each process knows no other for them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONNECTS = re.compile(r"\bmake_broker\(([^)]*)\)")
COMMANDS = [
    path
    for folder in ("infra/caller", "infra/cli")
    for path in sorted((ROOT / folder).glob("*.py"))
    if CONNECTS.search(path.read_text())
]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_a_command_connects_as_the_operator(path: Path) -> None:
    assert set(CONNECTS.findall(path.read_text())) == {"OPERATOR"}
