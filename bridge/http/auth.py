"""The admin key: who may read what other people have said, or erase it."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bridge.http.limiting import Addresses
from bridge.http.problems import Problem
from infra.settings import Settings

WRONG_PER_S, WRONG_BURST = 0.5, 20
"""Wrong keys that one address may try; then it has to wait."""

_bearer = HTTPBearer(auto_error=False, description="The key set by DAREDEVIL_ADMIN_KEY.")


def admin_only(settings: Settings) -> Callable[..., Awaitable[None]]:
    """Return the dependency of routes that need `Authorization: Bearer <DAREDEVIL_ADMIN_KEY>`."""
    key = settings.admin_key.strip().encode()
    wrong = Addresses(WRONG_PER_S, WRONG_BURST)

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
    ) -> None:
        if not key:
            message = "this route is closed: set DAREDEVIL_ADMIN_KEY and send it as `Authorization: Bearer <key>`"
            raise Problem("no-admin-key", message)
        if given is not None and secrets.compare_digest(given.credentials.encode(), key):
            return
        if given is not None:
            wrong.take(request.client.host if request.client else "")
        message = "send the admin key as `Authorization: Bearer <key>`"
        raise Problem("unauthorized", message, headers={"WWW-Authenticate": "Bearer"})

    return check
