"""Writes golden bytes for event classes and fields that have none yet: `.venv/bin/python -m tests.contracts.golden`.

Each schema version has a file. What is there stays as it is: it is what released versions wrote. A class that has grown
gets another entry. `--anew` writes the classes' present versions again, which only a version that was never released
may do.
"""

import json
import sys
from pathlib import Path

from contracts.codec import encode
from contracts.events import Event
from tests.contracts.samples import EVENT_CLASSES, fields_of

FOLDER = Path(__file__).parent


def main() -> None:
    versions = sorted({event_class.SCHEMA_VERSION for event_class in EVENT_CLASSES})
    for version in versions:
        write(FOLDER / f"v{version}.json", [each for each in EVENT_CLASSES if version == each.SCHEMA_VERSION])


def write(path: Path, event_classes: list[type[Event]]) -> None:
    """Add to the file what it lacks of those classes."""
    golden = {} if "--anew" in sys.argv or not path.exists() else json.loads(path.read_text())
    for event_class in event_classes:
        entries = []
        for every in (True, False):
            fields = fields_of(event_class, every)
            entries.append({"fields": fields, "hex": encode(event_class.model_validate(fields)).hex()})
        known = golden.setdefault(event_class.__name__, [])
        known += [entry for entry in entries if entry["fields"] not in [old["fields"] for old in known]]
    path.write_text(json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
