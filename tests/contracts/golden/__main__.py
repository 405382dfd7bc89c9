"""Writes golden bytes for event classes and fields that have none yet: `.venv/bin/python -m tests.contracts.golden`.

What is there stays as it is: it is what released versions wrote. A class that has grown gets another entry.
`--anew` writes all of them again, which only a version that was never released may do.
"""

import json
import sys
from pathlib import Path

from contracts.codec import encode
from tests.contracts.samples import EVENT_CLASSES, fields_of

PATH = Path(__file__).parent / "v1.json"


def main() -> None:
    golden = {} if "--anew" in sys.argv or not PATH.exists() else json.loads(PATH.read_text())
    for event_class in EVENT_CLASSES:
        entries = []
        for every in (True, False):
            fields = fields_of(event_class, every)
            entries.append({"fields": fields, "hex": encode(event_class.model_validate(fields)).hex()})
        known = golden.setdefault(event_class.__name__, [])
        known += [entry for entry in entries if entry["fields"] not in [old["fields"] for old in known]]
    PATH.write_text(json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
