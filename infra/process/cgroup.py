"""The CPU limit of a process's control group, of version 1 or 2, and what the group has used.

https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files,
https://docs.kernel.org/scheduler/sched-bwc.html for version 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class CpuGroup:
    """A group whose CPU is limited; a container's, mostly."""

    cores: float
    usage: Path
    """The file that has what its processes have used."""

    def used_s(self) -> float | None:
        """Return the CPU time of all that is and was in it; None if it cannot be read."""
        try:
            text = self.usage.read_text()
            if self.usage.name == "cpuacct.usage":
                return int(text) / 1e9
            return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6
        except (OSError, ValueError, KeyError):
            return None


def limiting_group(mount: Path = MOUNT, own: Path = OWN) -> CpuGroup | None:
    """Return the group that limits this process most: its own or one above it; None without a limit."""
    groups = (group for folder in _folders(mount, own) if (group := _limited(folder, mount)) is not None)
    return min(groups, key=lambda group: group.cores, default=None)


def _folders(mount: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the process's groups.

    In a container the path may be that on the host, which is not there: the folder at the top is then the container's.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = mount / controllers if controllers else mount
        folder = top / path.strip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(top))


def _limited(folder: Path, mount: Path) -> CpuGroup | None:
    try:
        if (version_2 := folder / "cpu.max").exists():
            quota, period = version_2.read_text().split()
            return CpuGroup(int(quota) / int(period), folder / "cpu.stat")
        quota_us, period_us = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    except (OSError, ValueError):  # no limit: `max`, or no such file
        return None
    if quota_us <= 0 or period_us <= 0:
        return None
    controllers, *path = folder.relative_to(mount).parts
    places = [mount.joinpath(name, *path, "cpuacct.usage") for name in (controllers, "cpuacct")]
    return CpuGroup(quota_us / period_us, next((place for place in places if place.exists()), places[0]))
