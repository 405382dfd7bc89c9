"""What is said of a NATS server that cannot be used."""

from contracts.topology import OPERATOR
from infra.log.nats_reach import error_at, in_words


async def nats_problem(url: str, timeout_s: float = 5, process: str = OPERATOR) -> str:
    """Return why NATS with JetStream cannot be used at `url`; empty if it can."""
    error = await error_at(url, timeout_s, process)
    return in_words(error, url, process) if error is not None else ""
