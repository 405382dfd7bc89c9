"""What an external NATS is, what it lacks, and what it promises of an acknowledged fact."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import AccountInfo, StreamInfo
from nats.js.errors import NotFoundError

from contracts.topology import BUCKETS, DURABLES, streams
from infra.log.connection import asking
from infra.log.log_streams import NotMapped, OtherPartitions, check_mapped, log_infos, streams_of_log
from infra.log.nats_reach import connect_once, error_at, in_words, is_answer, shown_url
from infra.log.provisioning import NotYetRestored, StreamChange, check_restored, plan
from infra.projection import UnknownProjection, partitions_problem
from infra.settings import Settings
from infra.system.doctor.finding import Finding
from infra.system.doctor.nats_room import room
from infra.system.doctor.nats_users import examine_users

SUBJECT, FACTS = "external NATS", "acknowledged facts"
ASK_S = 3.0
ACCOUNT_INFO = "$JS.API.INFO"
PAYLOAD_BYTES = 1_000_000
"""The largest messages, chunks of recordings and tapes, need nearly so much."""

NS = 1e9


@dataclass(frozen=True, slots=True)
class Sync:
    """When a server writes to the disk: at each message if `always`, else every `interval_s`."""

    always: bool
    interval_s: float


async def examine_nats(settings: Settings) -> list[Finding]:
    """Ask the server that the settings name; nothing is changed."""
    url = settings.nats_url
    if error := await error_at(url):
        # What a server answers says itself what to do.
        remedy = "" if is_answer(error) else "start it, or correct DAREDEVIL_NATS_URL"
        return [Finding(SUBJECT, "missing", f"{shown_url(url)}: {in_words(error, url)}", remedy)]
    findings = [Finding(SUBJECT, "ok", f"{shown_url(url)} answers, with JetStream")]
    try:
        nc = await connect_once(url)
        try:
            return findings + await _asked(nc, settings)
        finally:
            await nc.close()
    except (NatsError, OSError) as error:
        why = (
            f"{shown_url(url)} stopped answering, or this user may not look at it: {str(error) or type(error).__name__}"
        )
        return [*findings, Finding(SUBJECT, "warning", why, "use the credentials of an operator")]


async def _asked(nc: Client, settings: Settings) -> list[Finding]:
    js = nc.jetstream(timeout=ASK_S)
    account = json.loads((await asking(nc).request(ACCOUNT_INFO, timeout=ASK_S)).data)
    try:
        log = await log_infos(nc)
    except NotFoundError:
        log = []
    varz = await _varz(settings.nats_monitor_url)
    try:
        await check_restored(js)
    except NotYetRestored as unfinished:
        return [Finding("log", "missing", unfinished.problem, unfinished.remedy)]
    try:
        changes = await plan(js, settings)
        found = [_provisioned(changes), *room(changes, account, varz), *(await _mapped(nc) if log else [])]
    except OtherPartitions as error:
        found = [Finding("partitions of the log", "missing", str(error), "")]
    partitions = len(log) or settings.partitions or 1
    sync = sync_of(varz)
    replicas = min((info.config.num_replicas or 1 for info in log), default=settings.nats_replicas)
    return [
        *found,
        promise(sync, replicas),
        *(finding for info in log for finding in _copies(info)),
        *limits(AccountInfo.from_response(account), nc.max_payload, partitions),
        *await examine_users(settings, nc, partitions),
        *_projections(settings, partitions),
    ]


def _projections(settings: Settings, partitions: int) -> Iterator[Finding]:
    """Yield that projections are on which cannot follow a log of so many partitions."""
    with suppress(UnknownProjection):  # which is told already
        if problem := partitions_problem(settings, partitions):
            yield Finding("partitions of the log", "missing", problem, "")


async def _mapped(nc: Client) -> list[Finding]:
    """Return whether facts get to the partitions of the log; of one only that they do not."""
    log = await streams_of_log(nc)
    try:
        await check_mapped(nc, log)
    except NotMapped as error:
        return [Finding("partitions of the log", "missing", str(error), "no fact is stored until then")]
    if log.partitions == 1:
        return []
    return [Finding("partitions of the log", "ok", f"{log.partitions}, and NATS maps sessions to them")]


def _provisioned(changes: list[StreamChange]) -> Finding:
    if not changes:
        return Finding("streams on NATS", "ok", "as the settings want them")
    by_hand = next((f"{change.what}: {change.remedy}" for change in changes if change.remedy), "")
    remedy = by_hand or "`daredevil provision --dry-run` shows it, `daredevil provision` does it"
    differing = ", ".join(change.what for change in changes)
    return Finding("streams on NATS", "warning", f"missing or different: {differing}", remedy)


def promise(sync: Sync | None, replicas: int) -> Finding:
    """Return in words what becomes of an acknowledged fact; `sync` is None if that cannot be seen. Pure."""
    copies = (
        f"{replicas} servers keep it, and it survives the loss of {(replicas - 1) // 2}"
        if replicas > 2
        else "one server keeps it, and with its disk it is lost"
    )
    remedy = "`sync_interval: always` in the `jetstream` block of each server"
    if sync is None:
        detail = f"when the server writes them to the disk cannot be seen from here; {copies}"
        remedy = "set DAREDEVIL_NATS_MONITOR_URL to its monitoring (`http:` in its configuration), or look at its file"
        return Finding(FACTS, "warning", detail, remedy)
    if sync.always:
        return Finding(FACTS, "ok", f"an acknowledged fact is on the disk and survives a power cut; {copies}")
    written = f"an acknowledged fact is on the disk within {sync.interval_s:g} s"
    if replicas > 2:
        return Finding(FACTS, "warning", f"{written}: a power cut of all servers may lose it; {copies}", remedy)
    return Finding(
        FACTS, "warning", f"{written}: it survives the kill of the process, not a power cut; {copies}", remedy
    )


def sync_of(varz: Mapping[str, Any]) -> Sync | None:
    """Return when a server writes to the disk, from its `/varz`; None if that does not say. Pure."""
    config = (varz.get("jetstream") or {}).get("config") or {}
    if "sync_interval" not in config and not config.get("sync_always"):
        return None
    return Sync(bool(config.get("sync_always")), config.get("sync_interval", 0) / NS)


def _copies(log: StreamInfo) -> Iterator[Finding]:
    """Yield whether all replicas of a stream of the log are there."""
    if log.cluster is None or not log.cluster.replicas:
        return
    behind = [peer.name for peer in log.cluster.replicas if peer.offline or not peer.current]
    if behind:
        detail = f"not with the leader {log.cluster.leader}: {', '.join(str(name) for name in behind)}"
        yield Finding(
            "replicas of the log", "warning", detail, "until they are, the loss of a server may stop all calls"
        )
    else:
        yield Finding("replicas of the log", "ok", f"{len(log.cluster.replicas) + 1}, all up to date")


def limits(account: AccountInfo, max_payload: int, partitions: int = 1) -> Iterator[Finding]:
    """Yield which limits of the account and the server are too narrow, or nearly reached. Pure."""
    given, ask = account.limits, "raise it in the account, or in the configuration of the server"
    needed = (
        ("streams", given.max_streams, len(streams(partitions)) + len(BUCKETS)),
        ("consumers", given.max_consumers, partitions * len(DURABLES)),
    )
    for what, limit, wanted in needed:
        if limit is not None and 0 <= limit < wanted:
            yield Finding(f"NATS: {what}", "warning", f"the account may have {limit}, {wanted} are needed", ask)
    for what, limit, used in (
        ("storage", given.max_storage, account.storage),
        ("memory", given.max_memory, account.memory),
    ):
        if limit is not None and limit > 0:
            state = "warning" if used > 0.8 * limit else "ok"
            remedy = ask if state == "warning" else ""
            detail = f"{used / 1e6:,.0f} of {limit / 1e6:,.0f} MB used; a full log refuses facts"
            yield Finding(f"NATS: {what}", "warning" if state == "warning" else "ok", detail, remedy)
    if max_payload < PAYLOAD_BYTES:
        detail = f"messages of at most {max_payload:,} bytes; recordings need {PAYLOAD_BYTES:,}"
        yield Finding("NATS: max_payload", "warning", detail, "`max_payload: 1MB` in the configuration of the server")


async def _varz(monitor_url: str) -> dict[str, Any]:
    """Return what the server says of itself at its monitoring; empty if it does not answer there."""
    if not monitor_url:
        return {}
    import httpx

    try:
        async with httpx.AsyncClient(timeout=ASK_S, trust_env=False) as http:
            return dict((await http.get(f"{monitor_url.rstrip('/')}/varz")).json())
    except (httpx.HTTPError, ValueError):
        return {}
