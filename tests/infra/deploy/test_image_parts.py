"""What the images are made of can be had for both architectures, without building an image for the other one."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGE = ROOT / "infra" / "deploy" / "image"

PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")
"""Debian bookworm, which the images are based on."""


def versions(lock: Path) -> dict[str, set[str]]:
    """Return the versions of each package of a lock; several, if they are for several Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][\w.-]*)==([^ ;]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def planned(platform: str, folder: Path, lock: Path, excludes: Path) -> set[str]:
    """Return the packages that would be installed on a platform, all from wheels; only the index is asked."""
    options = ["--python-version", "3.11", "--require-hashes", "--no-build", "--excludes", str(excludes)]
    done = subprocess.run(
        [
            *(str(ROOT / ".venv" / "bin" / "uv"), "pip", "install", "--dry-run", "--target", str(folder)),
            *("--python-platform", platform, *options, "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {line.removeprefix(" + ").partition("==")[0] for line in done.stderr.splitlines() if "==" in line}


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_index_has_a_wheel_of_every_locked_package_with_a_locked_hash(platform: str, tmp_path: Path) -> None:
    """As the Containerfile installs them, for that platform."""
    packages = planned(platform, tmp_path, ROOT / "requirements.lock", IMAGE / "never.txt")
    assert {"faststream", "nats-py", "onnxruntime", "moonshine-voice", "piper-tts"} <= packages
    assert ("wordllama" in packages) == platform.startswith("x86_64")  # for Linux on arm64 it is compiled


@pytest.mark.slow
def test_what_wordllama_needs_on_arm64_has_wheels_too(tmp_path: Path) -> None:
    packages = planned(PLATFORMS[1], tmp_path, IMAGE / "wordllama.lock", IMAGE / "wordllama-build.txt")
    assert {"numpy", "safetensors", "tokenizers", "toml"} <= packages


def test_where_wordllama_is_compiled_it_has_the_versions_of_the_lock_and_its_build_tools_stay_behind() -> None:
    everywhere, there = versions(ROOT / "requirements.lock"), versions(IMAGE / "wordllama.lock")
    build_only = {
        line for line in (IMAGE / "wordllama-build.txt").read_text().splitlines() if line[:1] not in ("", "#")
    }
    assert build_only <= there.keys()
    assert {"cython", "setuptools"} <= build_only
    needed = there.keys() - build_only | {"wordllama"}
    assert {name: there[name] for name in needed} == {name: everywhere[name] for name in needed}
