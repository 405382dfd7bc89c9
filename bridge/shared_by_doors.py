"""What the page's door and the HTTP door of one process share."""

from dataclasses import dataclass
from typing import Self

from faststream.nats import NatsBroker

from bridge.call.admission import SessionAdmission
from bridge.web.gate import Gate
from bridge.web.openings import Openings
from infra.settings import Settings
from infra.tape.tape import Tapes


@dataclass(frozen=True, slots=True)
class SharedByDoors:
    """The log, the settings, and the limits that count over both doors."""

    broker: NatsBroker
    settings: Settings
    tapes: Tapes
    admission: SessionAdmission
    openings: Openings
    gate: Gate

    @classmethod
    def of(cls, broker: NatsBroker, settings: Settings, process: str, tapes: Tapes) -> Self:
        """Return it for a process of this name; `admission` is to be opened."""
        admission = SessionAdmission(broker, process, settings)
        return cls(broker, settings, tapes, admission, Openings(settings), Gate(settings))
