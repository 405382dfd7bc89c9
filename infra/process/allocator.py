"""Returns freed memory to the system: glibc keeps it in fragments, so that a process seems to grow forever."""

import asyncio
import ctypes
import ctypes.util
import logging
import sys
from functools import cache

log = logging.getLogger(__name__)


@cache
def _malloc_trim() -> "ctypes._NamedFuncPointer | None":
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6"), "malloc_trim", None)
    except OSError:
        return None


async def give_back_memory() -> bool:
    """Return freed memory to the system, off the event loop (some ms); return whether there was any.

    No effect if the C library is not glibc (https://man7.org/linux/man-pages/man3/malloc_trim.3.html).
    """
    trim = _malloc_trim()
    return trim is not None and bool(await asyncio.to_thread(trim, 0))
