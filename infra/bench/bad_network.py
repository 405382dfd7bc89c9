"""A network namespace whose only line loses and delays packets, for callers on bad lines. Needs Linux, root, `ip`.

The caller runs inside; the system outside, at an address of the line's outer end. The line is a pair of TUN devices
between which this process carries the packets, as `tc netem` would: many kernels come without that, this one can be
changed while it runs, and it can exempt what the caller reads from the log, which real callers do not read.
"""

import asyncio
import fcntl
import os
import random
import secrets
import shutil
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

COMMAND_TIMEOUT_S = 10.0
TUN = "/dev/net/tun"
MAX_PACKET = 65_536
MAX_UNDERWAY = 10_000
"""Packets beyond this are dropped, as in a router's queue."""

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_TCP = 6


class NoNetwork(RuntimeError):
    """A namespace cannot be created here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """How packets fare in each direction: so many are lost, all are delayed by `jitter_ms` plus or minus as much."""

    loss_percent: float = 0
    jitter_ms: float = 0

    def delay_s(self, chance: random.Random) -> float | None:
        """Return the delay of the next packet, None if it is lost. A packet may overtake another."""
        if chance.random() * 100 < self.loss_percent:
            return None
        return chance.uniform(0, 2 * self.jitter_ms) / 1000


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
    """Return why no namespace can be created here, an empty text if it can."""
    if shutil.which("ip") is None:
        return "`ip` was not found: install iproute2 (Linux)"
    if os.geteuid() != 0:
        return "network namespaces need root: run this command with sudo"
    if not os.path.exists(TUN):
        return f"there is no {TUN} here: give the container that device and the capability NET_ADMIN"
    return ""


def plan(tag: str, number: int) -> Namespace:
    """Return names and addresses for one run: `tag` is unique, `number` (0 to 255) picks the subnet."""
    return Namespace(f"dd-{tag}", f"dd{tag}o", f"dd{tag}i", f"10.213.{number}.1", f"10.213.{number}.2")


def set_up(space: Namespace) -> list[tuple[str, ...]]:
    """Return the commands that create it, once its devices exist."""
    return [
        ("ip", "netns", "add", space.name),
        ("ip", "link", "set", space.inner, "netns", space.name),
        ("ip", "address", "add", f"{space.outer_ip}/24", "dev", space.outer),
        ("ip", "link", "set", space.outer, "up"),
        space.inside("ip", "address", "add", f"{space.inner_ip}/24", "dev", space.inner),
        space.inside("ip", "link", "set", space.inner, "up"),
        space.inside("ip", "link", "set", "lo", "up"),
    ]


def is_spared(packet: bytes, port: int) -> bool:
    """Return whether an IP packet is TCP from or to this port."""
    if len(packet) < 24 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return False
    header = (packet[0] & 15) * 4
    return len(packet) >= header + 4 and port in struct.unpack_from("!HH", packet, header)


class ImpairedLink:
    """Carries packets between the two ends of a namespace's line; `impairment` may be changed at any time.

    `spared_port` is a TCP port whose packets pass untouched.
    """

    def __init__(self, space: Namespace, seed: int = 1) -> None:
        self.space = space
        self.impairment = Impairment()
        self.spared_port = 0
        self.carried = self.lost = 0
        self._chance = random.Random(seed)
        self._underway: set[asyncio.TimerHandle] = set()
        self._ends: list[int] = []

    def open(self) -> None:
        """Create both devices. Raises NoNetwork."""
        for device in (self.space.outer, self.space.inner):
            try:
                end = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
                self._ends.append(end)
                fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", device.encode(), _IFF_TUN | _IFF_NO_PI))
            except OSError as error:
                raise NoNetwork(f"the device {device} cannot be created on {TUN}: {error.strerror or error}") from error

    def carry(self) -> None:
        """Start to carry packets, in the running loop."""
        loop = asyncio.get_running_loop()
        for end, other in (self._ends, self._ends[::-1]):
            loop.add_reader(end, self._take, end, other)

    def close(self) -> None:
        """Remove the devices; packets on their way are lost."""
        loop = asyncio.get_running_loop()
        for handle in self._underway:
            handle.cancel()
        for end in self._ends:
            loop.remove_reader(end)
            os.close(end)
        self._ends = []

    def _take(self, end: int, other: int) -> None:
        with suppress(BlockingIOError):
            while True:
                self._carry(os.read(end, MAX_PACKET), other)

    def _carry(self, packet: bytes, other: int) -> None:
        if is_spared(packet, self.spared_port):
            self._give(packet, other)
            return
        self.carried += 1
        delay_s = self.impairment.delay_s(self._chance)
        if delay_s is None or len(self._underway) >= MAX_UNDERWAY:
            self.lost += 1
        elif delay_s == 0:
            self._give(packet, other)
        else:
            self._later(delay_s, packet, other)

    def _later(self, delay_s: float, packet: bytes, other: int) -> None:
        def give() -> None:
            self._underway.discard(handle)
            self._give(packet, other)

        handle = asyncio.get_running_loop().call_later(delay_s, give)
        self._underway.add(handle)

    def _give(self, packet: bytes, other: int) -> None:
        with suppress(OSError):  # this end is not up yet, or has no room: the packet is lost
            os.write(other, packet)


@asynccontextmanager
async def bad_line() -> AsyncIterator[ImpairedLink]:
    """Yield a namespace with a line into it; the line is good until it is impaired. Raises NoNetwork."""
    if problem := why_not():
        raise NoNetwork(problem)
    line = ImpairedLink(plan(secrets.token_hex(3), secrets.randbelow(256)))
    try:
        line.open()
        for command in set_up(line.space):
            await run(command)
        line.carry()
        yield line
    finally:
        line.close()
        with suppress(NoNetwork):
            await run(("ip", "netns", "delete", line.space.name))


async def run(command: tuple[str, ...]) -> None:
    """Run a command to its end. Raises NoNetwork with its output."""
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
