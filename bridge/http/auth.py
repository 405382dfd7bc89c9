"""Keys of the API: who may read what other people have said, or erase it; who may have tokens for rooms."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bridge.http.limiting import Addresses
from bridge.http.problems import Code, Problem
from infra.settings import Settings

WRONG_PER_S, WRONG_BURST = 0.5, 20
"""Wrong keys that one address may try; then it has to wait."""

_bearer = HTTPBearer(auto_error=False, description="The key set by the route's setting, such as DAREDEVIL_ADMIN_KEY.")

GivenKey = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""The key that came with a request."""


class Key:
    """A key of the settings that requests must show as `Authorization: Bearer <key>`."""

    def __init__(self, key: str, setting: str, code_without: Code) -> None:
        self._key = key.strip().encode()
        self._setting = setting
        self._code_without = code_without
        self._wrong = Addresses(WRONG_PER_S, WRONG_BURST)

    @property
    def is_set(self) -> bool:
        """Whether there is one; without it nothing is right."""
        return bool(self._key)

    def check(self, request: Request, given: HTTPAuthorizationCredentials | None) -> None:
        """Return if the request has the key. Raises Problem."""
        if not self._key:
            message = f"this route is closed: set {self._setting} and send it as `Authorization: Bearer <key>`"
            raise Problem(self._code_without, message)
        if given is not None and secrets.compare_digest(given.credentials.encode(), self._key):
            return
        if given is not None:
            self._wrong.take(request.client.host if request.client else "")
        message = f"send the key of {self._setting} as `Authorization: Bearer <key>`"
        raise Problem("unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def admin_only(settings: Settings) -> Callable[..., Awaitable[None]]:
    """Return the dependency of routes that need `Authorization: Bearer <DAREDEVIL_ADMIN_KEY>`."""
    key = Key(settings.admin_key, "DAREDEVIL_ADMIN_KEY", "no-admin-key")

    async def check(request: Request, given: GivenKey = None) -> None:
        key.check(request, given)

    return check
