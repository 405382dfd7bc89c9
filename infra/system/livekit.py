"""A LiveKit server on this machine, for development and tests: where its binary is, its configuration, its key."""

import argparse
import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.livekit.key import LiveKitKey, livekit_key, write_private
from infra.system.nats import free_port

HOW_TO_GET_IT = (
    "get the official one (`curl -sSL https://get.livekit.io | bash`, `brew install livekit`, or a binary from "
    "https://github.com/livekit/livekit/releases), then put it on PATH or name it in DAREDEVIL_LIVEKIT_SERVER"
)


class LiveKitMissing(RuntimeError):
    """No livekit-server was found; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class LiveKitPorts:
    """Ports of loopback: `http` for signalling and the API, `tcp` and `udp` for media."""

    http: int
    tcp: int
    udp: int

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.http}"


def livekit_server_path(named: str = "") -> str:
    """Return the server's binary: the one `named`, else PATH's, else the cache folder's. Raises LiveKitMissing."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise LiveKitMissing(f"DAREDEVIL_LIVEKIT_SERVER={named} is not a program: {HOW_TO_GET_IT}")
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = shutil.which("livekit-server") or shutil.which(cache / "daredevil" / "livekit-server")
    if found is None:
        raise LiveKitMissing(f"livekit-server is not on PATH: {HOW_TO_GET_IT}")
    return str(found)


def free_livekit_ports() -> LiveKitPorts:
    """Return ports of loopback that are free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        udp: int = probe.getsockname()[1]
        return LiveKitPorts(free_port(), free_port(), udp)


def write_livekit_config(
    directory: Path, ports: LiveKitPorts, key: LiveKitKey, webhook_url: str = "", host: str = "127.0.0.1"
) -> Path:
    """Write a server configuration for loopback below `directory`; return its path. JSON is YAML, too."""
    config: dict[str, object] = {
        "port": ports.http,
        "bind_addresses": [host],
        "rtc": {
            "tcp_port": ports.tcp,
            "udp_port": ports.udp,
            # No STUN or external address is needed: clients are on this machine.
            "node_ip": host,
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "stun_servers": ["127.0.0.1:3478"],
        },
        "keys": {key.key: key.secret},
        "room": {"auto_create": True, "empty_timeout": 30, "departure_timeout": 5},
        "logging": {"level": "info"},
    }
    if webhook_url:
        config["webhook"] = {"api_key": key.key, "urls": [webhook_url]}
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "livekit.yaml"
    write_private(path, json.dumps(config, indent=2))
    return path


def command(binary: str, directory: Path, ports: LiveKitPorts, webhook_url: str) -> tuple[str, ...]:
    """Return the command line that configures and runs the embedded server."""
    numbers = ",".join(str(port) for port in (ports.http, ports.tcp, ports.udp))
    options = ("--binary", binary, "--directory", str(directory), "--ports", numbers, "--webhook", webhook_url)
    return (sys.executable, "-m", "infra.system.livekit", *options)


def main() -> None:
    """Write the configuration, then replace this process by the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--binary", "--directory", "--ports", "--webhook"):
        parser.add_argument(option, required=True)
    given = parser.parse_args()
    directory = Path(given.directory)
    ports = LiveKitPorts(*(int(port) for port in given.ports.split(",")))
    config = write_livekit_config(directory, ports, livekit_key(directory), given.webhook)
    os.execv(given.binary, [given.binary, "--config", str(config)])


if __name__ == "__main__":
    main()
