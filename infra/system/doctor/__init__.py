"""What is needed to run here, whether it is there, and how to get it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Literal

from infra.log.nats_reach import shown_url
from infra.log.provisioning import NotYetRestored
from infra.projection import UnknownProjection, partitions_problem, projections
from infra.runtime import read_runtime
from infra.settings import SHORT_KEY_CHARS, SHORT_KEY_REMEDY, Settings
from infra.settings_given import how_to_unset
from infra.system.doctor.collector import telemetry
from infra.system.doctor.engines import engines_of_agents, models, tried_engines
from infra.system.doctor.finding import SETUP, Finding, installed
from infra.system.doctor.nats import examine_nats
from infra.system.nats import NatsMissing, is_in_part, nats_server_path, partitions_on
from infra.system.page_port import port_problem
from infra.system.postgres import PostgresMissing, postgres_bin

MIN_FREE_BYTES = 1_000_000_000


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is started or changed."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        _python,
        _packages,
        models,
        tried_engines,
        _agents,
        _nats_server,
        _embedded_postgres,
        _projections,
        _data_dir,
        _page_port,
        _keys,
        _for_tests,
    ]
    findings = [finding for check in checks for finding in check(settings)]
    if settings.nats_url:
        findings += await examine_nats(settings)
    return findings + await telemetry(settings)


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("Python", "ok", version)
    else:
        yield Finding("Python", "missing", f"{version} is not supported", "use Python 3.11, 3.12 or 3.13")


PACKAGES = {
    "faststream": "faststream",
    "nats": "nats-py",
    "msgpack": "msgpack",
    "pydantic": "pydantic",
    "livekit.agents": "livekit-agents",
    "livekit.plugins.silero": "livekit-plugins-silero",
    "langgraph": "langgraph",
    "langchain_openai": "langchain-openai",
    "soxr": "soxr",
    "uvicorn": "uvicorn",
    "websockets": "websockets",
}


def _packages(_settings: Settings) -> Iterator[Finding]:
    absent = [package for module, package in PACKAGES.items() if not installed(module)]
    if absent:
        yield Finding("Python packages", "missing", f"not installed: {', '.join(absent)}", SETUP)
    else:
        yield Finding("Python packages", "ok", f"{len(PACKAGES)} looked for, all there")


def _agents(settings: Settings) -> Iterator[Finding]:
    if not settings.agents:
        return
    from infra.agents.errors import BadAgent
    from infra.agents.loading import load_agents

    remedy = "correct it, or leave it out of DAREDEVIL_AGENTS"
    try:
        agents = load_agents(settings.agents)
    except BadAgent as error:
        yield Finding("agents", "missing", str(error), remedy)
        return
    for problem in agents.errors.values():
        yield Finding("agents", "warning", problem, remedy)
    yield Finding("agents", "ok", ", ".join(agents.by_name))
    yield from engines_of_agents(settings, agents.by_name.values())


def _nats_server(settings: Settings) -> Iterator[Finding]:
    if settings.nats_url:
        return
    if runtime := read_runtime(settings.data_dir):
        file = settings.data_dir / "run" / "runtime.json"
        where = f"running at {shown_url(runtime.nats_url)}; {file} has the DAREDEVIL_NATS_URL with its password"
        yield Finding("log", "ok", where)
    if is_in_part(settings.data_dir / "nats"):
        unfinished = NotYetRestored("")
        yield Finding("log", "missing", unfinished.problem, unfinished.remedy)
    try:
        yield Finding("NATS server", "ok", nats_server_path())
    except NatsMissing as error:
        yield Finding("NATS server", "missing", str(error), SETUP)


def _embedded_postgres(settings: Settings) -> Iterator[Finding]:
    if settings.postgres_url:
        return
    try:
        yield Finding("embedded Postgres", "ok", str(postgres_bin() / "postgres"))
    except PostgresMissing as error:
        # Calls go on without.
        yield Finding("embedded Postgres", "warning", str(error), SETUP)


def _projections(settings: Settings) -> Iterator[Finding]:
    try:
        rows = projections(settings)
    except UnknownProjection as error:
        remedy = f"correct DAREDEVIL_PROJECTIONS, or {how_to_unset('projections')}"
        yield Finding("projections", "missing", str(error), remedy)
        return
    for row in rows:
        subject = f"projection {row.name}"
        if not row.enabled(settings):
            yield Finding(subject, "ok", "off")
        elif not row.reads_partitions and (problem := _partitions_problem(settings)):
            yield Finding(subject, "missing", problem, "")
        elif problem := row.problem(settings):
            yield Finding(subject, "warning", problem, "calls go on; the projection waits until this is put right")
        else:
            yield Finding(subject, "ok", "on: `daredevil projections` tells how it is")


def _partitions_problem(settings: Settings) -> str:
    """Return why projections cannot follow the log; one elsewhere is asked later how many partitions it has."""
    if settings.nats_url:
        return ""
    return partitions_problem(settings, partitions_on(settings.data_dir / "nats", settings.partitions))


def _data_dir(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir.absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "choose another one with DAREDEVIL_DATA_DIR"
        yield Finding("data directory", "missing", f"{existing} cannot be written to", remedy)
        return
    yield Finding("data directory", "ok", str(path))
    free = shutil.disk_usage(existing).free
    state: Literal["ok", "warning"] = "ok" if free >= MIN_FREE_BYTES else "warning"
    remedy = "" if state == "ok" else "a full disk ends all calls: make room, or set DAREDEVIL_DATA_DIR"
    yield Finding("disk space", state, f"{free / 1e9:.1f} GB free", remedy)


def _page_port(settings: Settings) -> Iterator[Finding]:
    runtime = read_runtime(settings.data_dir)
    if runtime is not None:
        yield Finding("page", "ok", f"running at {runtime.page_url or '(starting)'} (process {runtime.supervisor_pid})")
        return
    if problem := port_problem(settings.host, settings.port):
        yield Finding("page", "missing", *problem)
    else:
        yield Finding("page", "ok", f"port {settings.port} of {settings.host} is free")


def _keys(settings: Settings) -> Iterator[Finding]:
    for variable in settings.short_keys():
        detail = f"it has under {SHORT_KEY_CHARS} characters and can be guessed"
        yield Finding(variable, "warning", detail, SHORT_KEY_REMEDY)


def _for_tests(_settings: Settings) -> Iterator[Finding]:
    browsers = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in browsers if (path := shutil.which(name))), None)
    for subject, found, package in (
        ("browser (tests only)", browser, "chromium"),
        ("espeak-ng (tests only)", shutil.which("espeak-ng"), "espeak-ng"),
    ):
        if found:
            yield Finding(subject, "ok", found)
        else:
            yield Finding(subject, "warning", "not installed: its tests are skipped", f"`apt-get install {package}`")
