"""What `/metrics` answers: this process's metrics in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()
"""Who collects what this process measures: nobody before it begins to, then one reader."""


def exposition() -> tuple[bytes, str]:
    """Return the metrics and their content type."""
    return generate_latest(registry), CONTENT_TYPE
