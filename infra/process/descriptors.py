"""How many files and sockets this process may have open."""

import contextlib
import resource
import sys

WANTED = 65_536
MACOS_MOST = 10_240
"""OPEN_MAX of macOS: more is refused there, although the hard limit is `unlimited`."""


def raise_descriptor_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit towards the hard one, at most to `wanted`, if permitted; return the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sys.platform == "darwin":
        wanted = min(wanted, MACOS_MOST)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < most:
        with contextlib.suppress(ValueError, OSError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
