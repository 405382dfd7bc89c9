"""Bytes that version 1 wrote stay readable for ever."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from contracts.codec import decode, encode
from contracts.topology import subject_of
from tests.contracts.samples import BY_NAME

Entry = dict[str, Any]
GOLDEN: dict[str, list[Entry]] = json.loads((Path(__file__).parent / "golden" / "v1.json").read_text())
ENTRIES = [(name, entry) for name, entries in sorted(GOLDEN.items()) for entry in entries]


def test_every_event_class_has_golden_bytes() -> None:
    assert set(BY_NAME) == set(GOLDEN), "run `python -m tests.contracts.golden`"


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_golden_bytes_decode_to_the_event_that_was_written(name: str, entry: Entry) -> None:
    written = BY_NAME[name].model_validate(entry["fields"])
    assert decode(subject_of(written), bytes.fromhex(entry["hex"])) == written


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_the_same_event_is_written_as_the_same_bytes(name: str, entry: Entry) -> None:
    data = encode(BY_NAME[name].model_validate(entry["fields"]))
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
