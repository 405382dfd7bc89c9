"""`POST /livekit/token`: a short-lived token to join one room, for backends with the key and for this machine's page.

Who gets one: whoever shows DAREDEVIL_LIVEKIT_TOKEN_KEY. Where no such key is set, only the page that this server gives
to a browser on the same machine: the server listens on loopback, the connection comes from there and through no
proxy, and the browser itself says that the request is the page's own (`Origin` is this host, and a loopback name, so
that no other site can lead a browser here by its own name). With DAREDEVIL_AUTH also each user, as themselves.
"""

import secrets
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.http.auth import GivenKey, Key, let_in
from bridge.http.limiting import AddressRates
from bridge.http.problems import Problem, responses
from bridge.http.route_groups import route_group
from bridge.text_input import Variables
from bridge.web.gate import Gate
from bridge.web.proxies import is_local, is_loopback
from infra.agents.choosing import AgentWanted
from infra.livekit.access import LiveKitAccess, NoLiveKit, livekit_access
from infra.livekit.tokens import join_token
from infra.settings import Settings

TOKENS_PER_S, TOKENS_BURST = 1, 30
"""How many tokens one address may get."""


class TokenRequest(BaseModel):
    """Who wants to join which room; the fields are those that LiveKit's own clients send (`TokenSource.endpoint`)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"room_name": "kitchen", "participant_name": "Sam"}]}
    )

    room_name: str = Field(description="1 to 128 letters, digits, spaces or any of `_ . : @ + -`.")
    participant_identity: str | None = Field(
        None, description="Unique in the room, of the same characters; generated if it is left out."
    )
    participant_name: str = Field("", description="The name that others are shown.")
    role: Literal["caller", "listener"] = Field("caller", description="A `listener` may not speak.")
    agent: str = Field("", max_length=64, description="The agent that the first in the room talks with.")
    variables: Variables = Field({}, description="Values for the variables of its instructions, by name.")


class TokenAnswer(BaseModel):
    """Where to connect, and with what."""

    server_url: str
    participant_token: str
    room_name: str
    participant_identity: str
    expires_in_s: int


def token_router(settings: Settings, gate: Gate) -> APIRouter:
    """Return the route."""
    router = route_group("livekit", "/livekit")
    key = Key(settings.livekit_token_key, "DAREDEVIL_LIVEKIT_TOKEN_KEY", "no-token-key", gate)
    addresses = AddressRates(TOKENS_PER_S, TOKENS_BURST)

    async def identity_of(request: Request, given: GivenKey = None) -> str:
        """Return the identity that the token must have, "" for any; a dependency, so checked before the fields."""
        identity = ""
        if gate.knows_users and not key.is_in(given):
            identity = (await let_in(gate, request)).user_id
        elif key.is_set or not is_own_page(request, settings):
            key.check(request, given)
        addresses.take(request.client.host if request.client else "")
        return identity

    @router.post(
        "/token",
        summary="A token to join a LiveKit room",
        status_code=201,
        responses=responses(400, 401, 403, 408, 413, 415, 429),
    )
    async def make_room_token(
        wanted: TokenRequest, response: Response, identity: Annotated[str, Depends(identity_of)]
    ) -> TokenAnswer:
        """Issue a token for one room and one identity; it expires after `DAREDEVIL_LIVEKIT_TOKEN_TTL_S`.

        Needs the key of `DAREDEVIL_LIVEKIT_TOKEN_KEY`. With `DAREDEVIL_AUTH` a user's own token is enough: its `sub` is
        the identity then. Where neither is set, only the page of this machine gets one.
        """
        if identity:
            wanted = wanted.model_copy(update={"participant_identity": identity})
        response.headers["Cache-Control"] = "no-store"
        return _token(wanted, _access(settings), settings)

    return router


def is_own_page(request: Request, settings: Settings) -> bool:
    """Return whether a request comes from the page of this server, in a browser on this machine."""
    host = request.headers.get("host", "")
    return is_loopback(settings.host) and is_local(request.scope) and request.headers.get("origin") == f"http://{host}"


def _access(settings: Settings) -> LiveKitAccess:
    try:
        return livekit_access(settings)
    except NoLiveKit as error:
        raise Problem("not-available", str(error)) from error


def _token(wanted: TokenRequest, access: LiveKitAccess, settings: Settings) -> TokenAnswer:
    identity = wanted.participant_identity or f"guest-{secrets.token_hex(4)}"
    ttl = timedelta(seconds=settings.livekit_token_ttl_s)
    try:
        jwt = join_token(
            *(access, wanted.room_name, identity, ttl, wanted.role, wanted.participant_name.strip()),
            agent_name=settings.livekit_agent_name,
            wanted=AgentWanted(wanted.agent, wanted.variables),
        )
    except ValueError as error:
        raise Problem("bad-request", str(error)) from error
    return TokenAnswer(
        server_url=access.public_url,
        participant_token=jwt,
        room_name=wanted.room_name,
        participant_identity=identity,
        expires_in_s=settings.livekit_token_ttl_s,
    )
