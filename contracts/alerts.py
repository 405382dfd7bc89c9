"""An alert of the monitoring as it is published on NATS, for whoever wants to act on it, in JSON."""

import json
import re
from dataclasses import dataclass, field
from typing import Literal

FIRING: Literal["firing"] = "firing"
RESOLVED: Literal["resolved"] = "resolved"

TOKEN = r"[A-Za-z0-9_-]{1,64}"
"""The form of an alert's severity and name: each is one token of its subject."""

PASSED_LABELS = (
    *("service_name", "job", "instance"),
    *("door", "direction", "durable", "engine", "stage", "stream"),
)
"""Labels that are passed on. Rules of one's own may have others, which might say who somebody is: those are not."""

MOST_CHARS = 1_000
"""Of a text in an alert; the rest is left out."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What fires or has ended; times are RFC 3339, `ended_at` is empty while it fires.

    Raises ValueError for a severity or name that cannot be a token of a subject.
    """

    severity: str
    name: str
    status: Literal["firing", "resolved"]
    started_at: str
    ended_at: str = ""
    summary: str = ""
    description: str = ""
    runbook_url: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, value, example in (("severity", self.severity, "warning"), ("alertname", self.name, "HighLatency")):
            if not re.fullmatch(TOKEN, value):
                said = "up to 64 letters, digits, `_` and `-` are wanted" if value else "it is missing"
                raise ValueError(f"{what}: {said}, such as `{example}`")

    def packed(self) -> bytes:
        """Return it as it is published: no empty texts, and of the labels only those of PASSED_LABELS."""
        texts = {
            name: value[:MOST_CHARS]
            for name in ("ended_at", "summary", "description", "runbook_url")
            if (value := getattr(self, name))
        }
        labels = {name: self.labels[name][:MOST_CHARS] for name in PASSED_LABELS if name in self.labels}
        known = {"severity": self.severity, "name": self.name, "status": self.status, "started_at": self.started_at}
        return json.dumps({**known, **texts, "labels": labels}, ensure_ascii=False).encode()
