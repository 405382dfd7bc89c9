"""A peer's program, run in its own environment: started once, asked for one call after the other."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.bench.gap import CallPlan
from infra.process.tasks import ended
from tests.peers.figures import Placed
from tests.peers.messages import Answered, Asked, Setup, answered_in, line_of

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = REPOSITORY / ".venv-peers"
RATE_HZ = 16_000
START_S, CALL_S, END_S = 120.0, 60.0, 15.0


@dataclass(frozen=True, slots=True)
class PeerKind:
    """A framework: its environment in `.venv-peers`, and its program."""

    environment: str
    program: str

    @property
    def python(self) -> Path:
        """The Python of its environment."""
        return ENVIRONMENTS / self.environment / "bin" / "python"


PEERS = {
    "livekit-agents": PeerKind("livekit_agents", "tests.peers.livekit_agents"),
    "pipecat": PeerKind("pipecat", "tests.peers.pipecat_bot"),
}


class PeerGone(RuntimeError):
    """A peer's program has ended, or does not answer; the message says which, and where its output is."""


class Peer:
    """A running peer; `tuned` are its settings for a short gap."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.name = name
        self._process = process
        self._folder = folder

    async def place(self, plan: CallPlan) -> Placed:
        """Place a call. Raises PeerGone."""
        pcm = self._folder / f"{plan.wav}.pcm"
        plan.sound.at_rate(RATE_HZ).samples.astype("<i2").tofile(pcm)
        end_s = plan.end_of_speech_sample / plan.sound.rate_hz
        answered = answered_in(await self.ask(line_of(Asked(str(pcm), end_s)), CALL_S))
        return placed_of(self.name, plan, answered, end_s)

    async def ask(self, line: str, within_s: float) -> str:
        """Send a line; return its answer. Raises PeerGone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line.encode())
        try:
            async with asyncio.timeout(within_s):
                await self._process.stdin.drain()
                answer = await self._process.stdout.readline()
        except TimeoutError as error:
            raise PeerGone(f"{self.name} gives no answer within {within_s:.0f} s: see {self.log}") from error
        except ConnectionError:
            answer = b""
        if not answer:
            raise PeerGone(f"{self.name} has ended: see {self.log}")
        return answer.decode()

    @property
    def log(self) -> Path:
        """Where what it prints goes."""
        return self._folder / f"{self.name}.log"


def placed_of(name: str, plan: CallPlan, answered: Answered, end_s: float) -> Placed:
    """Return a call as this system answered it."""
    onsets_ms = tuple(round((at_s - end_s) * 1000, 1) for at_s in answered.onsets_s)
    return Placed(name, plan.wav, plan.pause, plan.text, onsets_ms, answered.heard, answered.problem)


@asynccontextmanager
async def running(name: str, kind: PeerKind, setup: Setup, folder: Path) -> AsyncIterator[Peer]:
    """Yield a peer whose engines are loaded; it ends with the block. Raises PeerGone."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LOGURU_LEVEL": "WARNING"}
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            kind.python, "-m", kind.program, stdin=-1, stdout=-1, stderr=log, cwd=REPOSITORY, env=environment
        )
        peer = Peer(name, process, folder)
        try:
            await peer.ask(line_of(setup), START_S)
            yield peer
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    waiting = asyncio.create_task(process.wait())
    await asyncio.wait([waiting], timeout=END_S)
    if not waiting.done():
        process.kill()
        await waiting
    await ended(waiting)
