"""What a whole system consists of: the apps of `infra.system.apps`, the projections, and the servers that they use."""

import signal
import sys
from dataclasses import dataclass

from infra.livekit.key import livekit_folder
from infra.postgres_url import data_folder
from infra.projection import UnknownProjection, projections
from infra.settings import Settings
from infra.system.addresses import Addresses, needs_local_llm
from infra.system.apps import APPS, BEING_LATE, STANDING_BACK, App, Stage
from infra.system.livekit import LiveKitMissing, livekit_server_path
from infra.system.livekit import command as livekit_command
from infra.system.postgres import command as postgres_command
from infra.system.start_failed import StartFailed

NATS, LLM, LIVEKIT, POSTGRES = "nats", "llm", "livekit", "postgres"


@dataclass(frozen=True, slots=True)
class Program:
    """A process with its own command line, ended by the signal `stop`.

    The system becomes ready without one that is not `needed`, and continues if it cannot be started.
    """

    name: str
    command: tuple[str, ...]
    stop: signal.Signals = signal.SIGTERM
    needed: bool = True
    stage: Stage = Stage.SERVER
    niceness: int = STANDING_BACK
    health_url: str = ""
    """It is ready once this URL returns 200; without one, once it answers health requests as an app does."""


def processes(settings: Settings, addresses: Addresses) -> list[Program | App]:
    """Return what to run besides NATS. Raises StartFailed saying what is missing."""
    apps = [copy for app in APPS for copy in app.copies(settings)]
    return [*_llm(settings, addresses), *apps, *_livekit(settings, addresses), *keepers(settings)]


def _llm(settings: Settings, addresses: Addresses) -> list[Program]:
    if not needs_local_llm(settings):
        return []
    command = (sys.executable, "-m", "infra.system.llm", "--port", str(addresses.llm_port))
    return [Program(LLM, command, health_url=addresses.llm_url.removesuffix("/v1") + "/health")]


def _livekit(settings: Settings, addresses: Addresses) -> list[Program]:
    """Return the LiveKit server; none if the door is closed or uses one elsewhere, whose key must be set."""
    if not addresses.livekit_url:
        return []
    if addresses.livekit_ports is None:
        if missing := settings.unset("livekit_api_key", "livekit_api_secret"):
            raise StartFailed(f"DAREDEVIL_LIVEKIT_URL is {addresses.livekit_url}. Also set {' and '.join(missing)}")
        return []
    try:
        binary = livekit_server_path(settings.livekit_server)
    except LiveKitMissing as error:
        remote = "or use one that runs elsewhere: DAREDEVIL_LIVEKIT_URL, _API_KEY and _API_SECRET"
        raise StartFailed(f"{error}; {remote}") from error
    webhook = f"http://127.0.0.1:{addresses.page_port}/livekit/webhook"
    command = livekit_command(binary, livekit_folder(settings.data_dir), addresses.livekit_ports, webhook)
    health_url = addresses.livekit_url.replace("ws://", "http://", 1) + "/"
    # It has nothing to keep, and on SIGTERM would wait for everybody to leave their room.
    return [Program(LIVEKIT, command, stop=signal.SIGKILL, niceness=0, health_url=health_url)]


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
    enabled = [row for row in rows if row.enabled(settings)]
    return parts + [App(row.process, row.app, Stage.PROJECTION, needed=False, niceness=BEING_LATE) for row in enabled]
