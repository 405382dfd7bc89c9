"""Subjects, streams and buckets are named in `contracts/topology` alone: other code uses its rows and functions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.topology import APPS, BUCKETS, CHANNELS, DURABLES, FACTS, LIVE, REQUESTS, STREAMS, Address

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "bridge", "projections", "infra")
ALLOWED: frozenset[str] = frozenset()
"""`path:line` of what may name one all the same. Keep it empty."""

SUBJECT_METHODS = {"publish", "subscribe", "request", "subscriber", "publisher"}
BUCKET_METHODS = {"key_value", "create_key_value", "delete_key_value", "KeyValueConfig"}


def _prefix(address: Address) -> str:
    return address.text.partition(".")[0]


def _all_addresses() -> Iterator[tuple[str, Address]]:
    yield "subject_of, event_subject, event_subjects or session_subjects", FACTS
    yield "live_subjects, live_event_subject", LIVE
    for row in (*CHANNELS, *REQUESTS):
        yield f"the row `{row.name}`", row.address


def _prefixes() -> dict[str, str]:
    """What to use instead, by the first token of a subject."""
    found: dict[str, str] = {}
    for use, address in _all_addresses():
        prefix = _prefix(address)
        found[prefix] = f"{found[prefix]}, {use}" if prefix in found else use
    return found


PREFIXES = _prefixes()
KNOWN = "|".join(sorted({*APPS, *(durable.name for durable in DURABLES)}))
ANY = "|".join(PREFIXES)
SUBJECT = re.compile(rf"(?<![\w.$/-])({ANY})\.(?:[*<>{{$\0]|(?:{KNOWN})\b(?!\.\w)|[\w-]+\.(?:{KNOWN})\.)")
"""A prefix of ours with a wildcard, a hole or a known process behind it."""
TAIL = re.compile(rf"(?<![\w.])({_prefix(FACTS)}|{_prefix(LIVE)})\.[\w-]+\.[\w-]+\.\w+")
STREAM = re.compile(rf"(?<!\w)({'|'.join(stream.name for stream in STREAMS)})(?!\w)")
BUCKET = re.compile(r"\$KV\.|\bKV_")
NOT_PLAIN_WORDS = {bucket.name for bucket in BUCKETS if not bucket.name.isalpha()}
"""Buckets whose name is no word of its own; the others are looked for where a bucket is opened."""

MAY_NAME_ONE = re.compile(
    "|".join(
        (
            rf"(?:{ANY})\.",
            *(stream.name for stream in STREAMS),
            BUCKET.pattern.replace(r"\b", ""),
            *NOT_PLAIN_WORDS,
            rf"(?:{'|'.join(sorted(SUBJECT_METHODS | BUCKET_METHODS))})\((?s:\s*)[rbf]*[\"']",
        )
    )
)
"""What is true of the source of each module that names one: the others need not be parsed."""


def names_in(source: str, path: str = "") -> list[str]:
    """Return what names a subject, stream or bucket in a module: `path:line: what it is, and what to use`."""
    if not MAY_NAME_ONE.search(source):
        return []
    tree = ast.parse(source)
    problems = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            problems[node.lineno, "text"] = _of_text(_with_holes(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            problems.setdefault((node.lineno, "text"), "")
            problems[node.lineno, "text"] = problems[node.lineno, "text"] or _of_text(node.value)
        elif isinstance(node, ast.Call):
            problems[node.lineno, "call"] = _of_call(node)
    found = [f"{path}:{line}: {problem}" for (line, _), problem in sorted(problems.items()) if problem]
    return [problem for problem in found if ":".join(problem.split(":")[:2]) not in ALLOWED]


def _with_holes(node: ast.JoinedStr) -> str:
    """Return an f-string's text with a NUL in place of each value."""
    return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)  # type: ignore[misc]


def _of_text(text: str) -> str:
    if found := SUBJECT.search(text) or TAIL.search(text):
        subject = found[0].replace("\0", "{…}")
        return f"{subject!r} is a subject: use {PREFIXES[found[1]]} of contracts.topology"
    if found := STREAM.search(text):
        return f"{found[0]!r} is a stream: use contracts.topology.{found[0]}, or name what is in it"
    if BUCKET.search(text) or text in NOT_PLAIN_WORDS:
        return f"{text[:40]!r} is a bucket: use its row (`.name`, `.stream`, `.subjects`) of contracts.topology"
    return ""


def _of_call(node: ast.Call) -> str:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first = node.args[0] if node.args else None
    if name in SUBJECT_METHODS | BUCKET_METHODS and isinstance(first, ast.Constant | ast.JoinedStr):
        text = _with_holes(first) if isinstance(first, ast.JoinedStr) else str(first.value)
        if name in BUCKET_METHODS:
            return f"{text!r} is a bucket: use its row of contracts.topology"
        if isinstance(first, ast.JoinedStr) or isinstance(first.value, str):
            return "" if text.startswith("$JS.") else f"{text!r} is a subject: use a row of contracts.topology"
    return ""


def test_no_module_names_a_subject_stream_or_bucket() -> None:
    problems = [
        problem
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for problem in names_in(path.read_text(), str(path.relative_to(ROOT)))
    ]
    assert not problems, "\n" + "\n".join(problems)


def test_nothing_is_allowed_to() -> None:
    assert not ALLOWED


@pytest.mark.parametrize(
    "line",
    [
        'subject = f"voice.{session_id}.turn.*"',
        '"""Expects `voice.<session>.reply.*`."""',
        'ALL = "voice.*.*.*"',
        'name = f"health.{name}"',
        'do = "do.s-1.bridge.end"',
        'nc.subscribe("clock")',
        'status = "status.projection-postgres"',
        '"""Copies a message to DEAD."""',
        'stream = "VOICE"',
        'bucket = f"$KV.{name}.>"',
        'js.key_value("rooms")',
        'js.stream_info("KV_presence")',
    ],
)
def test_a_name_is_found_wherever_it_stands(line: str) -> None:
    [problem] = names_in(line, "module.py")
    assert problem.startswith("module.py:1: ")
    assert "contracts.topology" in problem


@pytest.mark.parametrize(
    "line",
    [
        '"""`async with LiveSound(…) as live: live.frames()`."""',
        '"""He lost his voice. Then it came back, live."""',
        'nc.request(f"$JS.API.STREAM.INFO.{name}")',
        'variable = "DAREDEVIL_AUDIO_RETENTION_S"',
        "nc.subscribe(CLOCK_SUBJECT)",
    ],
)
def test_what_only_looks_like_one_is_left_alone(line: str) -> None:
    assert names_in(line) == []
