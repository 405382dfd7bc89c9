"""Facts of the version before and of this one are read by both, so that copies of both may work on one log."""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from contracts.codec import decode, encode
from contracts.topology import EVENTS, event_subject, subject_of
from tests.contracts.samples import sample
from tests.upgrades.earlier import earlier_tree

pytestmark = [pytest.mark.slow, pytest.mark.needs_history]

READ = """
import json, sys
from base64 import b64decode
from contracts.codec import decode
print(json.dumps({name: type(decode(subject, b64decode(data))).__name__
                  for name, (subject, data) in json.load(sys.stdin).items()}))
"""

WRITE = """
import json
from base64 import b64encode
from contracts.codec import encode
from contracts.topology import EVENTS, subject_of
from tests.contracts.samples import sample
print(json.dumps({row.event.__name__: (subject_of(one := sample(row.event)), b64encode(encode(one)).decode())
                  for row in EVENTS}))
"""


def in_tree(tree: Path, code: str, given: str = "") -> Any:
    """Run code of a version, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = (sys.executable, "-c", code)
    done = subprocess.run(command, cwd=tree, env=environment, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_version_reads_the_facts_of_the_other(tmp_path: Path) -> None:
    tree = earlier_tree(tmp_path)
    where = in_tree(tree, "import json, contracts; print(json.dumps(contracts.__file__))")
    assert Path(where).is_relative_to(tree)
    theirs = in_tree(tree, WRITE)
    for name, (subject, data) in theirs.items():
        event = decode(subject, b64decode(data))
        assert type(event).__name__ == name
        assert event_subject(event.session_id, type(event)) == subject
    ours = {
        row.event.__name__: (subject_of(one := sample(row.event)), b64encode(encode(one)).decode())
        for row in EVENTS
        if row.event.__name__ in theirs
    }
    assert in_tree(tree, READ, json.dumps(ours)) == {name: name for name in ours}
    assert ours.keys() == theirs.keys(), "a class of facts is gone: the log still has them"
