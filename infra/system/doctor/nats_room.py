"""Whether NATS has room for the streams that are still missing: it reserves the size of each when it is created."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nats.js.api import StorageType, StreamConfig

from infra.log.provisioning import StreamChange
from infra.system.doctor.finding import Finding


def room(
    changes: Iterable[StreamChange], account: Mapping[str, Any], servers: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    """Yield where streams that are missing would not fit, by their storage. Pure.

    `account` is JetStream's answer about the account; `servers` has what each says at its monitoring, empty if nothing.
    """
    new = [change for change in changes if change.is_new and isinstance(change.config, StreamConfig)]
    for storage, what, account_limit, server_limit in (
        (StorageType.MEMORY, "memory", "max_mem", "max_memory_store"),
        (StorageType.FILE, "storage", "max_file", "max_file_store"),
    ):
        wanted = [change for change in new if _reserved(change) and _config(change).storage == storage]
        limit = (account.get("limits") or {}).get(f"max_{what}", -1)
        # Each replica counts for the account; a server has one of them.
        yield from _short(wanted, what, "the account", limit, _taken(account, what), f"`{account_limit}`", True)
        for url, varz in servers.items():
            config, stats = ((varz.get("jetstream") or {}).get(part) or {} for part in ("config", "stats"))
            limit, whose = config.get(f"max_{what}", -1), f"the server{f' at {url}' if len(servers) > 1 else ''}"
            yield from _short(wanted, what, whose, limit, _taken(stats, what), f"`{server_limit}`", False)


def _short(
    wanted: list[StreamChange], what: str, whose: str, limit: int, taken: int, setting: str, with_replicas: bool
) -> Iterator[Finding]:
    """Yield that these streams do not all fit; those that the system can do without come last."""
    if limit < 0:
        return
    left = limit - taken
    for change in sorted(wanted, key=lambda each: each.is_optional):
        needed = _reserved(change) * ((_config(change).num_replicas or 1) if with_replicas else 1)
        if needed <= left:
            left -= needed
            continue
        without = ", without which the system runs" if change.is_optional else ""
        detail = (
            f"{whose} has {left / 1e6:,.0f} of {limit / 1e6:,.0f} MB left, and {change.what} takes "
            f"{needed / 1e6:,.0f} MB{without}"
        )
        remedy = f"raise {setting} of {whose}"
        yield Finding(f"NATS: {what}", "warning" if change.is_optional else "missing", detail, remedy)


def _config(change: StreamChange) -> StreamConfig:
    assert isinstance(change.config, StreamConfig)
    return change.config


def _reserved(change: StreamChange) -> int:
    return max(0, _config(change).max_bytes or 0)


def _taken(told: Mapping[str, Any], what: str) -> int:
    """Return how many bytes are reserved, or used by streams of no fixed size."""
    return max(int(told.get(f"reserved_{what}") or 0), int(told.get(what) or 0))
