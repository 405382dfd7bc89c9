"""The environment of a system's processes."""

from collections.abc import Collection, Mapping
from pathlib import Path

from contracts.topology import jetstream_user
from infra.livekit.key import livekit_folder, livekit_key
from infra.log.held_jobs import HELD_DIR
from infra.log.nats_access import ACCESS
from infra.postgres_url import running_url
from infra.process.probes import PROBES_DIR
from infra.settings import Settings
from infra.system.addresses import Addresses
from infra.system.apps import SECRETS


def child_environment(environment: Mapping[str, str], settings: Settings, addresses: Addresses) -> dict[str, str]:
    """Return the environment with the system's addresses for child processes."""
    # Empty rather than absent: it wins over a line in `.env`.
    of_another_nats = {} if addresses.nats_port is None else {f"DAREDEVIL_{name.upper()}": "" for name in ACCESS}
    return {
        **environment,
        **of_another_nats,
        "PYTHONUNBUFFERED": "1",
        "DAREDEVIL_DATA_DIR": str(settings.data_dir.absolute()),
        # A part that connects is given its own user by `as_nats_user`.
        "DAREDEVIL_NATS_URL": addresses.nats_url_without_user,
        "DAREDEVIL_LLM_URL": addresses.llm_url,
        "DAREDEVIL_POSTGRES_URL": running_url(settings) or "off",
        "DAREDEVIL_HOST": settings.host,
        "DAREDEVIL_PORT": str(addresses.page_port or settings.port),
        "DAREDEVIL_PROBE_PORT": "0",
        # Ctrl-C ends the whole system: its calls have nowhere to go on.
        "DAREDEVIL_DRAIN_S": "0",
        "DAREDEVIL_PROBE_HOST": "127.0.0.1",
        PROBES_DIR: str(probes_dir(settings)),
        HELD_DIR: str(held_dir(settings)),
        "DAREDEVIL_PORT_FILE": str(settings.data_dir.absolute() / "run" / "port"),
        **_livekit_environment(settings, addresses),
    }


def named_in_telemetry(part: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with a service name of the part's own, if OTEL_SERVICE_NAME names the whole system.

    With one name for all processes a service map would show a single box.
    """
    whole = environment.get("OTEL_SERVICE_NAME", "").strip()
    own = part.partition("-spare")[0]
    return {**environment, "OTEL_SERVICE_NAME": f"{whole}-{own}"} if whole else dict(environment)


def as_nats_user(part: str, environment: Mapping[str, str], addresses: Addresses) -> dict[str, str]:
    """Return the environment with the part's own users of NATS."""
    process = part.partition("-spare")[0]
    second = {"DAREDEVIL_NATS_JETSTREAM_USER": jetstream_user(process)} if addresses.nats_secret else {}
    return {**environment, "DAREDEVIL_NATS_URL": addresses.nats_url_of(process), **second}


def held_dir(settings: Settings) -> Path:
    """Return where processes note the jobs that they hold."""
    return settings.data_dir.absolute() / "run" / "held"


def probes_dir(settings: Settings) -> Path:
    """Return where processes note the addresses of their probes."""
    return settings.data_dir.absolute() / "run" / "probes"


def _livekit_environment(settings: Settings, addresses: Addresses) -> dict[str, str]:
    if addresses.livekit_ports is None:
        return {}
    key = livekit_key(livekit_folder(settings.data_dir))
    return {
        "DAREDEVIL_LIVEKIT_URL": addresses.livekit_url,
        "DAREDEVIL_LIVEKIT_API_KEY": key.key,
        "DAREDEVIL_LIVEKIT_API_SECRET": key.secret,
    }


def with_secrets(secrets: Collection[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a part: of all secrets, only those that it names."""
    # Empty rather than absent: it wins over a line in `.env`.
    return {**environment, **dict.fromkeys(SECRETS.difference(secrets), "")}
