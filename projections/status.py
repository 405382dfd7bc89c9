"""The status of a projection: what each copy answers, and how to request it."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts.topology import status_subject
from infra.cannot_run import CannotRun, ends_process
from infra.log.log_streams import log_infos, streams_of_log
from projections.positions import Positions

RATE_WINDOW_S = 10.0


@dataclass(slots=True)
class Status:
    """One copy of a projection.

    `state` is `live`, `catching up`, `standby` (another copy is at work), `waiting` (for a server that is away) or
    `stopped`; `reason` is why and, if stopped, what to do. `position` is the last sequence of the log that is
    stored, `log_end` the log's last; with several partitions each is the sum of theirs. `errors` is how many facts
    could not be stored completely, `last_error` why.
    """

    name: str
    state: str = "starting"
    reason: str = ""
    position: int = 0
    log_end: int = 0
    events_per_s: float = 0
    errors: int = 0
    last_error: str = ""
    pid: int = 0

    @property
    def lag(self) -> int:
        """How many sequences of the log are still to come."""
        return max(0, self.log_end - self.position)


class Rate:
    """Events a second over the last ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, int]] = deque(maxlen=10_000)
        self._began_s = clock()

    def count(self, events: int) -> None:
        """Note how many events have just been stored."""
        self._counts.append((self._clock(), events))

    def per_s(self) -> float:
        """Return the current rate."""
        now_s = self._clock()
        while self._counts and now_s - self._counts[0][0] > RATE_WINDOW_S:
            self._counts.popleft()
        seconds = max(1.0, min(RATE_WINDOW_S, now_s - self._began_s))
        return round(sum(events for _, events in self._counts) / seconds, 1)


async def answer_status(nc: Client, name: str, status: Callable[[], Status]) -> None:
    """Answer for this copy until the connection is closed; the log's end is looked up for each answer."""

    async def answer(request: Msg) -> None:
        now = status()
        now.log_end = await log_end(nc)
        await request.respond(json.dumps(asdict(now)).encode())

    await nc.subscribe(status_subject(name), cb=answer)


async def ask_status(nc: Client, name: str, patience_s: float = 0.5) -> list[Status]:
    """Return the answers of the running copies of a projection within `patience_s`, the active one first."""
    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox)
    answers: list[Status] = []
    try:
        await nc.publish(status_subject(name), b"", reply=inbox)
        deadline = time.monotonic() + patience_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    message = await subscription.next_msg(timeout=left_s)
            except TimeoutError:
                break
            if message.data:  # else: nobody listens
                answers.append(Status(**json.loads(message.data)))
    finally:
        await subscription.unsubscribe()
    return sorted(answers, key=lambda answer: answer.state == "standby")


async def log_ends(nc: Client) -> Positions:
    """Return the last sequence of each partition of the log, 0 without a log. Raises nats errors."""
    try:
        return Positions(info.state.last_seq for info in await log_infos(nc))
    except NotFoundError:
        return Positions.start((await streams_of_log(nc)).partitions)


async def log_end(nc: Client) -> int:
    """Return how far the log is: the sequence of its last fact, with several partitions the sum of theirs.

    Raises nats errors.
    """
    return (await log_ends(nc)).total


class ProjectionEnded(CannotRun, RuntimeError):
    """The work of a projection has ended unrequested; the process ends with it."""


def end_process(work: "asyncio.Task[None]") -> None:
    """End the process when a projection's work ends unrequested, so that it is restarted.

    Work that returns normally has the reason in its status, and waits for an operator.
    """
    error = None if work.cancelled() else work.exception()
    if work.cancelled() or error is not None:
        with ends_process():
            raise ProjectionEnded(f"{work.get_name()} has ended: {error or 'cancelled'!r}") from error
