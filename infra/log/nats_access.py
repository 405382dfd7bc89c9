"""How a process proves who it is to NATS, and how it knows the server: from the settings, for every connection."""

import base64
import binascii
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import PubAck

from contracts.topology import OPERATOR, inbox_prefix, user_of
from infra.cannot_run import CannotRun
from infra.log.nkeys import BadSeed, UserKey
from infra.process.tasks import cancellation_kept
from infra.settings import Settings
from infra.settings_types import items_of

PROCESS = "{process}"
"""In the name of a file of credentials it stands for the name of the process: each then has a file of its own."""

GIVE = (
    "DAREDEVIL_NATS_USER and DAREDEVIL_NATS_PASSWORD, DAREDEVIL_NATS_TOKEN, DAREDEVIL_NATS_NKEY_FILE or "
    "DAREDEVIL_NATS_CREDS_FILE"
)


ACCESS = (
    *("nats_user", "nats_password", "nats_jetstream_user", "nats_token", "nats_nkey_file", "nats_creds_file"),
    *("nats_tls_ca_file", "nats_tls_cert_file", "nats_tls_key_file"),
)
"""The settings, in lower case, that say how to connect to the NATS of DAREDEVIL_NATS_URL, and to no other."""

WHERE_OPERATOR_IS = (
    "commands connect as `operator`: run them where its credentials are, in compose by `docker compose run --rm "
    "provision daredevil …` (Kubernetes: docs/kubernetes.md)"
)


class BadNatsAccess(CannotRun):
    """A file of credentials or certificates cannot be used; the message says which, why, and what to do."""


class NoTls(NatsError):
    """The server offers no TLS, and the settings want it: nothing has been sent to it."""


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """What a process shows a NATS server, and whom it trusts. `kind` names it for people, empty if it shows nothing."""

    kind: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    """Options of nats-py's `connect`."""
    public_key: str = ""
    tls: ssl.SSLContext | None = None
    jetstream: "NatsAccess | None" = None
    """That of the second user, which asks JetStream; None if one user does all."""


_SPACES = " \t\r\n\v\f"


class AccessClient(Client):
    """A nats-py client that proves who it is with our keys, and refuses a server without TLS where TLS is wanted.

    nats-py's own keys need the package `nkeys`, which has no wheel; and it sends its password to a server that offers
    no TLS, whatever it was told. Its requests lose a cancellation that comes together with the answer.
    """

    def __init__(self, access: NatsAccess, publisher: "AccessClient | None" = None) -> None:
        super().__init__()
        self._public_nkey = access.public_key or None
        self._wants_tls = access.tls is not None
        self._publisher = publisher or self
        """Publishes what JetStream stores, where this is the second connection of a process."""
        self.asks_jetstream = AccessClient(access.jetstream, self) if access.jetstream is not None else self
        """The connection that asks JetStream: the second one of a process with two users, else this."""

    def jetstream(self, **options: Any) -> JetStreamContext:
        """Return a context that asks JetStream by one connection of the process and publishes by the other."""
        return _JetStream(self.asks_jetstream, self._publisher, **options)

    async def request(self, *args: Any, **options: Any) -> Msg:
        """Ask and return the answer, as nats-py's client does: so JetStream is asked, too, and told what to store."""
        with cancellation_kept():
            return await super().request(*args, **options)

    def abandon(self) -> None:
        """Close the socket of a connection that was not made."""
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        # As nats-py's own, in a third of the time: what is read back from the log has up to seven headers a message.
        found: dict[str, str] = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            name = name.strip(_SPACES)
            if colon and name.isascii() and len(name.split()) <= 1:
                found[name] = value.strip(_SPACES)
        return found

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # However this connection ends, the other one goes with it.
        await super()._close(status, do_cbs)
        if self.asks_jetstream is not self:
            await self.asks_jetstream.close()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        wants_tls = self._wants_tls or (self._current_server is not None and self._current_server.uri.scheme == "tls")
        if initial_connection and wants_tls and not info.get("tls_required"):
            raise NoTls("the server offers no TLS")
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        # Asked for right after the TLS handshake, of which nats-py does not tell its reader: asyncio then warned at
        # each end of a connection, and the reader held nobody back.
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None and writer.get_extra_info("sslcontext") is not None:
            protocol = writer.transport.get_protocol()
            if protocol is not None:  # else the server has ended the connection already
                protocol.connection_made(writer.transport)
        command: bytes = super()._connect_command()
        return command


class _JetStream(JetStreamContext):
    """Asks JetStream by one connection, and publishes by another."""

    def __init__(self, asking: Client, publisher: Client, **options: Any) -> None:
        super().__init__(asking, **options)
        self._publishing = JetStreamContext(publisher, **options)

    async def publish(self, *args: Any, **options: Any) -> PubAck:
        """Store a message, as nats-py's context does."""
        return await self._publishing.publish(*args, **options)


async def connect(url: str, process: str, settings: Settings, **options: Any) -> Client:
    """Connect a process to NATS, one server or several by commas, with the credentials of the settings.

    A process with two users has two connections. The second one asks JetStream, and closes with the one returned.
    `options` are nats-py's. Raises BadNatsAccess before anything is sent, nats errors, OSError.
    """
    access = access_of(settings, url, process)
    client = AccessClient(access)
    tls = {"tls": access.tls} if access.tls is not None else {}
    options = {"inbox_prefix": inbox_prefix(process), **options, **tls}
    try:
        await client.connect(items_of(url), **{**options, **dict(access.options)})
        if access.jetstream is not None:
            # The first connection tells of losses and returns.
            options |= {"disconnected_cb": None, "reconnected_cb": None, "closed_cb": None}
            await client.asks_jetstream.connect(items_of(url), **{**options, **dict(access.jetstream.options)})
    except BaseException:
        client.asks_jetstream.abandon()
        client.abandon()
        raise
    return client


def access_of(settings: Settings, url: str, process: str = OPERATOR) -> NatsAccess:
    """Return the access of a process. A user in the URL counts before the settings. Raises BadNatsAccess.

    Without DAREDEVIL_NATS_URL the server is one of our own, and what the settings say is for another.
    """
    in_url = [each for each in map(_parts_of, items_of(url)) if each.username]
    if not settings.nats_url:
        return NatsAccess("the user in its URL" if in_url else "")
    tls = _tls(settings)
    if in_url:
        second = _second_user(settings, unquote(in_url[0].password or ""), tls)
        return NatsAccess("the user in DAREDEVIL_NATS_URL", tls=tls, jetstream=second)
    if settings.nats_creds_file:
        return _with_creds(_path(settings.nats_creds_file, process, "DAREDEVIL_NATS_CREDS_FILE"), tls)
    if settings.nats_nkey_file:
        return _with_key(_path(settings.nats_nkey_file, process, "DAREDEVIL_NATS_NKEY_FILE"), tls)
    if settings.nats_token:
        return NatsAccess("DAREDEVIL_NATS_TOKEN", (("token", settings.nats_token),), tls=tls)
    if settings.nats_user:
        who = (("user", settings.nats_user), ("password", settings.nats_password))
        second = _second_user(settings, settings.nats_password, tls)
        return NatsAccess(f"DAREDEVIL_NATS_USER={settings.nats_user} and its password", who, tls=tls, jetstream=second)
    return NatsAccess(tls=tls)


def _parts_of(address: str) -> SplitResult:
    return urlsplit(address if "://" in address else f"//{address}")


def _second_user(settings: Settings, password: str, tls: ssl.SSLContext | None) -> NatsAccess | None:
    user = settings.nats_jetstream_user
    if not user:
        return None
    return NatsAccess(f"DAREDEVIL_NATS_JETSTREAM_USER={user}", (("user", user), ("password", password)), tls=tls)


def _path(name: str, process: str, variable: str) -> Path:
    """Return the file of a process's credentials. Raises BadNatsAccess for a command where only others have theirs."""
    path = Path(name.replace(PROCESS, user_of(process)))
    if process == OPERATOR and PROCESS in name and not path.exists() and path.parent.is_dir():
        raise BadNatsAccess(f"{variable}: {path} is not here, and {WHERE_OPERATOR_IS}")
    return path


def _with_key(path: Path, tls: ssl.SSLContext | None) -> NatsAccess:
    """Return the access with an nkey, or with two: the second asks JetStream. Raises BadNatsAccess."""
    text = _read(path, "DAREDEVIL_NATS_NKEY_FILE")
    seeds = [line for line in text.split() if line.startswith("S")] or [text]
    keys = [_key(seed, path, "DAREDEVIL_NATS_NKEY_FILE") for seed in seeds[:2]]
    second = _of_key(keys[1], f"the second key of {path}", tls) if len(keys) > 1 else None
    return _of_key(keys[0], f"the key of {path}", tls, second)


def _of_key(key: UserKey, kind: str, tls: ssl.SSLContext | None, second: NatsAccess | None = None) -> NatsAccess:
    return NatsAccess(kind, (("signature_cb", key.signature),), key.public, tls, second)


def _with_creds(path: Path, tls: ssl.SSLContext | None) -> NatsAccess:
    """Return the access with a JWT and its key, from a file as `nsc` writes it. Raises BadNatsAccess."""
    variable = "DAREDEVIL_NATS_CREDS_FILE"

    def parts() -> tuple[str, UserKey]:
        text = _read(path, variable)
        jwt, seed = _between(text, "NATS USER JWT"), _between(text, "USER NKEY SEED")
        if not jwt or not seed:
            raise BadNatsAccess(f"{variable}: {path} has no JWT with its seed: `nsc generate creds` writes such a file")
        _check_expiry(jwt, path)
        return jwt, _key(seed, path, variable)

    parts()

    # Read again at each connection: it may have been renewed. nats-py goes on trying after errors of NATS only.
    def jwt() -> bytes:
        with _errors_of_nats():
            return parts()[0].encode()

    def signature(nonce: str) -> bytes:
        with _errors_of_nats():
            return parts()[1].signature(nonce)

    given: tuple[tuple[str, Callable[..., bytes]], ...] = (("user_jwt_cb", jwt), ("signature_cb", signature))
    return NatsAccess(f"the credentials of {path}", given, tls=tls)


@contextmanager
def _errors_of_nats() -> Iterator[None]:
    try:
        yield
    except BadNatsAccess as error:
        raise NatsError(str(error)) from error


def _between(text: str, what: str) -> str:
    """Return what stands between the lines `BEGIN …` and `END …`, empty if they are not there."""
    lines = [line.strip() for line in text.splitlines()]
    begins = [number for number, line in enumerate(lines) if f"BEGIN {what}" in line]
    return next((line for line in lines[begins[0] + 1 :] if line), "") if begins else ""


def _check_expiry(jwt: str, path: Path) -> None:
    """Raise BadNatsAccess if a JWT has expired, or is none. Its signature is the server's business."""
    try:
        claims = jwt.split(".")[1]
        expires_s = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("exp", 0)
    except (IndexError, ValueError, AttributeError, binascii.Error):
        raise BadNatsAccess(f"DAREDEVIL_NATS_CREDS_FILE: the JWT in {path} cannot be read: issue it again") from None
    if expires_s and expires_s < time.time():
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expires_s))
        raise BadNatsAccess(f"DAREDEVIL_NATS_CREDS_FILE: the JWT in {path} expired at {when}: issue a new one")


def _key(seed: str, path: Path, variable: str) -> UserKey:
    try:
        return UserKey.of_seed(seed)
    except BadSeed as error:
        raise BadNatsAccess(f"{variable}: {path} has no seed of a user's key: {error}") from None


def _read(path: Path, variable: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadNatsAccess(f"{variable}: {path} cannot be read ({_why(error)})") from None


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Return whom to trust and what to present; None if the settings say nothing about TLS. Raises BadNatsAccess."""
    ca, cert = settings.nats_tls_ca_file, settings.nats_tls_cert_file
    if not ca and not cert:
        return None
    if ca:
        _read(Path(ca), "DAREDEVIL_NATS_TLS_CA_FILE")
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError as error:
        raise BadNatsAccess(f"DAREDEVIL_NATS_TLS_CA_FILE: {ca} has no certificate in PEM ({error.reason})") from None
    if cert:
        key = settings.nats_tls_key_file
        text = _read(Path(cert), "DAREDEVIL_NATS_TLS_CERT_FILE")
        if not key and "BEGIN CERTIFICATE" in text and "PRIVATE KEY" not in text:
            raise BadNatsAccess(
                f"DAREDEVIL_NATS_TLS_CERT_FILE: {cert} has no private key: set DAREDEVIL_NATS_TLS_KEY_FILE"
            )
        _read(Path(key or cert), "DAREDEVIL_NATS_TLS_KEY_FILE")
        try:
            context.load_cert_chain(cert, key or None, password="")
        except (ssl.SSLError, OSError) as error:
            raise BadNatsAccess(
                f"DAREDEVIL_NATS_TLS_CERT_FILE: {cert} and its key {key or '(in the same file)'} do not fit together, "
                f"or are no PEM without a passphrase ({getattr(error, 'reason', None) or error})"
            ) from None
    return context
