"""Bytes that any released version wrote stay readable for ever."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from contracts.codec import decode, encode
from contracts.events import Event
from contracts.topology import subject_of
from tests.contracts.samples import BY_NAME, fields_of

Entry = dict[str, Any]
GOLDEN: dict[str, dict[str, list[Entry]]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "golden").glob("v*.json"))
}
ENTRIES = [
    pytest.param(name, entry, id=f"{version}-{name}-{place}")
    for version, golden in GOLDEN.items()
    for name, entries in sorted(golden.items())
    for place, entry in enumerate(entries)
]


def _written(name: str, entry: Entry) -> Event:
    """Return the event as the version that wrote the entry had it."""
    version = msgpack.unpackb(bytes.fromhex(entry["hex"]))["schema_version"]
    return BY_NAME[name].model_validate({"schema_version": version, **entry["fields"]})


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_event_class_has_golden_bytes_of_all_its_fields(name: str) -> None:
    golden = GOLDEN[f"v{BY_NAME[name].SCHEMA_VERSION}"].get(name, [])
    fields = [entry["fields"] for entry in golden]
    assert fields_of(BY_NAME[name], every=True) in fields, "run `python -m tests.contracts.golden`"


def test_no_golden_bytes_are_of_a_class_that_is_gone() -> None:
    assert {name for golden in GOLDEN.values() for name in golden} == set(BY_NAME)


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_golden_bytes_decode_to_the_event_that_was_written(name: str, entry: Entry) -> None:
    written = _written(name, entry)
    assert decode(subject_of(written), bytes.fromhex(entry["hex"])) == written


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_the_same_event_is_written_as_the_same_bytes(name: str, entry: Entry) -> None:
    data = encode(_written(name, entry))
    then, now = msgpack.unpackb(bytes.fromhex(entry["hex"])), msgpack.unpackb(data)
    assert _without_additions(now, then) == then
    if now == then:  # no optional field was added since
        assert data.hex() == entry["hex"]


def _without_additions(now: Any, then: Any) -> Any:
    """Return `now` without the fields that `then` did not have."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: _without_additions(now[key], then[key]) for key in then if key in now}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [_without_additions(*pair) for pair in zip(now, then, strict=True)]
    return now
