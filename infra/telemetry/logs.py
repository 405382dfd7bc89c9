"""Log lines of a process: as text, or as JSON with the trace they belong to."""

import json
import logging
import re
import sys

from opentelemetry import trace

from infra.settings import Settings


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = trace.get_current_span().get_span_context()
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def means_something(record: logging.LogRecord) -> bool:
    """Return whether to keep a log line: LiveKit's SDK logs closed data channels of a hang-up as errors.

    If they break during a call, it reconnects and logs that too.
    """
    return not (record.name == "livekit" and re.search(r"data channel '\w+' closed unexpectedly$", record.getMessage()))


def set_up_logs(name: str, settings: Settings) -> None:
    """Configure logging to stderr for the process `name`."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(f"%(asctime)s %(levelname)-7s {name}: %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines() if settings.log_json else text)
    handler.addFilter(means_something)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("faststream", "httpx", "httpx2", "openai", "nats", "livekit", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
