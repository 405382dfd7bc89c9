"""The image with the local models, for one platform, as one container with a read-only root.

`IMAGE_TAG` and `PLATFORM` name what is started: what `scripts/image.sh` has built with these as `TAG` and `PLATFORM`.
"""

import json
import os
import tomllib
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from infra.caller import ScriptedUtterance, place_call, read_wav
from infra.system.nats import free_port
from tests.e2e.conftest import DATA
from tests.stack.stack import ROOT, CommandFailed, run
from tests.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

IMAGE = f"localhost/daredevil-local:{os.environ.get('IMAGE_TAG', 'test')}"
PLATFORM = os.environ.get("PLATFORM", "")
MACHINES = {"": "", "linux/amd64": "x86_64", "linux/arm64": "aarch64"}
IS_EMULATED = MACHINES[PLATFORM] not in ("", os.uname().machine)
READY_TIMEOUT_S = 900
"""An emulated machine starts many times as slowly."""

ANSWER_TIMEOUT_S = 600
PATIENT = ("STT_TIMEOUT_S", "LLM_TIMEOUT_S", "TTS_TIMEOUT_S")
"""Settings by which engines that are too slow are given up: not where all of them are."""

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

WITHOUT_BYTECODE = """
import importlib, pathlib, sys
for name in ("persistence", "reasoning", "summaries", "synthesis", "tools", "transcript"):
    importlib.import_module(f"actors.{name}").app
import bridge.http.app, bridge.livekit.app, bridge.websocket.app, infra.cli, projections.app
for name, module in list(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    if spec and spec.has_location and spec.origin.endswith(".py") and not pathlib.Path(spec.cached or "").exists():
        print(name)
"""
"""Prints the modules of our processes that would be compiled at each start."""

UNLISTED = """
import importlib.metadata, json, re
def named(name):
    return re.sub("[-_.]+", "-", name).lower()
listed = json.load(open("/usr/share/doc/daredevil/sbom.cdx.json"))["components"]
told = {(named(each["name"]), each["version"]) for each in listed}
for part in importlib.metadata.distributions(path=["/opt/daredevil/lib/python3.11/site-packages"]):
    if (named(part.name), part.version) not in told:
        print(part.name, part.version)
"""
"""Prints the packages that the list of parts does not have."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def container() -> AsyncIterator[tuple[str, str]]:
    """The whole system in one container: its id, and the address of its page."""
    port = free_port()
    platform = ["--platform", PLATFORM] if PLATFORM else []
    patience = [part for name in PATIENT if IS_EMULATED for part in ("-e", f"DAREDEVIL_{name}={ANSWER_TIMEOUT_S}")]
    try:
        await run("podman", "image", "exists", IMAGE)
    except CommandFailed:
        pytest.skip(f"there is no image {IMAGE}: bash scripts/image.sh builds it")
    started = await run(
        *("podman", "run", "-d", *platform, *patience, "--pull", "never", "--read-only", "--tmpfs", "/tmp"),
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


async def test_it_is_run_by_a_user_who_cannot_become_another_and_its_root_is_read_only(
    container: tuple[str, str],
) -> None:
    name, _ = container
    assert await run("podman", "exec", name, "id", "-u") == "10001\n"
    assert await run("podman", "exec", name, "find", "/usr", "/opt", "-perm", "/6000") == ""
    with pytest.raises(CommandFailed, match="Read-only file system"):
        await run("podman", "exec", "--user", "root", name, "touch", "/opt/project/new")


async def test_nothing_is_compiled_when_its_processes_start(container: tuple[str, str]) -> None:
    name, _ = container
    assert await run("podman", "exec", name, "python", "-c", WITHOUT_BYTECODE) == ""


async def test_it_says_what_it_is_and_lists_every_package(container: tuple[str, str]) -> None:
    name, _ = container
    labels = json.loads(await run("podman", "inspect", "--format", "{{json .Config.Labels}}", name))
    told = {key.removeprefix("org.opencontainers.image."): text for key, text in labels.items()}
    assert told["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert len(told["revision"].removesuffix("-dirty")) == 40
    assert "python" in told["base.name"]
    assert await run("podman", "exec", name, "python", "-c", UNLISTED) == ""


async def test_every_local_model_is_there(container: tuple[str, str]) -> None:
    name, _ = container
    findings = await run("podman", "exec", name, "daredevil", "doctor", "--json", timeout_s=ANSWER_TIMEOUT_S)
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
