"""The files of `infra/deploy/load`: what they ask of the doors exists. Locust and k6 are not among the dependencies."""

import ast
import json
import re
from pathlib import Path

import pytest

from bridge.websocket.protocol import parse, parse_hello

FOLDER = Path(__file__).parents[3] / "infra" / "deploy" / "load"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_each_is_python_with_one_kind_of_user(path: Path) -> None:
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    users = [node.name for node in classes if any("User" in ast.unparse(base) for base in node.bases)]
    assert len(users) == 1, users


@pytest.mark.parametrize("name", ["ws.py", "k6/ws.js"])
def test_messages_at_the_websocket_are_those_of_its_protocol(name: str) -> None:
    text = (FOLDER / name).read_text()
    kinds = set(re.findall(r"\"?type\"?: \"(\w+)\"", text))
    assert kinds == {"hello", "text", "played", "hangup"}
    assert parse_hello(json.dumps({"type": "hello", "mic": False})).mic is False
    parse(json.dumps({"type": "text", "id": "a", "text": "Hello!"}))
    parse(json.dumps({"type": "played", "reply_id": "r", "samples": 1, "started": True, "ended": True}))
    parse(json.dumps({"type": "hangup"}))


@pytest.mark.parametrize("name", ["chat.py", "k6/chat.js"])
def test_addresses_are_those_of_the_api(name: str) -> None:
    routes = "".join(path.read_text() for path in (FOLDER.parents[2] / "bridge" / "http").rglob("routes.py"))
    text = (FOLDER / name).read_text()
    assert "/chat" in text
    assert '"/chat"' in routes
    assert "/close" in text
    assert re.search(r'"/sessions/\{session_id\}/close"|"/\{session_id\}/close"', routes)
