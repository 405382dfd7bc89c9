"""How many cores a control group allows, and what it has used: version 2, version 1, and as containers see them."""

from pathlib import Path

import pytest

from infra.process.cgroup import limiting_group

DOCKER = "/docker/4f1c"


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


V1 = {"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("own", "files", "cores", "used_s"),
    [
        # Version 2: a container that sees its own group at the top; a service within two limits.
        ("0::/\n", {"cpu.max": "150000 100000\n", "cpu.stat": "usage_usec 2500000\nuser_usec 1\n"}, 1.5, 2.5),
        (
            "0::/system.slice/voice.service\n",
            {
                "system.slice/cpu.max": "100000 100000\n",
                "system.slice/cpu.stat": "usage_usec 4000000\n",
                "system.slice/voice.service/cpu.max": "200000 100000\n",
                "system.slice/voice.service/cpu.stat": "usage_usec 3000000\n",
            },
            1.0,
            4.0,
        ),
        # Version 1: a container that is shown its path on the host; both controllers on one mount; an own group.
        (
            f"4:memory:{DOCKER}\n2:cpuacct:{DOCKER}\n1:cpu:{DOCKER}\n0::/\n",
            {**{f"cpu/{name}": text for name, text in V1.items()}, "cpuacct/cpuacct.usage": "1500000000\n"},
            0.5,
            1.5,
        ),
        (
            f"3:cpu,cpuacct:{DOCKER}\n",
            {**{f"cpu,cpuacct/{name}": text for name, text in V1.items()}, "cpu,cpuacct/cpuacct.usage": "2000000000\n"},
            0.5,
            2.0,
        ),
        (
            "2:cpuacct:/voice\n1:cpu:/voice\n",
            {
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                **{f"cpu/voice/{name}": text for name, text in V1.items()},
                "cpuacct/voice/cpuacct.usage": "7000000000\n",
            },
            0.5,
            7.0,
        ),
        (
            "0::/\n1:cpu:/\n",
            {**{f"cpu/{name}": text for name, text in V1.items()}},
            0.5,
            None,  # what it has used is not told
        ),
    ],
)
def test_the_lowest_limit_counts(tmp_path: Path, own: str, files: dict[str, str], cores: float, used_s: float) -> None:
    own_file = tmp_path / "own"
    own_file.write_text(own)
    group = limiting_group(tree(tmp_path / "cgroup", files), own_file)
    assert group is not None
    assert (group.cores, group.used_s()) == (cores, used_s)


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}),
        ("0::/\n", {}),
        ("0::/\n", {"cpu.max": "rubbish\n"}),
    ],
)
def test_without_a_limit_there_is_none(tmp_path: Path, own: str, files: dict[str, str]) -> None:
    own_file = tmp_path / "own"
    own_file.write_text(own)
    assert limiting_group(tree(tmp_path / "cgroup", files), own_file) is None


def test_without_groups_there_is_none(tmp_path: Path) -> None:
    assert limiting_group(tmp_path, tmp_path / "own") is None
