"""A range of bytes as a player asks for it: `Range: bytes=<first>-<last>`. Pure."""

import re

from bridge.http.problems import Problem

_RANGE = re.compile(r"bytes=([0-9]{0,1000})-([0-9]{0,1000})")
"""Clients may write any number of digits; Python reads no more than 4,300."""


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last; None for all. Raises Problem for bytes that do not exist.

    Several ranges at once, other units and nonsense are answered with all of it, as HTTP allows.
    """
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:  # the last N bytes
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if last and first and int(last) < int(first):
        return None
    if start >= size or start >= end:
        message = f"the recording has {size} bytes"
        raise Problem("bad-range", message, headers={"Content-Range": f"bytes */{size}"})
    return start, end
