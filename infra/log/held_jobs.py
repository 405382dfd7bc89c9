"""Notes of the jobs that a process holds, for its supervisor to pass them to another copy when the process dies.

JetStream redelivers the jobs of a dead process after the durable's `ack_wait`, 3 s, which cannot be shorter: a busy
process would be taken for a dead one. The supervisor learns of the death at once, and can acknowledge a message for
which it knows the subject of the acknowledgement: it sends `-NAK` in place of the dead process.

A process has a folder of its own, `<DAREDEVIL_HELD_DIR>/<pid>`, a file in it for each job:
`<durable>.<stream>.<sequence>`, the subject of its acknowledgement inside. Heartbeats set the time of the folder, by a
clock that does not step (`infra.log.clock.elapsed_ns`): after a longer silence JetStream has redelivered the jobs
itself. Without that variable, that is, without a supervisor, nothing is noted.
"""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from contracts.topology import DURABLES, OPERATOR
from infra.cannot_run import CannotRun
from infra.log.clock import elapsed_ns
from infra.log.connection import round_trip
from infra.log.nats_access import connect
from infra.settings import settings

log = logging.getLogger(__name__)

HELD_DIR = "DAREDEVIL_HELD_DIR"
ACK_PREFIX, NAK = "$JS.ACK.", b"-NAK"
NATS_TIMEOUT_S = 2


class HeldJobs:
    """The notes of this process about the jobs that it holds of one durable."""

    def __init__(self, durable: str) -> None:
        self._durable = durable
        folder = os.environ.get(HELD_DIR, "")
        self._folder = Path(folder) / str(os.getpid()) if folder else None

    def note(self, message: Msg) -> None:
        """Note a job that was received, or delivered again."""
        if self._folder is not None:
            with _unnoted():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file(self._folder, message).write_text(message.reply)
                self.beat()

    def strike(self, message: Msg) -> None:
        """Remove the note of a job that is no longer held."""
        if self._folder is not None:
            with _unnoted():
                self._file(self._folder, message).unlink(missing_ok=True)

    def beat(self) -> None:
        """Note the time of a heartbeat for these jobs."""
        if self._folder is not None and self._folder.exists():
            with _unnoted():
                now_ns = elapsed_ns()
                os.utime(self._folder, ns=(now_ns, now_ns))

    def _file(self, folder: Path, message: Msg) -> Path:
        place = message.metadata
        # One note for each job, whichever partition of the log it is in.
        return folder / f"{self._durable}.{place.stream}.{place.sequence.stream}"


@contextlib.contextmanager
def _unnoted() -> Iterator[None]:
    """Continue if the note cannot be written: the job then reaches another copy later."""
    try:
        yield
    except OSError as error:
        log.debug("a note about a held job could not be written: %r", error)


@dataclass(frozen=True, slots=True, order=True)
class _Note:
    sequence: int
    durable: str
    ack_subject: str


def notes_of(folder: Path, now_s: float) -> list[str]:
    """Return the acknowledgement subjects of the jobs in a dead process's folder, in the order of the log.

    `now_s` is the time as heartbeats note it, seconds. Jobs that JetStream has redelivered by now are left out.
    """
    ack_wait_s = {durable.name: durable.ack_wait_s for durable in DURABLES}
    notes: list[_Note] = []
    try:
        silent_s = now_s - folder.stat().st_mtime
        for file in folder.iterdir():
            job, _, sequence = file.name.rpartition(".")
            durable = job.partition(".")[0]
            subject = file.read_text()
            if silent_s < ack_wait_s.get(durable, 0) and sequence.isdigit() and subject.startswith(ACK_PREFIX):
                notes.append(_Note(int(sequence), durable, subject))
    except OSError as error:
        log.debug("notes of %s: %r", folder, error)
    return [note.ack_subject for note in sorted(notes)]


async def give_back(held_dir: Path, pid: int, nats_url: str) -> int:
    """Release the jobs of a dead process to other copies; return how many. While NATS is away it releases none."""
    folder = held_dir / str(pid)
    subjects = await asyncio.to_thread(notes_of, folder, elapsed_ns() / 1e9)
    given = 0
    nc: Client | None = None
    try:
        if subjects:
            async with asyncio.timeout(NATS_TIMEOUT_S):
                nc = await connect(
                    nats_url, OPERATOR, settings(), allow_reconnect=False, connect_timeout=NATS_TIMEOUT_S
                )
                for subject in subjects:
                    await nc.publish(subject, NAK)
                await round_trip(nc)
                given = len(subjects)
    except (NatsError, TimeoutError, OSError, CannotRun) as error:
        log.debug("jobs of process %d could not be released to other copies: %r", pid, error)
    finally:
        if nc is not None:
            await nc.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return given
