"""Lists in JSON files that say what is measured: calls of a folder, silences of conversations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class BadList(ValueError):
    """The file holds no usable list; the message says which one, where it is wrong, and how."""


def read_list(path: Path, entries: str, needed: str, make: Callable[[Any], T]) -> list[T]:
    """Return what `make` returns for each entry of the list in a file.

    `entries` names them (`calls`), and `needed` says what one has to have. Raises BadList: also where `make` raises
    ValueError, TypeError, OverflowError, or KeyError for a field that is missing.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadList(f"{path} cannot be read: {error.strerror}. It must hold a list of {entries}") from error
    except (ValueError, RecursionError) as error:
        raise BadList(f"{path} is no JSON: {error}") from error
    if not isinstance(found, list) or not found:
        raise BadList(f"{path} must hold a list of {entries}")
    return [_made(path, number, entry, needed, make) for number, entry in enumerate(found)]


def _made(path: Path, number: int, entry: Any, needed: str, make: Callable[[Any], T]) -> T:
    if not isinstance(entry, dict):
        raise BadList(f"{path}: entry {number} is no JSON object: {needed}")
    try:
        return make(entry)
    except KeyError as error:
        raise BadList(f"{path}: entry {number} has no {error}: {needed}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise BadList(f"{path}: entry {number} cannot be used: {error}") from error
