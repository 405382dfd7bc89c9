"""What a whole system consists of: its processes as data, and how to tell that each is ready."""

import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.topology import ACTORS, SYNTHESIS, TRANSCRIPT
from infra.embedded.forkserver import BASE
from infra.embedded.nats import free_port
from infra.embedded.postgres import command as postgres_command
from infra.embedded.postgres import data_folder, running_url
from infra.settings import Settings

NATS, LLM, BRIDGE = "nats", "llm", "bridge"
POSTGRES, PROJECTION_POSTGRES, PROJECTION_PULSAR = "postgres", "projection-postgres", "projection-pulsar"

STOP_ORDER: tuple[tuple[str, ...], ...] = (
    (BRIDGE,),
    ("transcript", "reasoning", "synthesis"),
    ("summaries",),
    ("persistence",),
    (PROJECTION_POSTGRES, PROJECTION_PULSAR),
    (LLM, POSTGRES),
)
"""Who is stopped together: the door first, so that its calls end; those who keep what was said, last."""


class StartFailed(RuntimeError):
    """The system could not be started; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process of a command line of its own, ended by the signal `stop`.

    The system gets ready without one that is not `needed`, and goes on if it cannot be started.
    """

    name: str
    command: tuple[str, ...]
    stop: signal.Signals = signal.SIGTERM
    needed: bool = True


@dataclass(frozen=True, slots=True)
class App:
    """A FastStream app, `module:attribute`, forked once the fork server has imported the module `after`."""

    name: str
    app: str
    after: str = BASE
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of one system find each other. `llm_url` is empty without a local model."""

    nats_url: str
    llm_url: str
    llm_port: int
    nats_port: int | None


def choose_addresses(settings: Settings) -> Addresses:
    """Return external servers where set, free ports of loopback for the others; they stay for the system's life."""
    nats_port = None if settings.nats_url else free_port()
    nats_url = settings.nats_url or f"nats://127.0.0.1:{nats_port}"
    if not needs_local_llm(settings):
        return Addresses(nats_url, settings.llm_url, 0, nats_port)
    llm_port = free_port()
    return Addresses(nats_url, f"http://127.0.0.1:{llm_port}/v1", llm_port, nats_port)


def needs_local_llm(settings: Settings) -> bool:
    """Tell whether a local language model server has to be started."""
    chain = [engine.strip() for engine in settings.llm.split(",")]
    return "local" in chain and not settings.llm_url


def processes(settings: Settings, addresses: Addresses) -> list[Program | App]:
    """Return what to run besides NATS."""
    parts: list[Program | App] = []
    if needs_local_llm(settings):
        command = (sys.executable, "-m", "infra.embedded.llm", "--port", str(addresses.llm_port))
        parts.append(Program(LLM, command))
    heavy = dict.fromkeys((TRANSCRIPT, SYNTHESIS), "livekit.agents")
    parts += [App(name, f"actors.{name}:app", heavy.get(name, BASE)) for name in ACTORS]
    parts.append(App(BRIDGE, "bridge.websocket:app"))
    return parts + keepers(settings)


def keepers(settings: Settings) -> list[Program | App]:
    """Return what keeps copies of the log: servers and projections. Calls do not need them."""
    parts: list[Program | App] = []
    if not settings.postgres_url:
        command = postgres_command(data_folder(settings.data_dir))
        # SIGTERM would wait for its clients to leave.
        parts.append(Program(POSTGRES, command, stop=signal.SIGINT, needed=False))
    if settings.postgres_url != "off":
        parts.append(App(PROJECTION_POSTGRES, "projections.postgres:app", needed=False))
    if settings.pulsar_url:
        parts.append(App(PROJECTION_PULSAR, "projections.pulsar:app", needed=False))
    return parts


def child_environment(environment: Mapping[str, str], settings: Settings, addresses: Addresses) -> dict[str, str]:
    """Return the environment that tells children the system's addresses."""
    return {
        **environment,
        "PYTHONUNBUFFERED": "1",
        "DAREDEVIL_DATA_DIR": str(settings.data_dir.absolute()),
        "DAREDEVIL_NATS_URL": addresses.nats_url,
        "DAREDEVIL_LLM_URL": addresses.llm_url,
        "DAREDEVIL_POSTGRES_URL": running_url(settings) or "off",
        "DAREDEVIL_HOST": settings.host,
        "DAREDEVIL_PORT": str(settings.port),
        "DAREDEVIL_PORT_FILE": str(settings.data_dir.absolute() / "run" / "port"),
    }


def check_port(host: str, port: int) -> None:
    """Make sure that the page's port can be listened on. Raises StartFailed naming the setting to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartFailed(
                f"cannot listen on port {port} of {host} ({error.strerror or error}): if another program has it, stop "
                "that one, or choose another port with DAREDEVIL_PORT (0 takes any free one)"
            ) from error
