"""What the images are made of can be had for both architectures, without building an image for the other one."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGE = ROOT / "infra" / "deploy" / "image"

PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")
"""Debian bookworm, which the images are based on."""


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_index_has_a_wheel_of_every_locked_package_with_a_locked_hash(platform: str, tmp_path: Path) -> None:
    """As the Containerfile installs them, for that platform; nothing is fetched but the index's answers."""
    options = ["--python-version", "3.11", "--require-hashes", "--no-build", "--excludes", str(IMAGE / "never.txt")]
    planned = subprocess.run(
        [
            *(str(ROOT / ".venv" / "bin" / "uv"), "pip", "install", "--dry-run", "--target", str(tmp_path)),
            *("--python-platform", platform, *options, "-r", str(ROOT / "requirements.lock")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert planned.returncode == 0, planned.stderr
    packages = {line.removeprefix(" + ").partition("==")[0] for line in planned.stderr.splitlines() if "==" in line}
    assert {"faststream", "nats-py", "onnxruntime", "moonshine-voice", "piper-tts"} <= packages
    assert ("wordllama" in packages) == platform.startswith("x86_64")  # it has no wheel for Linux on arm64
