"""The tool that the built-in agent has: the clock."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from contracts.ids import derive_id
from infra.agents.call import Call
from infra.agents.errors import ToolFailed
from infra.agents.tool import Tool


def call_id_of(reply_id: str, tool: str, arguments: Mapping[str, object] | str, n: int) -> str:
    """Return the id of a reply's `n`-th call of a tool with these arguments: the same after a restart.

    Arguments that could not be read are a text.
    """
    return derive_id(reply_id, f"{tool}{json.dumps(arguments, sort_keys=True, default=str)}", n)


# -- the time

_PLACES = {
    "germany": "Europe/Berlin",
    "france": "Europe/Paris",
    "spain": "Europe/Madrid",
    "italy": "Europe/Rome",
    "england": "Europe/London",
    "britain": "Europe/London",
    "ireland": "Europe/Dublin",
    "japan": "Asia/Tokyo",
    "china": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "india": "Asia/Kolkata",
    "delhi": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "california": "America/Los_Angeles",
    "san francisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "boston": "America/New_York",
    "washington": "America/New_York",
    "miami": "America/New_York",
    "munich": "Europe/Berlin",
    "antigua and barbuda": "America/Antigua",
    "bosnia and herzegovina": "Europe/Sarajevo",
    "trinidad and tobago": "America/Port_of_Spain",
    "utc": "UTC",
    "gmt": "UTC",
}


_HERE = frozenset({"", "here", "local", "mine", "my own", "caller", "user", "current"})


@lru_cache(maxsize=256)
def time_zone(place: str) -> tzinfo:
    """Return the zone of a city, a country we know, or an IANA name. Raises ToolFailed."""
    wanted = " ".join(place.lower().replace("_", " ").split())
    name = _PLACES.get(wanted) or next((zone for zone in sorted(available_timezones()) if _is_named(zone, wanted)), "")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ToolFailed(f"no time zone is known for {place[:80]!r}") from error


def _is_named(zone: str, wanted: str) -> bool:
    name = zone.lower().replace("_", " ")
    return wanted in (name, name.rpartition("/")[2])


def _own_zone() -> tzinfo:
    return datetime.now(UTC).astimezone().tzinfo or UTC


def _zone_name(now: datetime) -> str:
    """Return the name of a zone at a time: `CET`, or `UTC+03:00` if it has no letters."""
    name, offset = now.tzname() or "", f"{now:%z}"
    return name if name.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"


_BETWEEN_PLACES = re.compile(
    r"[,;&]\s*(?:and\s+)?(?:(?:in|at)\s+)?|\s+(?:and|or|versus|vs\.?)\s+(?:(?:in|at)\s+)?", re.IGNORECASE
)
_MOST_PLACES = 8


def _places(named: str) -> list[str]:
    """Return the places that are named: several unless the whole text is one place, whose name may contain "and"."""
    try:
        time_zone(named)
    except ToolFailed:
        return [place for each in _BETWEEN_PLACES.split(named) if (place := each.strip())][:_MOST_PLACES] or [named]
    return [named]


async def _time(arguments: Mapping[str, object], call: Call) -> str:
    return await asyncio.to_thread(times_in, arguments, call.time_zone)


def times_in(arguments: Mapping[str, object], callers: str) -> str:
    """Return the time in each place, and which places are unknown; `callers` is their own time zone.

    Raises ToolFailed if all places are unknown.
    """
    named = str(arguments.get("time_zone") or "").strip()
    places = [""] if named.lower() in _HERE else _places(named)
    told: list[dict[str, str]] = []
    unknown: dict[str, str] = {}
    for place in places:
        try:
            told.append(_time_in("" if place.lower() in _HERE else place, callers))
        except ToolFailed as failure:
            unknown[place[:80]] = str(failure)
    if not told:
        raise ToolFailed("; ".join(unknown.values()))
    if len(places) == 1:
        return json.dumps(told[0])
    return json.dumps({"places": told, **({"not_known": list(unknown)} if unknown else {})})


def _time_in(place: str, callers: str) -> dict[str, str]:
    zone = time_zone(place) if place else ZoneInfo(callers) if callers else _own_zone()
    now = datetime.now(zone)
    clock = f"{now.hour % 12 or 12}:{now:%M} {'AM' if now.hour < 12 else 'PM'}"
    told = {"time": clock, "date": f"{now:%A}, {now:%B} {now.day}, {now.year}", "place": place}
    if not place and not callers:
        told |= {"zone": _zone_name(now), "note": "the caller's own time zone is not known: name this one"}
    return told


CURRENT_TIME = Tool(
    name="current_time",
    description="Tell the current time and date, here or in another place.",
    parameters={
        "type": "object",
        "properties": {
            "time_zone": {
                "type": "string",
                "description": "A city or IANA time zone, several with commas between them; empty is the caller's own.",
            }
        },
    },
    run=_time,
)
