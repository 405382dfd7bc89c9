"""Log lines of a process: as text, or as JSON with the trace they belong to."""

import json
import logging
import re
import socket
import sys
from datetime import UTC, datetime
from types import TracebackType

from opentelemetry import trace

from infra.process.told import told_traceback
from infra.settings import Settings
from infra.telemetry.resource import service_name
from infra.telemetry.turns import session_here

FIELDS = "fields"
"""`log.info(…, extra={FIELDS: {…}})` gives a line in JSON fields of its own, to search by."""

Exc = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WordlessLines(logging.Formatter):
    """Lines in which exceptions do not repeat what was said, unless details are asked for (`DEBUG`)."""

    def __init__(self, form: str | None, time_form: str | None, has_details: bool) -> None:
        super().__init__(form, time_form)
        self._has_details = has_details

    def formatException(self, ei: Exc) -> str:
        """Return an exception as text."""
        if self._has_details or ei[1] is None:
            return super().formatException(ei)
        return told_traceback(ei[1], ei[2])


class JsonLines(WordlessLines):
    """One JSON object a line, with the service, and the session and trace that the line belongs to if there are."""

    def __init__(self, service: str, has_details: bool) -> None:
        super().__init__(None, None, has_details)
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        context = trace.get_current_span().get_span_context()
        line: dict[str, object] = {
            "time": time_of(record.created),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, FIELDS, {})
        if session_id := session_here():
            line["session_id"] = session_id
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def time_of(epoch_s: float) -> str:
    """Return the time of a line: RFC 3339 in UTC, with milliseconds, as every line of every process has it."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def means_something(record: logging.LogRecord) -> bool:
    """Return whether to keep a log line. Two are told by libraries as errors, and are none.

    LiveKit's SDK does so with closed data channels of a hang-up; if they break during a call, it reconnects and logs
    that too. uvloop leaves the lookup of a name to itself when nobody waits for it any more, as while NATS is away; who
    waited has been told.
    """
    if record.name == "livekit":
        return not re.search(r"data channel '\w+' closed unexpectedly$", record.getMessage())
    if record.name == "asyncio" and record.exc_info and isinstance(record.exc_info[1], socket.gaierror):
        return not record.getMessage().startswith("Future exception was never retrieved")
    return True


def set_up_logs(name: str, settings: Settings) -> None:
    """Configure logging to stderr for the process `name`."""
    handler = logging.StreamHandler(sys.stderr)
    has_details = settings.log_level == "DEBUG"
    text = WordlessLines(f"%(asctime)s %(levelname)-7s {name}: %(message)s", "%H:%M:%S", has_details)
    handler.setFormatter(JsonLines(service_name(name), has_details) if settings.log_json else text)
    handler.addFilter(means_something)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("faststream", "httpx", "httpx2", "openai", "nats", "livekit", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
