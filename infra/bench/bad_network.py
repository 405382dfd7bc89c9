"""A network namespace whose only way out loses packets: for callers on bad lines. Linux, root, `ip` and `tc`.

The caller runs inside; the system outside, at an address of the pair's outer end. What the caller reads from the log
is spared: in earnest nobody reads it over that line.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

COMMAND_TIMEOUT_S = 10.0


class NoNetwork(RuntimeError):
    """A namespace cannot be made here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What befalls packets in each direction: so many are lost, all are late by `jitter_ms` give or take as much."""

    loss_percent: float
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, and the two ends of the line into it."""

    name: str
    outer: str
    inner: str
    outer_ip: str
    inner_ip: str

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return a command line that runs inside."""
        return ("ip", "netns", "exec", self.name, *command)


def why_not() -> str:
    """Say why no namespace can be made here, nothing if it can."""
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} cannot be found: install iproute2 (Linux)"
    if os.geteuid() != 0:
        return "network namespaces and `tc netem` need root: run this command with sudo"
    return ""


def plan(tag: str, number: int) -> Namespace:
    """Return names and addresses that a run has for itself: `tag` is unique, `number` (0 to 255) picks the subnet."""
    return Namespace(f"dd-{tag}", f"dd{tag}o", f"dd{tag}i", f"10.213.{number}.1", f"10.213.{number}.2")


def set_up(space: Namespace) -> list[tuple[str, ...]]:
    """Return the commands that make it."""
    return [
        ("ip", "netns", "add", space.name),
        ("ip", "link", "add", space.outer, "type", "veth", "peer", "name", space.inner, "netns", space.name),
        ("ip", "address", "add", f"{space.outer_ip}/24", "dev", space.outer),
        ("ip", "link", "set", space.outer, "up"),
        space.inside("ip", "address", "add", f"{space.inner_ip}/24", "dev", space.inner),
        space.inside("ip", "link", "set", space.inner, "up"),
        space.inside("ip", "link", "set", "lo", "up"),
    ]


def impair(space: Namespace, how: Impairment, spared_port: int) -> list[tuple[str, ...]]:
    """Return the commands that spoil the line in both directions, but for TCP from and to one port outside."""
    ends = [((), space.outer, "sport"), (space.inside(), space.inner, "dport")]
    commands: list[tuple[str, ...]] = []
    delay = f"{how.jitter_ms:g}ms"
    for where, device, port in ends:
        of_device = ("dev", device)
        bands = ("handle", "1:", "prio", "bands", "2", "priomap", *["1"] * 16)
        commands += [
            (*where, "tc", "qdisc", "add", *of_device, "root", *bands),
            (
                *(
                    *where,
                    "tc",
                    "qdisc",
                    "add",
                    *of_device,
                    "parent",
                    "1:2",
                    "handle",
                    "20:",
                    "netem",
                    "limit",
                    "10000",
                ),
                *("delay", delay, delay, "loss", f"{how.loss_percent:g}%"),
            ),
            (
                *(*where, "tc", "filter", "add", *of_device, "parent", "1:", "protocol", "ip", "prio", "1", "u32"),
                *("match", "ip", "protocol", "6", "0xff", "match", "ip", port, str(spared_port), "0xffff"),
                *("flowid", "1:1"),
            ),
        ]
    return commands


def take_down(space: Namespace) -> list[tuple[str, ...]]:
    """Return the commands that remove it; the line goes with its inner end."""
    return [("ip", "netns", "delete", space.name)]


@asynccontextmanager
async def namespace() -> AsyncIterator[Namespace]:
    """Have a namespace for a block. Raises NoNetwork."""
    if problem := why_not():
        raise NoNetwork(problem)
    space = plan(secrets.token_hex(3), secrets.randbelow(256))
    try:
        for command in set_up(space):
            await run(command)
        yield space
    finally:
        for command in take_down(space):
            await run(command)


async def run(command: tuple[str, ...]) -> None:
    """Run a command to its end. Raises NoNetwork with what it said."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NoNetwork(f"`{' '.join(command)}` did not end") from None
    if process.returncode != 0:
        raise NoNetwork(f"`{' '.join(command)}` failed: {said.decode(errors='replace').strip()}")
