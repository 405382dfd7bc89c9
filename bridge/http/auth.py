"""Who may do what at the HTTP API: keys of the settings, users by their tokens, and whose session it is."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from faststream.nats import NatsBroker

from bridge.http.problems import Code, Problem
from bridge.http.sessions.reading import READ_PATIENCE_S, PathId, connected
from bridge.web.gate import Gate, NotLetIn, Visitor
from contracts.events import SessionOpened
from contracts.topology import (
    event_subject,
)
from infra.log.event_log import facts_after

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="The admin key, a user's JWT (DAREDEVIL_AUTH), or the `resume_token` of the session. "
    "A GET takes it as `?token=`, too.",
)

GivenKey = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
"""What came with a request as `Authorization: Bearer`."""

BEARER = {"WWW-Authenticate": "Bearer"}


def refused(error: NotLetIn) -> Problem:
    """Return the problem of a client that is not let in."""
    return Problem(error.code, str(error), error.retry_after_s, BEARER if error.code == "unauthorized" else {})


async def let_in(gate: Gate, request: Request) -> Visitor:
    """Return who asks. Raises Problem."""
    try:
        return await gate.visitor(request)
    except NotLetIn as error:
        raise refused(error) from error


class Key:
    """A key of the settings that requests must show as `Authorization: Bearer <key>`."""

    def __init__(self, key: str, setting: str, code_without: Code, gate: Gate) -> None:
        self._key = key.strip().encode()
        self._setting = setting
        self._code_without: Code = code_without
        self._gate = gate

    @property
    def is_set(self) -> bool:
        """Whether a key is set; without one, none is accepted."""
        return bool(self._key)

    def is_in(self, given: HTTPAuthorizationCredentials | None) -> bool:
        """Return whether this is what came with a request."""
        return self.is_set and given is not None and secrets.compare_digest(given.credentials.encode(), self._key)

    def check(self, request: Request, given: HTTPAuthorizationCredentials | None) -> None:
        """Check that the request has the key. Raises Problem."""
        if not self._key:
            message = f"this route is closed: set {self._setting} and send it as `Authorization: Bearer <key>`"
            raise Problem(self._code_without, message)
        if self.is_in(given):
            return
        if given is not None:
            count_wrong(self._gate, request)
        raise Problem(
            "unauthorized", f"send the key of {self._setting} as `Authorization: Bearer <key>`", headers=BEARER
        )


def count_wrong(gate: Gate, request: Request) -> None:
    """Count a wrong key. Raises Problem if there were too many."""
    try:
        gate.count_wrong(request.client.host if request.client else "")
    except NotLetIn as error:
        raise refused(error) from error


@dataclass(frozen=True, slots=True)
class Access:
    """The dependencies of session routes: `operator` for what only the operator may, `session` for one's own."""

    operator: Callable[..., Awaitable[None]]
    reader: Callable[..., Awaitable[Visitor]]
    session: Callable[..., Awaitable[None]]


def access_of(broker: NatsBroker, key: Key, gate: Gate) -> Access:
    """Return what checks who asks for sessions; `key` is the admin key."""

    async def operator(request: Request, given: GivenKey = None) -> None:
        key.check(request, given)

    async def reader(request: Request, given: GivenKey = None) -> Visitor:
        """Return the operator or a user, who may list sessions."""
        if gate.knows_users:
            return await let_in(gate, request)
        key.check(request, given)
        return await let_in(gate, request)

    async def session(session_id: PathId, request: Request, given: GivenKey = None) -> None:
        visitor = await let_in(gate, request)
        if visitor.is_operator:
            return
        if not visitor.user_id and not visitor.token:
            raise _locked(key, session_id)
        opened = await _opened(broker, session_id)
        if opened is not None and visitor.may_enter(opened.user_id, opened.resume_digest, ""):
            return
        if visitor.user_id:
            raise Problem("session-unknown", f"you have no session {session_id}")
        count_wrong(gate, request)
        raise _locked(key, session_id)

    return Access(operator, reader, session)


def _locked(key: Key, session_id: str) -> Problem:
    ways = f"the `resume_token` of session {session_id}, or the key of DAREDEVIL_ADMIN_KEY"
    if not key.is_set:
        return Problem("no-admin-key", f"send {ways} (none is set here) as `Authorization: Bearer <…>`")
    return Problem("unauthorized", f"send {ways} as `Authorization: Bearer <…>`", headers=BEARER)


async def _opened(broker: NatsBroker, session_id: str) -> SessionOpened | None:
    connected(broker)
    facts = await facts_after(
        broker, session_id, patience_s=READ_PATIENCE_S, subjects=event_subject(session_id, SessionOpened)
    )
    return next((fact.event for fact in facts if isinstance(fact.event, SessionOpened)), None)
