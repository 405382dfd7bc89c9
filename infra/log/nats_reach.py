"""Whether a NATS server answers, as one line: for commands that end without it, and processes that wait for it."""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import AuthorizationError, NoServersError, UnexpectedEOF
from nats.errors import Error as NatsError
from nats.js.errors import APIError, ServiceUnavailableError
from nats.js.errors import Error as JetStreamError

from contracts.topology import OPERATOR
from infra.cannot_run import CannotRun
from infra.log.client_errors import FORBIDDEN
from infra.log.jetstream_errors import TEMPORARILY_UNAVAILABLE
from infra.log.nats_access import GIVE, WHERE_OPERATOR_IS, NoTls, access_of, connect
from infra.settings import settings
from infra.settings_given import how_to_unset
from infra.settings_types import items_of

log = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0

MOST_SERVERS = "a cluster needs more than half of its servers"

CONNECT_S = 3.0
"""How long a server may take for each step of a connection: a command is not to wait longer for one that is silent."""


class NatsUnusable(CannotRun):
    """A command cannot use NATS: none answers, or it says no; the message says why, and what to do."""


class NatsRefuses(CannotRun, ConnectionError):
    """NATS answers, and will not let this process in however often it tries; the message says what to do."""


def shown_url(url: str) -> str:
    """Return the address of one or several servers without user and password."""
    return ",".join(_without_user(each.strip()) for each in url.split(","))


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


async def connect_once(
    url: str, failed: Callable[[Exception], Awaitable[None]] | None = None, process: str = OPERATOR
) -> Client:
    """Connect to NATS without retries, to the first of several servers that answers.

    `failed` is called with each server's error. Raises BadNatsAccess, nats errors, OSError.
    """
    refusing, is_connecting = 0, True

    async def note(error: Exception) -> None:
        nonlocal refusing
        if failed is not None:
            await failed(error)
        refusing += is_refusal(error)
        # nats-py would ask again, and after a failed TLS handshake it waits for an end that never comes.
        if is_connecting and refusing >= len(items_of(url)):
            raise error

    # Without reconnects nats-py would try the first connection for ever.
    nc = await connect(
        url,
        process,
        settings(),
        connect_timeout=CONNECT_S,
        max_reconnect_attempts=1,
        reconnect_time_wait=0.1,
        error_cb=note,
    )
    is_connecting = False
    return nc


async def connected(
    url: str, failed: Callable[[Exception], Awaitable[None]] | None = None, timeout_s: float = 5
) -> Client:
    """Connect a command to NATS, as `connect_once` does. Raises NatsUnusable, BadNatsAccess."""
    causes: list[Exception] = []

    async def note(error: Exception) -> None:
        causes.append(error)
        if failed is not None:
            await failed(error)

    try:
        async with asyncio.timeout(timeout_s):
            return await connect_once(url, note)
    except (NatsError, OSError, ValueError) as error:
        raise NatsUnusable(unusable(_told(error, causes, timeout_s), url)) from error


async def why_unusable(url: str, timeout_s: float = 5) -> str:
    """Return a sentence that says why a command cannot use NATS at `url`, and what to do; empty if it can."""
    error = await error_at(url, timeout_s, OPERATOR)
    return unusable(error, url) if error is not None else ""


def unusable(error: Exception, url: str) -> str:
    """Return a sentence that says why a command cannot use NATS, and what to do: it is away, or it says no."""
    problem = in_words(error, url)
    if is_answer(error):
        return f"NATS at {shown_url(url)} cannot be used: {problem}"
    given = f", correct DAREDEVIL_NATS_URL, or {how_to_unset('nats_url')} to use the embedded one"
    return f"NATS at {shown_url(url)} does not answer ({problem}): start it{given if settings().nats_url else ''}"


async def error_at(url: str, timeout_s: float = 5, process: str = OPERATOR) -> Exception | None:
    """Return why NATS with JetStream cannot be used at `url`; None if it can. `in_words` says what it means."""
    causes: list[Exception] = []

    async def failed(error: Exception) -> None:
        causes.append(error)

    try:
        async with asyncio.timeout(timeout_s):
            nc = await connect_once(url, failed, process)
            try:
                await nc.jetstream(timeout=timeout_s).account_info()
            finally:
                await nc.close()
    except (NatsError, OSError, ValueError, CannotRun) as error:
        return _told(error, causes, timeout_s)
    return None


def _told(error: Exception, causes: list[Exception], timeout_s: float) -> Exception:
    """Return what there is to tell of an attempt that ended with `error`, after these errors of the servers."""
    if isinstance(error, TimeoutError):
        forbidden = next(filter(is_forbidden, causes), None)
        return forbidden or TimeoutError(f"no answer within {timeout_s:g} s")
    # "No servers available" hides what each server said, or that there was none.
    told = [cause for cause in causes if is_refusal(cause)] or causes
    return told[0] if isinstance(error, NoServersError) and told else error


def is_answer(error: Exception) -> bool:
    """Return whether a server is there, and says no or has no JetStream; else none answers."""
    return is_refusal(error) or is_forbidden(error) or isinstance(error, JetStreamError)


def is_refusal(error: Exception) -> bool:
    """Return whether a server answers and does not let us in: trying again changes nothing."""
    refusals = (AuthorizationError, CannotRun, NoTls, ssl.SSLError)
    return isinstance(error, refusals) or _is_of_authorization(error)


def is_forbidden(error: Exception) -> bool:
    """Return whether the server said that this user may not publish or subscribe something."""
    return FORBIDDEN in str(error).lower()


def _is_of_authorization(error: Exception) -> bool:
    text = str(error).lower()
    return "authorization" in text or "authentication" in text


def in_words(error: Exception, url: str, process: str = OPERATOR) -> str:
    """Return what went wrong with a connection, and what to do about it."""
    if isinstance(error, CannotRun):
        return str(error)
    if isinstance(error, JetStreamError):
        return _without_jetstream(error)
    if is_forbidden(error):
        return _forbidden(error, process)
    if isinstance(error, ssl.SSLError):
        return _tls_problem(error)
    if isinstance(error, NoTls):
        return (
            "it offers no TLS, which the settings want: nothing was sent to it. Enable TLS there, or "
            f"{_without_tls(url)}"
        )
    if _is_of_authorization(error):
        return _refused(error, url, process)
    if isinstance(error, UnexpectedEOF | ConnectionResetError):
        return (
            "it ended the connection at once: with TLS it may want a client certificate: DAREDEVIL_NATS_TLS_CERT_FILE"
        )
    if isinstance(error, OSError) and (why := _os_problem(error)):
        return why
    return str(error).removeprefix("nats: ") or type(error).__name__


def why_away(error: Exception) -> str:
    """Return in words why NATS answers a process nothing that has a connection to it."""
    if isinstance(error, ServiceUnavailableError):
        return f"JetStream cannot be used at the moment: {MOST_SERVERS}"
    return f"NATS does not answer: {str(error).removeprefix('nats: ') or type(error).__name__}"


def _os_problem(error: OSError) -> str:
    """Return what the system says of a connection; empty if it says nothing of it."""
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    if isinstance(error, TimeoutError):
        return str(error) or f"no answer within {CONNECT_S:g} s"
    # asyncio's and uvloop's wordings differ.
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else ""


def _without_tls(url: str) -> str:
    """Return what to change so that a connection without TLS is accepted."""
    given = [name for name in ("nats_tls_ca_file", "nats_tls_cert_file") if getattr(settings(), name)]
    ways = [how_to_unset(name) for name in given]
    if any(each.startswith("tls://") for each in items_of(url)):
        ways.append("write nats:// in DAREDEVIL_NATS_URL")
    return " and ".join(ways)


def _without_jetstream(error: JetStreamError) -> str:
    if isinstance(error, APIError) and error.err_code == TEMPORARILY_UNAVAILABLE:
        return f"its JetStream cannot be used at the moment ({error.description}): {MOST_SERVERS}, then try again"
    why = getattr(error, "description", "") or "nobody answers for it"
    return f"it has no JetStream ({why}): start it with `-js`, and enable it for this account"


def _forbidden(error: Exception, process: str) -> str:
    what = str(error).removeprefix("nats: ").strip("'")
    remedy = WHERE_OPERATOR_IS if process == OPERATOR else "`daredevil nats-users` writes what each process needs"
    return f"this user may not do that ({what}): {remedy}"


def _refused(error: Exception, url: str, process: str) -> str:
    access = access_of(settings(), url, process)
    shown = " or ".join(each.kind for each in (access, access.jetstream) if each is not None)
    if not shown:
        return f"it lets nobody in without credentials: set {GIVE}"
    if "expired" in str(error).lower():
        return f"{shown}: expired; issue new ones"
    return f"it refuses {shown}: check that the server has this user, and that nothing is mistyped"


def _tls_problem(error: ssl.SSLError) -> str:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    if "CERTIFICATE_EXPIRED" in why:  # what the server says of ours
        return "it says that the certificate in DAREDEVIL_NATS_TLS_CERT_FILE has expired: issue a new one"
    if "expired" in why:
        return f"its TLS certificate, or that of its authority, is not valid now ({why}): renew it, or set the clock"
    if "issuer" in why or "self" in why:
        known = (
            "DAREDEVIL_NATS_TLS_CA_FILE has another one"
            if settings().nats_tls_ca_file
            else "set DAREDEVIL_NATS_TLS_CA_FILE"
        )
        return f"its TLS certificate is of an authority unknown here ({why}): {known}"
    if "mismatch" in why or "not valid for" in why:
        return f"its TLS certificate is for another name ({why}): use that name in DAREDEVIL_NATS_URL"
    if any(alert in why for alert in ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")):
        return "it wants a client certificate that it knows: set DAREDEVIL_NATS_TLS_CERT_FILE and _KEY_FILE"
    return f"TLS failed ({why})"


async def wait_for_nats(url: str, leaving: asyncio.Event, process: str = OPERATOR) -> bool:
    """Return True once NATS answers, False if `leaving` is set before; the problem is logged once, and when it ends.

    Raises NatsRefuses if it answers and does not let us in.
    """
    logged = ""
    while not leaving.is_set():
        error = await error_at(url, 5, process)
        if error is None:
            if logged:
                log.warning("NATS answers now")
            return True
        problem = in_words(error, url, process)
        if is_refusal(error):
            raise NatsRefuses(f"NATS at {shown_url(url)} cannot be used: {problem}") from error
        if problem != logged:
            log.error(
                "NATS at %s does not answer (%s); retrying. Start it (`daredevil run` starts its own), or set "
                "DAREDEVIL_NATS_URL",
                shown_url(url),
                problem,
            )
            logged = problem
        try:
            async with asyncio.timeout(ASK_AGAIN_S):
                await leaving.wait()
        except TimeoutError:
            continue
    return False
