"""What servers with TLS and accounts need: certificates of an authority of the test's own, and JWTs of an operator."""

import base64
import ipaddress
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from infra.log.nkeys import UserKey, _text

OPERATOR, ACCOUNT = 14 << 3, 0


def certificates(folder: Path, name: str = "ours", days: float = 1) -> None:
    """Write the certificate of an authority, and of 127.0.0.1 with a key: `<name>-ca.pem`, `-cert.pem`, `-key.pem`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    now = datetime.now(UTC)

    def signed(key: ec.EllipticCurvePrivateKey, subject: x509.Name, is_authority: bool) -> bytes:
        builder = (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days if not is_authority else 1))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if not is_authority:
            here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
            builder = builder.add_extension(here, critical=False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    (folder / f"{name}-ca.pem").write_bytes(signed(authority, issuer, is_authority=True))
    (folder / f"{name}-cert.pem").write_bytes(signed(key, subject, is_authority=False))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}-key.pem").write_bytes(private)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with one account that has JetStream."""

    operator: UserKey
    account: UserKey

    @classmethod
    def new(cls) -> "Operator":
        return cls(UserKey.generated(), UserKey.generated())

    def server_lines(self) -> str:
        """What a server that trusts it has in its configuration."""
        operator = self._jwt(self.operator, OPERATOR, _public(self.operator, OPERATOR), {"type": "operator"})
        limits = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1, "conn": -1, "subs": -1}
        limits |= {"imports": -1, "exports": -1, "data": -1, "payload": -1, "wildcards": True, "leaf": -1}
        system = UserKey.generated()
        ids = [_public(key, ACCOUNT) for key in (self.account, system)]
        # JetStream's limits are for the first one: the system's account cannot have it.
        without = {name: limit for name, limit in limits.items() if "storage" not in name}
        accounts = [
            self._jwt(self.operator, OPERATOR, account_id, {"type": "account", "limits": limit})
            for account_id, limit in zip(ids, (limits, without), strict=True)
        ]
        preload = ", ".join(f"{account_id}: {jwt}" for account_id, jwt in zip(ids, accounts, strict=True))
        return f"operator: {operator}\nsystem_account: {ids[1]}\nresolver: MEMORY\nresolver_preload: {{ {preload} }}\n"

    def creds(self, expires_in_s: float = 600) -> str:
        """A file of credentials for a new user of the account."""
        user = UserKey.generated()
        claims = {"type": "user", "subs": -1, "data": -1, "payload": -1}
        jwt = self._jwt(self.account, ACCOUNT, user.public, claims, int(time.time() + expires_in_s))
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )

    def _jwt(self, by: UserKey, role: int, subject: str, claims: dict[str, object], expires_s: int = 0) -> str:
        body = {"jti": "x", "iat": int(time.time()), "iss": _public(by, role), "name": "test", "sub": subject}
        body |= {"nats": {**claims, "version": 2}, **({"exp": expires_s} if expires_s else {})}
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        signed = f"{_base64(json.dumps(head).encode())}.{_base64(json.dumps(body).encode())}"
        return f"{signed}.{_base64(by.private.sign(signed.encode()))}"


def _public(key: UserKey, role: int) -> str:
    return _text(bytes([role]) + key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
