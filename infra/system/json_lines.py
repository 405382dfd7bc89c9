"""Log lines of servers that write text, as the JSON that our own processes write (`infra.telemetry.logs`)."""

import json
import re
from datetime import UTC, datetime

from infra.telemetry.logs import time_of

_NATS = re.compile(r"^\[\d+\] (?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+) \[(?P<level>\w+)\] (?P<message>.*)$")
_POSTGRES = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?) \S+ postgres: (?P<level>\w+):\s+(?P<message>.*)$"
)
_LIVEKIT = re.compile(r"^(?P<time>\d{4}-\d\d-\d\dT\S+Z)\t(?P<level>\w+)\t(?P<message>.*)$")
_OURS = re.compile(r"^\d\d:\d\d:\d\d (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+(?P<message>.*)$")
_FORMS = (_NATS, _POSTGRES, _LIVEKIT, _OURS)

_LEVELS = {
    "TRC": "DEBUG",
    "DBG": "DEBUG",
    "INF": "INFO",
    "WRN": "WARNING",
    "WARN": "WARNING",
    "ERR": "ERROR",
    "FTL": "CRITICAL",
    "LOG": "INFO",
    "NOTICE": "INFO",
    "HINT": "INFO",
    "DETAIL": "INFO",
    "STATEMENT": "INFO",
    "FATAL": "CRITICAL",
    "PANIC": "CRITICAL",
}
"""What NATS, Postgres and LiveKit call our levels, where they use other words."""


class ServerLines:
    """Turns the lines of one server into JSON, one after another: a line without a level has that of the one before."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._level = "INFO"

    def line(self, text: str, now_s: float) -> str:
        """Return a line as JSON; `now_s` (Unix epoch) is its time if it has none. JSON of its own stays as it is."""
        if text.startswith("{") and _is_json(text):
            return text
        form = next((match for pattern in _FORMS if (match := pattern.match(text))), None)
        time = time_of(now_s)
        if form is not None:
            level = form["level"].upper()
            self._level = _LEVELS.get(level, level)
            text, time = form["message"], _time_in(form.groupdict().get("time")) or time
        fields = {"time": time, "level": self._level, "service": self._service, "message": text}
        return json.dumps(fields, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _time_in(text: str | None) -> str | None:
    """Return the time of a line as ours are written. NATS and Postgres are told to write UTC."""
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text.replace("/", "-").rstrip("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return time_of(told.timestamp())
