"""Ages as options take them: `2d`, `12h`, `30m`."""

import re

_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def age_s(text: str, option: str = "--since") -> float:
    """Return the seconds of an age such as `2d`, `12h` or `30m`, the value of `option`. Raises ValueError."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{option} {text}: give an age such as 2d, 12h or 30m")
    return float(match[1]) * _SECONDS[match[2]]
