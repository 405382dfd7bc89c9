"""Authentication and TLS for Pulsar's broker and its admin API."""

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulsar

from infra.settings import Settings

FILE = "file:"


class NoAccess(RuntimeError):
    """A token or certificate named in the settings cannot be used; the message says which and why."""


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of `pulsar.Client` besides its address. Raises NoAccess."""
    options: dict[str, Any] = {"tls_validate_hostname": True}
    if settings.pulsar_tls_ca_file:
        options["tls_trust_certs_file_path"] = _readable("PULSAR_TLS_CA_FILE", settings.pulsar_tls_ca_file)
    if settings.pulsar_tls_cert_file:
        certificate = _readable("PULSAR_TLS_CERT_FILE", settings.pulsar_tls_cert_file)
        key = _readable("PULSAR_TLS_KEY_FILE", settings.pulsar_tls_key_file or settings.pulsar_tls_cert_file)
        options |= {"tls_certificate_file_path": certificate, "tls_private_key_file_path": key}
        options["authentication"] = pulsar.AuthenticationTLS(certificate, key)
    if settings.pulsar_token:
        options["authentication"] = pulsar.AuthenticationToken(_supplier(settings))
    return options


def _supplier(settings: Settings) -> Callable[[], str]:
    """Return the client's token provider, called at each connection to use a renewed token. Raises NoAccess."""
    known = _token(settings)

    def token() -> str:
        nonlocal known
        # It is called in the client's own thread, where an exception would end the process.
        with contextlib.suppress(NoAccess):
            known = _token(settings)
        return known

    return token


def admin_headers(settings: Settings) -> dict[str, str]:
    """Return the headers that authenticate us at the admin API. Raises NoAccess."""
    return {"Authorization": f"Bearer {_token(settings)}"} if settings.pulsar_token else {}


def admin_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context for the admin API, None if its address is not `https`. Raises NoAccess."""
    if not settings.pulsar_admin_url.startswith("https:"):
        return None
    trusted = _readable("PULSAR_TLS_CA_FILE", settings.pulsar_tls_ca_file) if settings.pulsar_tls_ca_file else None
    try:
        context = ssl.create_default_context(cafile=trusted)
        if settings.pulsar_tls_cert_file:
            context.load_cert_chain(settings.pulsar_tls_cert_file, settings.pulsar_tls_key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NoAccess(f"the certificates of DAREDEVIL_PULSAR_TLS_*_FILE cannot be used: {error}") from error
    return context


def _token(settings: Settings) -> str:
    """Return the token, read from its file if the settings name one."""
    if not settings.pulsar_token.startswith(FILE):
        return settings.pulsar_token
    path = Path(settings.pulsar_token.removeprefix(FILE))
    try:
        token = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise NoAccess(f"DAREDEVIL_PULSAR_TOKEN names {path}, which cannot be read: {error}") from error
    if not token:
        raise NoAccess(f"DAREDEVIL_PULSAR_TOKEN names {path}, which is empty")
    return token


def _readable(setting: str, path: str) -> str:
    """Return the path if it is a readable file: the client's own error would only be that it cannot connect."""
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise NoAccess(f"DAREDEVIL_{setting} names {path}, which cannot be read: {error.strerror}") from error
