"""The compose files for production as a machine has them that others cannot reach: secrets, ports and a certificate."""

import datetime
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.system.nats import free_port
from tests.bridge.web.tokens import token as user_token
from tests.stack.stack import COMPOSE, IMAGE, Stack

DOMAIN = "localhost"
"""It resolves everywhere; the names below it are asked for by name at its address."""

TOKEN_S = 3600
"""How long a token is good for: longer than a test."""

NODE_IP = "10.89.30.10"
"""LiveKit's container in the network `edge`: this machine reaches it there."""


@dataclass(frozen=True, slots=True)
class ProductionFiles:
    """A copy of the compose files in `folder`, with its secrets; where the proxy and the relay listen on loopback."""

    folder: Path
    https_port: int
    http_port: int
    turn_port: int

    @property
    def certificate(self) -> Path:
        """What a client has to trust."""
        return self.folder / "traefik" / "test.crt"

    @property
    def https_url(self) -> str:
        """The page, behind the proxy."""
        return f"https://{DOMAIN}:{self.https_port}"

    @property
    def token(self) -> str:
        """A caller's, as your login would give it to them."""
        return user_token("sam", self.secret("auth"), exp=int(time.time()) + TOKEN_S)

    def secret(self, name: str) -> str:
        """Return a secret as a process reads it."""
        return (self.folder / "secrets" / name).read_text().strip()


def production_files(parent: Path) -> ProductionFiles:
    """Copy the files, and change what cannot be had here: ports of everybody, and Let's Encrypt."""
    folder = parent / "compose"
    shutil.copytree(COMPOSE, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    shutil.copytree(COMPOSE.parent / "monitoring", parent / "monitoring")
    given = {**os.environ, "CONTAINER_ENGINE": "podman", "IMAGE": IMAGE}
    subprocess.run(["sh", "secrets.sh"], cwd=folder, env=given, check=True, capture_output=True)
    files = ProductionFiles(folder, free_port(), free_port(), free_port())
    _replace(
        folder / "compose.production.yaml",
        {
            '["80:80", "443:443"]': f'["127.0.0.1:{files.http_port}:80", "127.0.0.1:{files.https_port}:443"]',
            'ports: ["7881:7881/tcp", "7882:7882/udp"]': "ports: []",
            "--listening-port=3478": f"--listening-port={files.turn_port}",
            "      - --fingerprint\n": "      - --fingerprint\n      - --listening-ip=127.0.0.1\n",
        },
    )
    signed = "{certFile: /etc/traefik/test.crt, keyFile: /etc/traefik/test.key}"
    _replace(folder / "traefik" / "dynamic.yaml", {"tls:\n  options:": f"tls:\n  certificates: [{signed}]\n  options:"})
    _sign(files.certificate, folder / "traefik" / "test.key")
    return files


async def log_url(production: Stack, server: str) -> str:
    """Return where one of the servers answers this machine, which is in none of its networks but can reach them."""
    return f"nats://{await production.address_of(server)}:4222"


def _replace(file: Path, changes: dict[str, str]) -> None:
    text = file.read_text()
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text)


def _sign(certificate_file: Path, key_file: Path) -> None:
    """Write a certificate for the three names of the proxy, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    names = [x509.DNSName(each) for each in (DOMAIN, f"api.{DOMAIN}", f"rooms.{DOMAIN}")]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
