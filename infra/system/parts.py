"""What a whole system consists of: its processes as data, and how to tell that each is ready."""

import errno
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from contracts.topology import ACTORS, SYNTHESIS, TRANSCRIPT
from infra.cannot_run import CannotRun
from infra.engines.chain import engine_names
from infra.livekit.key import livekit_folder, livekit_key
from infra.log.held_jobs import HELD_DIR
from infra.postgres_url import data_folder, running_url
from infra.projection import UnknownProjection, projections
from infra.settings import Settings
from infra.system.forkserver import BASE
from infra.system.livekit import LiveKitMissing, LiveKitPorts, free_livekit_ports, livekit_server_path
from infra.system.livekit import command as livekit_command
from infra.system.nats import free_port
from infra.system.postgres import command as postgres_command

NATS, LLM, BRIDGE = "nats", "llm", "bridge"
TRANSCRIPT_SPARE = "transcript-spare"
LIVEKIT, BRIDGE_LIVEKIT = "livekit", "bridge-livekit"
POSTGRES = "postgres"

_STOPPED_FIRST: tuple[tuple[str, ...], ...] = (
    (BRIDGE, BRIDGE_LIVEKIT),
    (TRANSCRIPT_SPARE, "transcript", "reasoning", "synthesis"),
    ("summaries",),
    ("persistence",),
)
_STOPPED_LAST = (LLM, POSTGRES, LIVEKIT)

CARRY_SOUND = frozenset((NATS, LIVEKIT, BRIDGE, BRIDGE_LIVEKIT))
STANDING_BACK = 5
"""Niceness of the other parts: where both want the CPU, they get a third of what the former do, who need little."""

DOOR_SECRETS = ("DAREDEVIL_LIVEKIT_API_SECRET", "DAREDEVIL_LIVEKIT_TOKEN_KEY", "DAREDEVIL_ADMIN_KEY", "DAREDEVIL_AUTH")


class StartFailed(CannotRun, RuntimeError):
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
    spare: bool = False
    """A further copy of another part, started when the system is ready, so that getting ready takes no longer."""
    projects: bool = False
    """It is a projection: stopped after those who append facts, before the server that it writes to."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of one system find each other. `llm_url` is empty without a local model.

    `livekit_url` is empty without that door; `livekit_ports` are those of a LiveKit server that is started here.
    """

    nats_url: str
    llm_url: str
    llm_port: int
    nats_port: int | None
    livekit_url: str = ""
    livekit_ports: LiveKitPorts | None = None
    page_port: int = 0
    """The page's port, 0 for any free one that the door finds; LiveKit's webhook has to know it beforehand."""


def choose_addresses(settings: Settings) -> Addresses:
    """Return external servers where set, free ports of loopback for the others; they stay for the system's life."""
    nats_port = None if settings.nats_url else free_port()
    nats_url = settings.nats_url or f"nats://127.0.0.1:{nats_port}"
    livekit_ports = free_livekit_ports() if settings.livekit and not settings.livekit_url else None
    livekit_url = livekit_ports.url if livekit_ports is not None else settings.livekit_url
    llm_port = free_port() if needs_local_llm(settings) else 0
    llm_url = f"http://127.0.0.1:{llm_port}/v1" if llm_port else settings.llm_url
    page_port = settings.port or (free_port() if livekit_ports is not None else 0)
    return Addresses(nats_url, llm_url, llm_port, nats_port, livekit_url, livekit_ports, page_port)


def needs_local_llm(settings: Settings) -> bool:
    """Tell whether a local language model server has to be started."""
    return "local" in engine_names(settings.llm) and not settings.llm_url


def niceness_of(name: str) -> int:
    """Return how nice a part is where the CPU is short: not at all if it carries sound, as each wait would be heard."""
    return 0 if name in CARRY_SOUND else STANDING_BACK


def processes(settings: Settings, addresses: Addresses) -> list[Program | App]:
    """Return what to run besides NATS."""
    parts: list[Program | App] = []
    if needs_local_llm(settings):
        command = (sys.executable, "-m", "infra.system.llm", "--port", str(addresses.llm_port))
        parts.append(Program(LLM, command))
    heavy = dict.fromkeys((TRANSCRIPT, SYNTHESIS), "livekit.agents")
    parts += [App(name, f"actors.{name}:app", heavy.get(name, BASE)) for name in ACTORS]
    if settings.transcript_spare:
        app = f"actors.{TRANSCRIPT}:app"
        parts.append(App(TRANSCRIPT_SPARE, app, heavy[TRANSCRIPT], needed=False, spare=True))
    parts.append(App(BRIDGE, "bridge.websocket:app"))
    return parts + livekit_door(settings, addresses) + keepers(settings)


def livekit_door(settings: Settings, addresses: Addresses) -> list[Program | App]:
    """Return what the LiveKit door consists of, nothing if it is closed. Raises StartFailed saying what is missing."""
    if not addresses.livekit_url:
        return []
    door = App(BRIDGE_LIVEKIT, "bridge.livekit:app", "livekit.agents")
    if addresses.livekit_ports is None:
        if missing := settings.unset("livekit_api_key", "livekit_api_secret"):
            raise StartFailed(f"DAREDEVIL_LIVEKIT_URL is {addresses.livekit_url}, but not set: {' and '.join(missing)}")
        return [door]
    try:
        binary = livekit_server_path(settings.livekit_server)
    except LiveKitMissing as error:
        remote = "or use one that runs elsewhere: DAREDEVIL_LIVEKIT_URL, _API_KEY and _API_SECRET"
        raise StartFailed(f"{error}; {remote}") from error
    webhook = f"http://127.0.0.1:{addresses.page_port}/livekit/webhook"
    command = livekit_command(binary, livekit_folder(settings.data_dir), addresses.livekit_ports, webhook)
    # It has nothing to keep, and on SIGTERM would wait for everybody to leave their room.
    return [Program(LIVEKIT, command, stop=signal.SIGKILL), door]


def livekit_line(addresses: Addresses) -> str:
    """Say where the rooms are, nothing if there are none."""
    if not addresses.livekit_url:
        return ""
    which = "using the LiveKit server at" if addresses.livekit_ports is None else "LiveKit server of this machine:"
    return f"{which} {addresses.livekit_url}"


def stop_order(parts: Iterable[Program | App]) -> list[tuple[str, ...]]:
    """Return who is stopped together: the doors first, so that their calls end; those who keep what was said, last."""
    known = {*chain.from_iterable(_STOPPED_FIRST), *_STOPPED_LAST}
    projecting = tuple(part.name for part in parts if isinstance(part, App) and part.projects)
    others = tuple(part.name for part in parts if part.name not in known and part.name not in projecting)
    return [*_STOPPED_FIRST, projecting, _STOPPED_LAST, others]


def keepers(settings: Settings) -> list[Program | App]:
    """Return what keeps copies of the log: servers and projections. Calls do not need them. Raises StartFailed."""
    parts: list[Program | App] = []
    if not settings.postgres_url:
        command = postgres_command(data_folder(settings.data_dir))
        # SIGTERM would wait for its clients to leave.
        parts.append(Program(POSTGRES, command, stop=signal.SIGINT, needed=False))
    try:
        rows = projections(settings)
    except UnknownProjection as error:
        raise StartFailed(str(error)) from error
    parts += [App(row.process, row.app, needed=False, projects=True) for row in rows if row.enabled(settings)]
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
        "DAREDEVIL_PORT": str(addresses.page_port or settings.port),
        HELD_DIR: str(held_dir(settings)),
        "DAREDEVIL_PORT_FILE": str(settings.data_dir.absolute() / "run" / "port"),
        **_livekit_environment(settings, addresses),
    }


def held_dir(settings: Settings) -> Path:
    """Return where processes note the jobs that they hold."""
    return settings.data_dir.absolute() / "run" / "held"


def _livekit_environment(settings: Settings, addresses: Addresses) -> dict[str, str]:
    if addresses.livekit_ports is None:
        return {}
    key = livekit_key(livekit_folder(settings.data_dir))
    return {
        "DAREDEVIL_LIVEKIT_URL": addresses.livekit_url,
        "DAREDEVIL_LIVEKIT_API_KEY": key.key,
        "DAREDEVIL_LIVEKIT_API_SECRET": key.secret,
    }


def environment_for(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one part: the secrets of the doors are for the doors only."""
    if name in (BRIDGE, BRIDGE_LIVEKIT):
        return dict(environment)
    # Empty rather than absent: it wins over a line in `.env`.
    return {**environment, **dict.fromkeys(DOOR_SECRETS, "")}


def port_problem(host: str, port: int) -> tuple[str, str] | None:
    """Return why the page's port cannot be listened on, and what to do about the setting at fault; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = f"cannot listen on port {port} of {host} ({error.strerror or error})"
            if isinstance(error, socket.gaierror) or error.errno in NOT_OURS:
                return why, "set DAREDEVIL_HOST to an address of this machine (0.0.0.0 for all of them)"
            if error.errno == errno.EACCES:
                return why, "choose a port above 1023 with DAREDEVIL_PORT"
            return why, "stop the program that has it, or choose another port with DAREDEVIL_PORT (0: any free one)"
    return None


NOT_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL)
"""What binding to an address of another machine, or of a family that is not here, ends with."""


def check_port(host: str, port: int) -> None:
    """Make sure that the page's port can be listened on. Raises StartFailed naming the setting to change."""
    if problem := port_problem(host, port):
        raise StartFailed(f"{problem[0]}: {problem[1]}")
