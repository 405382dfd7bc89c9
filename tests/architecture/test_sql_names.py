"""The tables of schema `agents` are named in one place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.tables import SCHEMA, TABLES

ROOT = Path(__file__).parents[2]
ALLOWED: tuple[str, ...] = ()
"""Files that may name a table as well: none."""

OWNERS = ("contracts/tables.py", "projections/postgres/")
"""Where the names are, and the projection whose tables they are."""

_TABLE = "|".join(TABLES)
_KEYWORD = "FROM|JOIN|INTO|UPDATE|TABLE|COPY|VACUUM|ON"
_NAMES_A_TABLE = re.compile(rf"\b{SCHEMA}\.(?:{_TABLE})\b|\b(?:{_KEYWORD})\s+(?:{SCHEMA}\.)?(?:{_TABLE})\b")
_MAY_NAME_A_TABLE = re.compile(rf"(?:{SCHEMA}\.|{_KEYWORD})(?s:.)*?(?:{_TABLE})")
"""What is true of the source of each module that names one: the others need not be parsed."""


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Each string of a module with its line, docstrings left out; none if the module can name no table."""
    if not _MAY_NAME_A_TABLE.search(source):
        return
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def modules() -> Iterator[Path]:
    for package in ("contracts", "infra", "actors", "bridge", "projections"):
        yield from (ROOT / package).rglob("*.py")


def test_nothing_but_the_projection_names_its_tables() -> None:
    found = [
        f"{name}:{line}: {text.strip()[:60]}"
        for path in modules()
        if not (name := str(path.relative_to(ROOT))).startswith((*OWNERS, *ALLOWED))
        for line, text in strings(path.read_text())
        if _NAMES_A_TABLE.search(text)
    ]
    assert found == [], "take the name from contracts.tables"


@pytest.mark.parametrize("sql", ["SELECT 1 FROM agents.events", "COPY conversations (x) FROM STDIN", "agents.sessions"])
def test_a_table_is_seen_where_it_is_named(sql: str) -> None:
    assert [line for line, text in strings(f"x = {sql!r}") if _NAMES_A_TABLE.search(text)] == [1]


def test_the_names_are_those_of_the_migrations() -> None:
    made = "".join(path.read_text() for path in (ROOT / "projections/postgres/migrations/versions").glob("*.py"))
    assert set(re.findall(r"CREATE TABLE (\w+)", made)) == set(TABLES)
