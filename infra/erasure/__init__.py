"""Erasure: removes a person's words wherever they are stored, keeps the skeleton, and reports what was done."""

from infra.erasure.erase import (
    EraseIncomplete,
    SessionStillOpen,
    UnknownSession,
    erase_session,
    erase_user,
    sessions_of,
)
from infra.erasure.receipt import Receipt

__all__ = [
    "EraseIncomplete",
    "Receipt",
    "SessionStillOpen",
    "UnknownSession",
    "erase_session",
    "erase_user",
    "sessions_of",
]
