"""What the users of NATS may do on its server, against what the processes need there."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from infra.cannot_run import CannotRun
from infra.log.connection import asking, is_open
from infra.log.nats_access import PROCESS
from infra.log.nats_reach import connect_once, in_words
from infra.log.permissions import USER_INFO, Permissions, permissions_of
from infra.settings import Settings
from infra.system.apps import APPS
from infra.system.doctor.finding import Finding

SUBJECT = "NATS: permissions"
ASK_S = 3.0
TOLD = 3
"""How many subjects a line names."""

REMEDY = "write the users again with `daredevil nats-users DIR`, and have each server reload (docs/nats.md)"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a server lets one user do; a list that is None allows everything that is not denied."""

    publish: tuple[str, ...] | None = None
    subscribe: tuple[str, ...] | None = None
    never_publish: tuple[str, ...] = ()
    never_subscribe: tuple[str, ...] = ()


async def examine_users(settings: Settings, nc: Client, partitions: int = 1) -> list[Finding]:
    """Ask the server what the processes that run here may do: with their own credentials, or with one user's for all.

    `nc` is a connection of the operator. Raises nothing that the operator's own connection does not.
    """
    if is_open(nc):
        remedy = "`daredevil nats-users DIR` writes a user for each process (docs/nats.md)"
        return [Finding(SUBJECT, "warning", "it asks nobody for credentials: everybody may do everything", remedy)]
    names = tuple(dict.fromkeys(app.name for app in APPS if app.copies(settings)))
    given = settings.nats_nkey_file or settings.nats_creds_file
    if PROCESS not in given:
        return [lacks("the user of all processes", await _allowed(nc), await _allowed(asking(nc)), names, partitions)]
    return [await _of_process(settings, name, partitions) for name in _those_with_files(names, given)] or [
        Finding(SUBJECT, "warning", f"of no process are the credentials here ({given})", "ask again where they are")
    ]


def _those_with_files(names: Iterable[str], given: str) -> list[str]:
    return [name for name in names if Path(given.replace(PROCESS, name)).exists()]


async def _of_process(settings: Settings, name: str, partitions: int) -> Finding:
    try:
        nc = await connect_once(settings.nats_url, process=name)
    except (NatsError, OSError, CannotRun) as error:
        remedy = "check its file of credentials, and that the server has this user"
        why = in_words(error, settings.nats_url, name)
        return Finding(SUBJECT, "missing", f"{name} cannot connect: {why}", remedy)
    try:
        return lacks(name, await _allowed(nc), await _allowed(asking(nc)), (name,), partitions)
    finally:
        await nc.close()


async def _allowed(nc: Client) -> Allowed | None:
    """Return what the server says of a connection's user; None if it does not say."""
    try:
        answer = json.loads((await nc.request(USER_INFO, timeout=ASK_S)).data)
    except (NatsError, OSError, TimeoutError, ValueError):
        return None
    return allowed_by(answer.get("data") or {})


def allowed_by(data: dict[str, Any]) -> Allowed:
    """Return what the `data` of the server's answer about a user allows. Pure."""
    both = data.get("permissions") or {}
    publish, subscribe = both.get("publish") or {}, both.get("subscribe") or {}
    return Allowed(
        tuple(publish["allow"]) if publish.get("allow") else None,
        tuple(subscribe["allow"]) if subscribe.get("allow") else None,
        tuple(publish.get("deny") or ()),
        tuple(subscribe.get("deny") or ()),
    )


def lacks(
    who: str, first: Allowed | None, second: Allowed | None, processes: Iterable[str], partitions: int = 1
) -> Finding:
    """Return what processes need and their user, or its second one that asks JetStream, may not do. Pure."""
    if first is None or second is None:
        detail = f"{who}: the server does not say what it may do"
        return Finding(SUBJECT, "warning", detail, f"allow it to publish to {USER_INFO}, and ask again")
    missing = dict.fromkeys(
        line for process in processes for line in _missing(permissions_of(process, partitions), first, second)
    )
    if missing:
        more = f" and {len(missing) - TOLD} more" if len(missing) > TOLD else ""
        detail = f"{who} may not {', '.join(list(missing)[:TOLD])}{more}: what needs it fails without a word to callers"
        return Finding(SUBJECT, "warning", detail, REMEDY)
    wide = "" if first.publish is not None else ", and everything else, too: taken over, it can forge facts"
    return Finding(SUBJECT, "ok", f"{who} may do what it needs{wide}")


def _missing(needs: Permissions, first: Allowed, second: Allowed) -> Iterator[str]:
    for subject in needs.publish:
        if not _is_allowed(subject, first.publish, first.never_publish):
            yield f"publish to {subject}"
    for subject in needs.jetstream:
        if not _is_allowed(subject, second.publish, second.never_publish):
            yield f"publish to {subject}"
    for subject in needs.subscribe:
        if not _is_allowed(subject, first.subscribe, first.never_subscribe):
            yield f"subscribe to {subject}"


def _is_allowed(subject: str, allow: tuple[str, ...] | None, deny: tuple[str, ...]) -> bool:
    # What is denied in part may be denied where it matters.
    if any(meet(pattern, subject) for pattern in deny):
        return False
    return allow is None or any(covers(pattern.partition(" ")[0], subject) for pattern in allow)


def covers(pattern: str, subject: str) -> bool:
    """Return whether a pattern of NATS has every subject that `subject`, which may be a pattern too, has. Pure."""
    wanted, tokens = pattern.split("."), subject.split(".")
    for place, want in enumerate(wanted):
        if want == ">":
            return len(tokens) > place
        if place >= len(tokens) or tokens[place] == ">" or (want != "*" and want != tokens[place]):
            return False
    return len(wanted) == len(tokens)


def meet(one: str, other: str) -> bool:
    """Return whether there is a subject that both patterns have. Pure."""
    for first, second in zip_longest(one.split("."), other.split("."), fillvalue=""):
        if not first or not second:
            return False
        if ">" in (first, second):
            return True
        if "*" not in (first, second) and first != second:
            return False
    return True
