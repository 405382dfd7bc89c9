"""Time zones as people and programs name them: IANA names, checked."""

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


@lru_cache(maxsize=256)
def is_zone(name: str) -> bool:
    """Return whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def checked_zone(name: str) -> str:
    """Return a time zone's name; empty stays empty. Raises ValueError with a hint at what to write."""
    name = name.strip()
    if not name or is_zone(name):
        return name
    near = get_close_matches(name[:60], sorted(available_timezones()), n=1, cutoff=0.6)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(f"no time zone is called {name[:60]!r}{hint}: write an IANA name such as Europe/Berlin")
