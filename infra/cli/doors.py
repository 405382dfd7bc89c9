"""Which door a command calls: the WebSocket's or LiveKit rooms, of the running system or of one of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from infra.agents.choosing import AgentWanted
    from infra.caller.manner import Echo
    from infra.caller.talk import Dial
    from infra.runtime import Runtime
    from infra.settings import Settings


_ANY_NUMBER = {"max_sessions": "100000", "max_connections_per_address": "100000"}
ANY_LOAD = {"overload_refuses": "false", "max_openings_per_minute": "0", **_ANY_NUMBER}
"""Settings of a system that is measured: its doors take any load, and as many calls as one address wants."""

UrlOption = Annotated[
    str | None,
    typer.Option(
        help="The door (`ws://host:port/ws`) or the LiveKit server (`wss://host`); by default the one running here."
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller's credentials at the WebSocket door: a token for its identity, and the secret of a session to resume.

    At the system on this machine, the admin key of the settings serves for both.
    """

    session: str | None = None
    token: str = ""
    resume_token: str = ""
    wanted: "AgentWanted | None" = None
    """Which agent to talk with, and variables of its instructions; the default agent if there is none."""


@dataclass(frozen=True, slots=True)
class Room:
    """Which room to call in: a new one for each call if none is named. Without a token, one is created."""

    name: str = ""
    token: str = ""


NEW_ROOM = Room()
NEW_CALLER = Caller()


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How a command wants to call, whichever the door: who calls, in which room, and what the microphone hears."""

    caller: Caller = NEW_CALLER
    room: Room = NEW_ROOM
    echo: "Echo | None" = None


@dataclass(frozen=True, slots=True)
class Door:
    """A front door at which commands can call: another one is a row in DOORS."""

    name: str
    """Its name on the command line."""
    here: "Callable[[Runtime, CallOptions], Dial]"
    """Return how to call at the running system. Raises StartFailed if that has no such door."""
    at: "Callable[[str, CallOptions], Dial]"
    """Return how to call at an address. Raises StartFailed."""
    needs: "Mapping[str, str]" = field(default_factory=dict)
    """Settings of a system that is started for a command, so that it has this door."""
    refuses: "Callable[[Caller, Room], str]" = lambda _caller, _room: ""
    """Return what is wrong with the options for calling at this door, nothing if they fit."""


@asynccontextmanager
async def open_door(
    name: str, url: str | None = None, call: CallOptions | None = None, changed: "Mapping[str, str] | None" = None
) -> AsyncIterator["Dial"]:
    """Yield how to call a door, at `url` or of the system here; `changed` are settings for a system that is started.

    Raises StartFailed and what starting a system raises.
    """
    from infra.cli.system import system_here

    door, call = DOORS[name], call or CallOptions()
    if url is not None:
        yield door.at(url, call)
        return
    async with system_here({**(changed or {}), **door.needs}) as runtime:
        yield door.here(runtime, call)


@asynccontextmanager
async def open_both_doors() -> AsyncIterator[tuple["Dial", "Dial"]]:
    """Yield how to call the WebSocket door and a room of the same system. Raises the same errors as `open_door`."""
    from infra.cli.system import system_here

    doors = (DOORS[WEBSOCKET], DOORS[LIVEKIT])
    async with system_here({name: value for door in doors for name, value in door.needs.items()}) as runtime:
        yield doors[0].here(runtime, CallOptions()), doors[1].here(runtime, CallOptions())


def _page_here(runtime: "Runtime", call: CallOptions) -> "Dial":
    from infra.settings import settings

    caller = replace(call.caller, token=call.caller.token or settings().admin_key.strip())
    return _page_at(runtime.page_url, replace(call, caller=caller))


def _page_at(url: str, call: CallOptions) -> "Dial":
    from infra.caller import place_call
    from infra.caller.manner import Manner

    caller = call.caller
    place = partial(
        place_call,
        session_id=caller.session,
        resume_token=caller.resume_token,
        only_resume=caller.session is not None,
        token=caller.token,
        wanted=_wanted(call),
    )
    return partial(place, url, manner=Manner(echo=call.echo))


def _wanted(call: CallOptions) -> "AgentWanted":
    from infra.agents.choosing import NO_CHOICE

    return call.caller.wanted or NO_CHOICE


def _page_refuses(_caller: Caller, room: Room) -> str:
    return "--room is for --door livekit" if room.name else ""


def _room_here(runtime: "Runtime", call: CallOptions) -> "Dial":
    from infra.caller.room import RoomDial

    return RoomDial(rooms_of(runtime), call.room.name, call.room.token, echo=call.echo, wanted=_wanted(call))


def _room_at(url: str, call: CallOptions) -> "Dial":
    from infra.caller.room import RoomDial

    return RoomDial(
        _external(url, call.room),
        call.room.name,
        call.room.token,
        echo=call.echo,
        wanted=_wanted(call),
    )


def _room_refuses(caller: Caller, room: Room) -> str:
    if caller.wanted is not None and room.token:
        return "the room's token says which agent comes: leave out --agent and --variable, or --token"
    if caller.session is None:
        return ""
    return "--session is for the WebSocket door: in LiveKit a session is a room, so name that with --room"


def _external(url: str, room: Room) -> "Settings":
    from infra.settings import settings
    from infra.system.start_failed import StartFailed

    config = settings().model_copy(update={"livekit_url": url})
    missing = config.unset("livekit_api_key", "livekit_api_secret")
    if missing and not room.token:
        raise StartFailed(f"{url} needs a token: give one with --token, or set {' and '.join(missing)}")
    return config


def rooms_of(runtime: "Runtime") -> "Settings":
    """Return settings with the address and the key of the running system's LiveKit server. Raises StartFailed."""
    from infra.livekit.key import livekit_folder, livekit_key
    from infra.settings import settings
    from infra.system.start_failed import StartFailed

    config = settings()
    if not runtime.livekit_url:
        raise StartFailed(
            "the system running here has no LiveKit door: start it with `daredevil run --livekit`, or set "
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


WEBSOCKET, LIVEKIT = "websocket", "livekit"
DOORS = {
    door.name: door
    for door in (
        Door(WEBSOCKET, _page_here, _page_at, refuses=_page_refuses),
        Door(LIVEKIT, _room_here, _room_at, {"livekit": "1"}, _room_refuses),
    )
}


def one_of(names: "Iterable[str]") -> "Callable[[str], str]":
    """Return what checks that an option is one of these names. It raises typer.BadParameter."""
    known = tuple(names)

    def check(name: str) -> str:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}")
        return name

    return check


DoorOption = Annotated[
    str,
    typer.Option(
        "--door",
        metavar="|".join(DOORS),
        callback=one_of(DOORS),
        help="Call the WebSocket door, or through a LiveKit room.",
    ),
]
