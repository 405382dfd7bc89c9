"""A stack for a test: the project's compose files, started by podman-compose with stand-ins for others' servers."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.system.nats import free_port
from tests.waiting import until_async

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "infra" / "deploy" / "compose"
DEVELOPMENT = ("compose.yaml", "compose.override.yaml")
STAND_INS = Path(__file__).parent / "compose.stand-ins.yaml"
STAND_INS_OF_PRODUCTION = Path(__file__).parent / "compose.stand-ins.production.yaml"
IMAGE, PREVIOUS = "localhost/daredevil-local:test", "localhost/daredevil-local:previous"

OURS = (
    *("llm", "transcript", "reasoning", "tools", "synthesis", "persistence", "summaries"),
    *("projection-postgres", "bridge", "http"),
)
"""Our services of the profile `core`."""

SERVERS = ("nats", "postgres")
PROFILES = ("core", "topics", "rooms", "observability")
COMMAND_TIMEOUT_S = 180
READY_TIMEOUT_S = 240
PAUSE_S = 0.5
"""Between two health checks: each starts a process in the container."""

PORTS = ("PORT", "HTTP_PORT", "NATS_PORT", "LIVEKIT_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "JAEGER_PORT")

PUBLISHES = """
import asyncio, sys
from nats.errors import Error
from infra.log.nats_access import connect
from infra.settings import settings

async def publish(process, subject):
    said = []

    async def note(error):
        said.append(str(error))

    nc = await connect(settings().nats_url, process, settings(), error_cb=note)
    try:
        await nc.jetstream(timeout=2).publish(subject, b"forged")
    except Error as error:
        said.append(type(error).__name__)
    await nc.close()
    print("; ".join(said))

asyncio.run(publish(*sys.argv[1:]))
"""
"""What a process that is taken over may try: to store bytes as a fact."""


async def needs(*stand_ins: str) -> None:
    """Skip the test if one of the images of others' servers could not be built (scripts/stack_images.sh says why)."""
    for name in stand_ins:
        try:
            await run("podman", "image", "exists", f"localhost/dd-{name}:test")
        except CommandFailed:
            pytest.skip(f"there is no stand-in for {name}: bash scripts/stack_images.sh says why")


class CommandFailed(AssertionError):
    """A command of podman or podman-compose has failed; the message has its output."""


async def run(*command: str, environment: dict[str, str] | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """Run a command and return what it prints. Raises CommandFailed, TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}: {process.returncode}\n{output.decode()}\n{errors.decode()[-4000:]}")
    return output.decode()


@dataclass(slots=True)
class Stack:
    """The containers of one project, on free ports of loopback; its files are in `folder`."""

    image: str = IMAGE
    project: str = "dd-stack"
    folder: Path = COMPOSE
    files: tuple[str, ...] = DEVELOPMENT
    stand_ins: tuple[Path, ...] = (STAND_INS,)
    variables: dict[str, str] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=lambda: {name: str(free_port()) for name in PORTS})

    @property
    def _label(self) -> str:
        return f"label=io.podman.compose.project={self.project}"

    @property
    def page_url(self) -> str:
        """The door with the page and `/ws`."""
        return self.local_url("PORT")

    @property
    def http_url(self) -> str:
        """The door of the HTTP API alone."""
        return self.local_url("HTTP_PORT")

    def local_url(self, port: str) -> str:
        """Return where a server answers that compose.override.yaml publishes under a variable of PORTS."""
        return f"http://127.0.0.1:{self.ports[port]}"

    @property
    def nats_url(self) -> str:
        """The log, for its operator."""
        return f"nats://operator:development-only@127.0.0.1:{self.ports['NATS_PORT']}"

    async def compose(self, *arguments: str, profiles: Iterable[str] = ("core",)) -> str:
        """Run a command of podman-compose on the stack. Raises CommandFailed."""
        paths = (*(self.folder / file for file in self.files), *self.stand_ins)
        files = [part for path in paths for part in ("-f", str(path))]
        chosen = [part for profile in profiles for part in ("--profile", profile)]
        program = str(Path(sys.executable).parent / "podman-compose")
        command = (
            *(program, "-p", self.project, *files),
            *(*chosen, *arguments),
        )
        images = {"IMAGE": self.image, "LLM_IMAGE": IMAGE, "STAND_INS_FOLDER": str(STAND_INS.parent / "images")}
        return await run(*command, environment={**self.ports, **images, **self.variables})

    async def up(self, *services: str, profiles: Iterable[str] = ("core",)) -> None:
        """Start services, all of the profiles unless some are named; return when they are healthy."""
        await self.compose("up", "-d", *services, profiles=profiles)
        await self.healthy(services or (*SERVERS, *OURS))

    async def replace(self, *services: str) -> None:
        """Put containers of the present image in place of those of services, as `compose up -d` does; wait for them."""
        await self.compose("up", "-d", "--no-deps", "--force-recreate", *services)
        await self.healthy(services)

    async def down(self) -> None:
        """Remove containers, networks and volumes; nothing of them is to be kept, so nothing waits for their end."""
        # First, because `down` leaves a container that is about to be restarted.
        if names := await self._names():
            await run("podman", "rm", "-f", "-t", "0", "--depend", *names)
        await self.compose("down", "-v", "-t", "5", profiles=PROFILES)
        assert await self._names() == []
        assert await run("podman", "volume", "ls", "-q", "--filter", self._label) == ""

    async def container(self, service: str) -> dict[str, Any]:
        """Return what podman knows of a service's container. Raises CommandFailed if there is none."""
        inspected: list[dict[str, Any]] = json.loads(await run("podman", "inspect", await self.name_of(service)))
        return inspected[0]

    async def name_of(self, service: str) -> str:
        """Return the id of a service's container. Raises CommandFailed if there is none."""
        label = f"label=com.docker.compose.service={service}"
        found = (await run("podman", "ps", "-aq", "--filter", label, "--filter", self._label)).split()
        if len(found) != 1:
            raise CommandFailed(f"{service} has {len(found)} containers")
        return found[0]

    async def healthy(self, services: Sequence[str], timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until the health check of each service's container succeeds. Raises AssertionError naming one."""
        for service in services:
            await until_async(partial(self._is_healthy, service), timeout_s, f"{service} is healthy")

    async def _is_healthy(self, service: str) -> bool:
        """Run the health check that the compose file gives the container: nothing runs it by itself without systemd."""
        try:
            await run("podman", "healthcheck", "run", await self.name_of(service))
        except CommandFailed:
            await asyncio.sleep(PAUSE_S)
            return False
        return True

    async def kill(self, service: str) -> int:
        """Kill the process of a container from outside, as a crash would end it; return the process id it had."""
        pid = int((await self.container(service))["State"]["Pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def restarted(self, service: str, old_pid: int) -> None:
        """Wait until the restart policy has started a killed container again and it is healthy."""

        async def again() -> bool:
            state = (await self.container(service))["State"]
            return bool(state["Running"] and state["Pid"] not in (0, old_pid))

        await until_async(again, READY_TIMEOUT_S, f"{service} runs again")
        await self.healthy([service])

    async def address_of(self, service: str) -> str:
        """Return the address of a service's container in a network, for this machine alone. Raises CommandFailed."""
        networks = (await self.container(service))["NetworkSettings"]["Networks"]
        return str(next(network["IPAddress"] for network in networks.values()))

    async def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container. Raises CommandFailed."""
        return await run("podman", "exec", await self.name_of(service), *command)

    async def as_operator(self, *command: str) -> str:
        """Run a command as the operator, in a container of its own, as the documents say. Raises CommandFailed."""
        return await self.compose("run", "--rm", "--no-deps", "-T", "provision", *command)

    async def refused_by_nats(self, service: str, subject: str) -> str:
        """Publish to a subject as a service's process, in its container; return what NATS says against it."""
        return await self.inside(service, "python", "-c", PUBLISHES, service, subject)

    async def printed_by(self, service: str) -> str:
        """Return what a service's container has printed to stdout. Raises CommandFailed."""
        return await run("podman", "logs", await self.name_of(service))

    async def save_logs(self, folder: Path) -> None:
        """Write what each container has printed to a file of its name, in a folder that is there."""
        for name in await self._names():
            process = await asyncio.create_subprocess_exec(
                *("podman", "logs", name), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            output, _ = await process.communicate()
            (folder / f"{name}.log").write_bytes(output)

    async def _names(self) -> list[str]:
        return (await run("podman", "ps", "-a", "--filter", self._label, "--format", "{{.Names}}")).split()


async def logs_kept(stack: Stack, failed: int) -> None:
    """Write the containers' logs to the folder STACK_LOGS; by default to one in .daredevil, if tests have failed."""
    if folder := os.environ.get("STACK_LOGS", ".daredevil/stack-logs" if failed else ""):
        os.makedirs(folder, exist_ok=True)
        await stack.save_logs(Path(folder))
