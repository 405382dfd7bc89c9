"""What `/metrics` answers: this process's metrics in the text format of Prometheus."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition() -> tuple[bytes, str]:
    """Return the metrics and their content type."""
    return b"", CONTENT_TYPE
