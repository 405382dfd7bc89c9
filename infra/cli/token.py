"""`daredevil token`: a token to join a LiveKit room."""

from typing import Annotated

import typer

from infra.cli.output import BAD_INPUT, fail, progress


def token(
    room: Annotated[str, typer.Option(metavar="R", help="The room that the token is for.")],
    identity: Annotated[str, typer.Option(metavar="I", help="Who joins; must be unique in the room.")],
    ttl: Annotated[str, typer.Option(help="How long the token is valid for joining: `90s`, `10m`, `1h`, `2d`.")] = "1h",
    grant: Annotated[
        str,
        typer.Option(
            help="`caller` speaks, listens and types; `listener` only listens; `moderator` may also mute and remove."
        ),
    ] = "caller",
    name: Annotated[str, typer.Option(help="The name shown to others.")] = "",
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The agent that comes if this token creates the room; by default DAREDEVIL_LIVEKIT_AGENT_NAME.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="URL and token as one JSON object.")] = False,
) -> None:
    """Create a token to join one LiveKit room, with no more rights than its role needs.

    It is signed with the key of DAREDEVIL_LIVEKIT_URL, or with that of the server that `daredevil run --livekit`
    started. Anybody who has it can join until it expires: keep it secret.

    For example:

      daredevil token --room kitchen --identity sam

      daredevil token --room kitchen --identity eve --grant listener --ttl 10m

      daredevil token --room kitchen --identity sam --agent night-shift
    """
    import json

    from infra.livekit.access import NoLiveKit, livekit_access
    from infra.livekit.tokens import ROLES, join_token, ttl_of
    from infra.settings import settings

    try:
        role = next((role for role in ROLES if role == grant), None)
        if role is None:
            raise ValueError(f"--grant must be one of {', '.join(ROLES)}")
        if agent and role == "listener":
            raise ValueError("a listener brings no agent: leave --agent out, or use another --grant")
        lifetime = ttl_of(ttl)
        access = livekit_access(settings())
        agent_name = settings().livekit_agent_name if agent is None else agent
        jwt = join_token(access, room, identity, lifetime, role, name, agent_name)
    except ValueError as error:
        fail(str(error), BAD_INPUT)
    except NoLiveKit as error:
        fail(str(error))
    if as_json:
        fields = {"url": access.public_url, "token": jwt, "room": room, "identity": identity}
        typer.echo(json.dumps({**fields, "expires_in_s": int(lifetime.total_seconds())}))
        return
    progress(f"to join room {room} of {access.public_url} as {identity} ({role}) within {ttl}:")
    typer.echo(jwt)
