"""Exit codes of commands: 2 says that the request was invalid, which is how they read ValueError and LookupError."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUEST = {"ValueError", "LookupError", "KeyError"}
FILES = [path for path in sorted(ROOT.glob("*/**/*.py")) if "CannotRun, " in path.read_text()]
FILES = [path for path in FILES if path.relative_to(ROOT).parts[0] in ("infra", "actors", "bridge", "projections")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_the_request_is_not_to_blame_for_is_no_error_of_a_value(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if "CannotRun" in bases and bases & REQUEST:
            assert "exit_code = 2" in {ast.unparse(each) for each in node.body}, node.name
