"""Certificates and tokens for tests, made anew: nothing of them is kept."""

import base64
import hashlib
import hmac
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECRET = b"a secret of the tests, of 32 bytes or more"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: an authority, and what it has signed for the broker (127.0.0.1) and for a client."""

    authority: Path
    broker: Path
    broker_key: Path
    client: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and its two certificates, valid for a day."""
    authority, key = folder / "ca.pem", folder / "ca.key"
    _openssl("req", "-x509", "-nodes", "-subj", "/CN=authority of the tests", *_new_key(key), "-out", str(authority))
    broker, broker_key = _signed(folder, "broker", authority, key)
    client, client_key = _signed(folder, "daredevil", authority, key)
    return Certificates(authority, broker, broker_key, client, client_key)


def _signed(folder: Path, name: str, authority: Path, authority_key: Path) -> tuple[Path, Path]:
    certificate, key, request, extra = (folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
    extra.write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl("req", "-nodes", "-subj", f"/CN={name}", *_new_key(key), "-out", str(request))
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial"),
        *("-days", "1", "-extfile", str(extra), "-out", str(certificate)),
    )
    return certificate, key


def _new_key(path: Path) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-keyout", str(path), "-days", "1")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def token_of(subject: str, secret: bytes = SECRET) -> str:
    """Return a signed token (JWT, HS256) that names `subject`."""
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256"}, {"sub": subject})]
    signed = ".".join(parts)
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
