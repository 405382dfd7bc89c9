"""Writes the document of the HTTP API, which a door serves at `/openapi.json`: `python -m bridge.http.openapi FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

from faststream.nats import NatsBroker

from bridge.http.api import HttpDoor
from bridge.shared_by_doors import SharedByDoors
from contracts.topology import HTTP
from infra.settings import Settings
from infra.tape.untaped import Untaped


def document() -> dict[str, Any]:
    """Return the document, without connecting to anything."""
    return HttpDoor(SharedByDoors.of(NatsBroker(), Settings(), HTTP, Untaped()), ()).api.openapi()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(), indent=2))
