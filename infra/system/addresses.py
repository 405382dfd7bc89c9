"""Addresses of a system's servers: external ones where set, else free ports of this machine."""

from dataclasses import dataclass

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
    llm_url: str
    llm_port: int
    nats_port: int | None
    livekit_url: str = ""
    livekit_ports: LiveKitPorts | None = None
    page_port: int = 0
    """The page's port, 0 for any free one that the door picks; LiveKit's webhook needs it beforehand."""


def choose_addresses(settings: Settings) -> Addresses:
    """Return external servers where set, free ports of loopback for the others; they stay while the system runs."""
    nats_port = None if settings.nats_url else free_port()
    nats_url = settings.nats_url or f"nats://127.0.0.1:{nats_port}"
    livekit_ports = free_livekit_ports() if settings.livekit and not settings.livekit_url else None
    livekit_url = livekit_ports.url if livekit_ports is not None else settings.livekit_url
    llm_port = free_port() if needs_local_llm(settings) else 0
    llm_url = f"http://127.0.0.1:{llm_port}/v1" if llm_port else settings.llm_url
    page_port = settings.port or (free_port() if livekit_ports is not None else 0)
    return Addresses(nats_url, llm_url, llm_port, nats_port, livekit_url, livekit_ports, page_port)


def needs_local_llm(settings: Settings) -> bool:
    """Return whether a local language model server has to be started."""
    return "local" in engine_names(settings.llm) and not settings.llm_url


def livekit_line(addresses: Addresses) -> str:
    """Return the address of the LiveKit server, empty if there is none."""
    if not addresses.livekit_url:
        return ""
    which = "using the LiveKit server at" if addresses.livekit_ports is None else "LiveKit server of this machine:"
    return f"{which} {addresses.livekit_url}"
