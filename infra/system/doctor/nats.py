"""What an external NATS is, what it lacks, and what it promises of an acknowledged fact."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
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
from infra.settings_types import items_of
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
    servers = await _servers(items_of(settings.nats_monitor_url))
    try:
        await check_restored(js)
    except NotYetRestored as unfinished:
        return [Finding("log", "missing", unfinished.problem, unfinished.remedy)]
    try:
        changes = await plan(js, settings)
        found = [_provisioned(changes), *room(changes, account, servers), *(await _mapped(nc) if log else [])]
    except OtherPartitions as error:
        found = [Finding("partitions of the log", "missing", str(error), "")]
    partitions = len(log) or settings.partitions or 1
    syncs = {url: sync_of(varz) for url, varz in servers.items()}
    replicas = min((info.config.num_replicas or 1 for info in log), default=settings.nats_replicas)
    return [
        *found,
        promise(syncs, replicas),
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


def promise(syncs: Mapping[str, Sync | None], replicas: int) -> Finding:
    """Return in words what becomes of an acknowledged fact. Pure.

    `syncs` has what each server said at its monitoring, None if it said nothing; `replicas` servers have the log.
    """
    copies = (
        f"{replicas} servers keep it, and it survives the loss of {(replicas - 1) // 2}"
        if replicas > 2
        else "one server keeps it, and with its disk it is lost"
    )
    seen = {url: sync for url, sync in syncs.items() if sync is not None}
    silent = [url for url in syncs if url not in seen]
    if not seen:
        detail = f"when the server writes them to the disk cannot be seen from here; {copies}"
        remedy = "set DAREDEVIL_NATS_MONITOR_URL to its monitoring (`http:` in its configuration), or look at its file"
        if silent:
            remedy = f"nothing is answered at {', '.join(silent)}: correct DAREDEVIL_NATS_MONITOR_URL"
        return Finding(FACTS, "warning", detail, remedy)
    late = {url: sync for url, sync in seen.items() if not sync.always}
    if late:
        return _late(late, seen, replicas, copies)
    on_disk = f"an acknowledged fact is on the disk and survives a power cut; {copies}"
    if len(seen) < replicas:
        looked = f"{on_disk}. So says the monitoring of {', '.join(seen)}; {replicas - len(seen)} of {replicas} servers"
        remedy = "set DAREDEVIL_NATS_MONITOR_URL to the monitoring of each server, separated by commas"
        if silent:
            remedy = f"nothing is answered at {', '.join(silent)}"
        return Finding(FACTS, "warning", f"{looked} were not looked at", remedy)
    return Finding(FACTS, "ok", on_disk)


def _late(late: Mapping[str, Sync], seen: Mapping[str, Sync], replicas: int, copies: str) -> Finding:
    where = f" ({', '.join(late)})" if len(seen) > 1 or replicas > 1 else ""
    written = f"an acknowledged fact is on the disk within {max(each.interval_s for each in late.values()):g} s{where}"
    lost = (
        "a power cut of all servers may lose it"
        if replicas > 2
        else "it survives the kill of the process, not a power cut"
    )
    remedy = "`sync_interval: always` in the `jetstream` block of each server"
    return Finding(FACTS, "warning", f"{written}: {lost}; {copies}", remedy)


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


async def _servers(monitor_urls: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what each server says of itself at its monitoring; empty if it does not answer there."""
    if not monitor_urls:
        return {}
    import httpx

    async with httpx.AsyncClient(timeout=ASK_S, trust_env=False) as http:

        async def varz(url: str) -> dict[str, Any]:
            try:
                return dict((await http.get(f"{url.rstrip('/')}/varz")).json())
            except (httpx.HTTPError, ValueError, TypeError):
                return {}

        return dict(zip(monitor_urls, await asyncio.gather(*map(varz, monitor_urls)), strict=True))
