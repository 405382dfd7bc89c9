"""Who a client is, and what it may do: the operator by the admin key, users by their tokens."""

import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection

from bridge.web.addresses import Buckets
from bridge.web.proxies import is_local
from bridge.web.resume_tokens import matches
from bridge.web.user_tokens import NOBODY, BadToken, KeysUnavailable, UserTokens
from infra.settings import SHORT_KEY_CHARS, SHORT_KEY_REMEDY, Settings

log = logging.getLogger(__name__)

WRONG_PER_S, WRONG_BURST = 0.5, 20
"""How many wrong keys and tokens one address may try before it has to wait."""


class NotLetIn(Exception):
    """A client is refused; `code` is for programs, the message says what to send."""

    def __init__(
        self, code: Literal["unauthorized", "too-many-requests", "not-available"], message: str, retry_after_s: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client that was let in. `user_id` is set if its token names it; `token` is one that is not a user's."""

    address: str = ""
    user_id: str = ""
    is_operator: bool = False
    is_believed: bool = False
    """Whether it is the user that it says it is."""
    is_local: bool = False
    token: str = ""

    def user(self, claimed: str) -> str:
        """Return the user it talks as if it says that it is `claimed`."""
        return self.user_id or (claimed if self.is_believed and claimed else NOBODY)

    def may_enter(self, user_id: str, resume_digest: str, resume_token: str) -> bool:
        """Return whether it may resume, read and close a session of a user.

        Users may with their own sessions, the operator with any; where users are not known, the client with its secret.
        """
        if self.is_operator:
            return True
        if self.user_id:
            return self.user_id == user_id
        return matches(resume_token or self.token, resume_digest)


BUS = Visitor(is_operator=True, is_believed=True)
"""A client of NATS where users are not known: it can read and write the log anyway."""


class Gate:
    """Lets clients in. All doors of a process share one, so that wrong keys are counted together."""

    def __init__(self, settings: Settings) -> None:
        self._admin_key = settings.admin_key.strip().encode()
        self._believes_all = settings.trust_user_ids == "everyone"
        self._users = UserTokens(settings) if settings.auth else None
        self._wrong = Buckets(WRONG_PER_S, WRONG_BURST)

    @property
    def knows_users(self) -> bool:
        """Whether users are known by their tokens (DAREDEVIL_AUTH)."""
        return self._users is not None

    async def visitor(self, connection: HTTPConnection, token: str = "") -> Visitor:
        """Return who a client is, by the token it sent or its `Authorization: Bearer`. Raises NotLetIn."""
        address = connection.client.host if connection.client else ""
        token = token or bearer_of(connection)
        local = is_local(connection.scope)
        if self.is_admin_key(token):
            return Visitor(address, is_operator=True, is_believed=True, is_local=local)
        if self._users is None:
            return Visitor(address, is_believed=local or self._believes_all, is_local=local, token=token)
        return Visitor(address, await self._user(self._users, token, address), is_local=local)

    async def bus_visitor(self, token: str) -> Visitor:
        """Return who a client of NATS is. Raises NotLetIn."""
        if self._users is None or self.is_admin_key(token):
            return BUS
        return Visitor(user_id=await self._user(self._users, token, "NATS"))

    def is_admin_key(self, given: str) -> bool:
        """Return whether this is the admin key."""
        given_bytes = given.encode(errors="surrogatepass")
        return bool(self._admin_key) and secrets.compare_digest(given_bytes, self._admin_key)

    def count_wrong(self, address: str) -> None:
        """Count a wrong key or token. Raises NotLetIn if there were too many."""
        if not self._wrong.take(address):
            message = "too many wrong keys or tokens came from here; wait"
            raise NotLetIn("too-many-requests", message, self._wrong.wait_s)

    async def _user(self, users: UserTokens, token: str, address: str) -> str:
        if not token:
            raise NotLetIn("unauthorized", "a token (JWT) of yours is needed: send `Authorization: Bearer <token>`")
        try:
            return await users.user_of(token)
        except BadToken as error:
            self.count_wrong(address)
            raise NotLetIn("unauthorized", f"your token is refused: {error}") from error
        except KeysUnavailable as error:
            raise NotLetIn("not-available", str(error), 5) from error


def bearer_of(connection: HTTPConnection) -> str:
    """Return the `Authorization: Bearer` token, or `?token=`: players and EventSource cannot set headers."""
    scheme, _, given = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    is_reading = connection.scope["type"] == "websocket" or connection.scope.get("method") in ("GET", "HEAD")
    return connection.query_params.get("token", "") if is_reading else ""


def warn_of_strangers(settings: Settings, is_loopback: bool) -> None:
    """Warn at start about what an open door means, and about keys that can be guessed."""
    for variable in settings.short_keys():
        log.warning("%s has under %d characters and can be guessed: %s", variable, SHORT_KEY_CHARS, SHORT_KEY_REMEDY)
    if not is_loopback and not settings.auth:
        log.warning(
            "%s is open to whoever reaches this machine: anybody may talk here, and is nobody in particular. Set "
            "DAREDEVIL_AUTH to know users by their tokens; see docs/production.md",
            settings.host,
        )
    if not is_loopback and not settings.auth and settings.trust_user_ids == "everyone":
        log.warning("DAREDEVIL_TRUST_USER_IDS=everyone: who names somebody's `user_id` is told what is known of them")
