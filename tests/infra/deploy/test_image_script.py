"""What `scripts/image.sh` asks an engine of containers for. The engine is a stand-in: a build takes minutes."""

import os
import platform
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BASE = "docker.io/library/python:3.11-slim-bookworm"
HERE = {"aarch64": "linux/arm64", "arm64": "linux/arm64"}.get(platform.machine(), "linux/amd64")
ELSEWHERE = "linux/amd64" if HERE == "linux/arm64" else "linux/arm64"


def asked(tmp_path: Path, target: str = "daredevil", status: int = 0, **variables: str) -> tuple[list[str], str]:
    """Return the engine's command lines, and what the script said; the engine ends `run` with `status`."""
    engine, calls = tmp_path / "podman", tmp_path / "calls"
    engine.write_text(f'#!/bin/sh\necho "$*" >>{calls}\ncase "$1" in run) exit {status} ;; esac\n')
    engine.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "CONTAINER_ENGINE": str(engine), "TAG": "1", **variables}
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "image.sh"), target],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) == (status == 0), done.stderr
    return calls.read_text().splitlines(), done.stdout + done.stderr


def test_the_platform_is_this_machines_whatever_base_was_used_last(tmp_path: Path) -> None:
    (build, *_), _ = asked(tmp_path)
    assert f"--platform {HERE} " in build
    assert f"--build-arg PYTHON_IMAGE={BASE} " in build
    assert "-t localhost/daredevil:1 " in build


def test_another_platform_is_tried_before_it_is_built_for(tmp_path: Path) -> None:
    (trial, build, *_), _ = asked(tmp_path, PLATFORM=ELSEWHERE, PYTHON_IMAGE="mirror.example/python:3.11")
    assert trial == f"run --rm --network none --platform {ELSEWHERE} mirror.example/python:3.11 true"
    assert f"--platform {ELSEWHERE} " in build
    assert "--build-arg PYTHON_IMAGE=mirror.example/python:3.11 " in build


def test_a_platform_that_cannot_run_here_is_told_with_what_to_do(tmp_path: Path) -> None:
    calls, said = asked(tmp_path, status=1, PLATFORM=ELSEWHERE)
    assert not any(line.startswith("build") for line in calls)
    assert f"This machine cannot run {BASE} for {ELSEWHERE}. If it has no emulator" in said


@pytest.mark.parametrize("target", ["daredevil", "daredevil-local"])
def test_two_platforms_have_one_name(tmp_path: Path, target: str) -> None:
    calls, _ = asked(tmp_path, target, PLATFORM="linux/amd64,linux/arm64")
    (build,) = [line for line in calls if line.startswith("build")]
    assert "--platform linux/amd64,linux/arm64 " in build
    assert f"--manifest localhost/{target}:1 " in build
    assert " -t " not in build


def test_with_a_time_of_the_sources_files_have_no_other(tmp_path: Path) -> None:
    (build, *_), _ = asked(tmp_path, SOURCE_DATE_EPOCH="1700000000")
    assert "--timestamp 1700000000 " in build
    (_, build, *_), _ = asked(tmp_path)
    assert "--timestamp" not in build


def test_the_revision_is_that_of_the_folder_and_says_what_was_not_committed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text('version = "1.2.3"\n')
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(source), *arguments],
            env={**os.environ, **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    revision = git("rev-parse", "HEAD")
    calls, _ = asked(tmp_path, CONTEXT=str(source))
    assert f"--build-arg REVISION={revision} " in calls[0]
    (source / "new.py").write_text("")
    calls, _ = asked(tmp_path, CONTEXT=str(source))
    assert any(f"--build-arg REVISION={revision}-dirty " in line for line in calls)
