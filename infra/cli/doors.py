"""At which door a command calls: the WebSocket's page or LiveKit rooms, of the running system or one of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.caller.manner import Echo
    from infra.caller.talk import Dial
    from infra.runtime import Runtime
    from infra.settings import Settings


class Door(StrEnum):
    """A front door."""

    WEBSOCKET = "websocket"
    LIVEKIT = "livekit"


DoorOption = Annotated[Door, typer.Option("--door", help="Call at the WebSocket's page, or through a LiveKit room.")]
UrlOption = Annotated[
    str | None,
    typer.Option(
        help="The door, as `ws://host:port/ws`, or the LiveKit server, as `wss://host`; else the one running here."
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """What a caller shows the WebSocket door: a token that says who it is, and the secret of a session to go on with.

    At the system here, the admin key of the settings does for both.
    """

    session: str | None = None
    token: str = ""
    resume_token: str = ""


@dataclass(frozen=True, slots=True)
class Room:
    """Which room to call in: a new one for each call if none is named. A given token is used instead of a made one."""

    name: str = ""
    token: str = ""


NEW_ROOM = Room()
NEW_CALLER = Caller()


@asynccontextmanager
async def open_door(
    door: Door,
    url: str | None = None,
    caller: Caller = NEW_CALLER,
    room: Room = NEW_ROOM,
    changed: "Mapping[str, str] | None" = None,
    echo: "Echo | None" = None,
) -> AsyncIterator["Dial"]:
    """Yield how to call at a door, at `url` or of the system here; `changed` are settings of one that is started.

    With an `echo` the callers' microphones hear the agent, too.
    Raises StartFailed and what starting a system raises.
    """
    from infra.cli.system import system_here

    if door is Door.WEBSOCKET:
        if url is not None:
            yield _call_at(url, caller, echo)
            return
        async with system_here(changed) as runtime:
            yield _call_here(runtime, caller, echo)
        return
    from infra.caller.room import RoomDial

    if url is not None:
        yield RoomDial(_external(url, room), room.name, room.token, echo=echo)
        return
    async with system_here({**(changed or {}), "livekit": "1"}) as runtime:
        yield RoomDial(rooms_of(runtime), room.name, room.token, echo=echo)


@asynccontextmanager
async def open_both_doors() -> AsyncIterator[tuple["Dial", "Dial"]]:
    """Yield how to call at the WebSocket door and through a room of the same system. Raises as `open_door`."""
    from infra.caller.room import RoomDial
    from infra.cli.system import system_here

    async with system_here({"livekit": "1"}) as runtime:
        yield _call_here(runtime, NEW_CALLER), RoomDial(rooms_of(runtime))


def _call_here(runtime: "Runtime", caller: Caller, echo: "Echo | None" = None) -> "Dial":
    from infra.settings import settings

    return _call_at(runtime.page_url, replace(caller, token=caller.token or settings().admin_key.strip()), echo)


def _call_at(url: str, caller: Caller, echo: "Echo | None" = None) -> "Dial":
    from infra.caller import place_call
    from infra.caller.manner import Manner

    place = partial(
        place_call,
        session_id=caller.session,
        resume_token=caller.resume_token,
        only_resume=caller.session is not None,
        token=caller.token,
    )
    return partial(place, url, manner=Manner(echo=echo))


def _external(url: str, room: Room) -> "Settings":
    from infra.settings import settings
    from infra.system.start_failed import StartFailed

    config = settings().model_copy(update={"livekit_url": url})
    missing = config.unset("livekit_api_key", "livekit_api_secret")
    if missing and not room.token:
        raise StartFailed(f"{url} wants a token: --token, or, to make one: {' and '.join(missing)}")
    return config


def rooms_of(runtime: "Runtime") -> "Settings":
    """Return settings with the address and the key of the running system's LiveKit server. Raises StartFailed."""
    from infra.livekit.key import livekit_folder, livekit_key
    from infra.settings import settings
    from infra.system.start_failed import StartFailed

    config = settings()
    if not runtime.livekit_url:
        raise StartFailed(
            "the system that runs here has no LiveKit door: start it with `daredevil run --livekit`, or set "
            "DAREDEVIL_LIVEKIT_URL"
        )
    if config.livekit_url:
        return config
    key = livekit_key(livekit_folder(config.data_dir))
    return config.model_copy(
        update={
            "livekit_url": runtime.livekit_url,
            "livekit_api_key": key.key,
            "livekit_api_secret": key.secret,
        }
    )
