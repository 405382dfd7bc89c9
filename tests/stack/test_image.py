"""The image with the local models, for one platform, as one container with a read-only root.

`IMAGE_TAG` and `PLATFORM` name what is started: what `scripts/image.sh` has built with these as `TAG` and `PLATFORM`.
"""

import json
import os
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from infra.caller import ScriptedUtterance, place_call, read_wav
from infra.system.nats import free_port
from tests.e2e.conftest import DATA
from tests.stack.stack import CommandFailed, run
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

IMAGE = f"localhost/daredevil-local:{os.environ.get('IMAGE_TAG', 'test')}"
PLATFORM = os.environ.get("PLATFORM", "")
MACHINES = {"": "", "linux/amd64": "x86_64", "linux/arm64": "aarch64"}
READY_TIMEOUT_S = 900
"""An emulated machine starts many times as slowly."""

ANSWER_TIMEOUT_S = 600

EMBEDS = """
import asyncio
from infra.engines.embedding import LocalEmbedder
print(len(asyncio.run(LocalEmbedder().embed(["hello"]))[0]))
"""

WRONG_LIBRARIES = """
import pathlib, platform
machine = {"x86_64": 62, "aarch64": 183}[platform.machine()]
for path in pathlib.Path("/opt/daredevil").rglob("*"):
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            head = file.read(20)
        if head[:4] == b"\\x7fELF" and int.from_bytes(head[18:20], "little") != machine:
            print(path)
"""
"""Prints what was made for another machine than the one that it is on."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def container() -> AsyncIterator[tuple[str, str]]:
    """The whole system in one container: its id, and the address of its page."""
    port = free_port()
    platform = ["--platform", PLATFORM] if PLATFORM else []
    try:
        await run("podman", "image", "exists", IMAGE)
    except CommandFailed:
        pytest.skip(f"there is no image {IMAGE}: bash scripts/image.sh builds it")
    started = await run(
        *("podman", "run", "-d", *platform, "--pull", "never", "--read-only", "--tmpfs", "/tmp"),
        *("-p", f"127.0.0.1:{port}:8030", "-v", f"{DATA}:/calls:ro", IMAGE),
    )
    name = started.strip()

    async def healthy() -> bool:
        try:
            await run("podman", "exec", name, "daredevil", "health", "--timeout", "10")
        except CommandFailed:
            assert await run("podman", "inspect", "--format", "{{.State.Running}}", name) == "true\n"
            return False
        return True

    try:
        await until_async(healthy, READY_TIMEOUT_S, "the system is healthy")
        yield name, f"http://127.0.0.1:{port}"
    finally:
        await run("podman", "rm", "-f", "-v", "-t", "0", name)


async def test_everything_in_it_is_of_its_platform_and_it_builds_nothing(container: tuple[str, str]) -> None:
    name, _ = container
    machine = (await run("podman", "exec", name, "uname", "-m")).strip()
    assert machine == (MACHINES[PLATFORM] or os.uname().machine)
    assert await run("podman", "exec", name, "python", "-c", WRONG_LIBRARIES) == ""
    assert await run("podman", "exec", name, "sh", "-c", "command -v pip uv gcc cc g++ c++ ld make || true") == ""


async def test_every_local_model_is_there(container: tuple[str, str]) -> None:
    name, _ = container
    findings = await run("podman", "exec", name, "daredevil", "doctor", "--json")
    told = [json.loads(line) for line in findings.splitlines()]
    assert {"speech to text (Moonshine)", "language model (SmolLM2)"} <= {each["subject"] for each in told}
    assert [each for each in told if each["state"] == "missing"] == []
    assert "embedding (WordLlama)" not in {each["subject"] for each in told}
    dimensions = await run("podman", "exec", name, "python", "-c", EMBEDS)
    assert dimensions.split()[-1] == "256"


async def test_text_is_answered(container: tuple[str, str]) -> None:
    _, url = container
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S) as http:
        answer = await http.post(f"{url}/chat", json={"text": "Hello, who are you?"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"]


async def test_a_call_is_recognised_and_answered_by_voice(container: tuple[str, str]) -> None:
    _, url = container
    hello = ScriptedUtterance(read_wav(DATA / "hello.wav"))
    result = await place_call(url, [hello], answer_timeout_s=ANSWER_TIMEOUT_S)
    assert "hello" in result.turns[0].text.lower()
    assert result.turns[0].heard_text
