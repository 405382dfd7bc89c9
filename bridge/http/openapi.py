"""Writes the document of the HTTP API, which a door serves at `/openapi.json`: `python -m bridge.http.openapi FILE`."""

import json
import sys
from pathlib import Path
from typing import Any

from faststream.nats import NatsBroker

from bridge.call.admission import SessionAdmission
from bridge.http.api import HttpDoor
from bridge.web.gate import Gate
from bridge.web.openings import Openings
from contracts.topology import HTTP
from infra.settings import Settings
from infra.tape.untaped import Untaped


def document() -> dict[str, Any]:
    """Return the document, without connecting to anything."""
    settings = Settings()
    broker = NatsBroker()
    admission = SessionAdmission(broker, HTTP, settings)
    return HttpDoor(broker, Untaped(), settings, Openings(settings), Gate(settings), admission, ()).api.openapi()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(document(), indent=2))
