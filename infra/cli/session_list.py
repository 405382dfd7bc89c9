"""Which sessions the log holds: read from the facts that open and close them."""

from dataclasses import asdict, dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from contracts.codec import Undecodable, decode
from contracts.events import Event, SessionClosed, SessionErased, SessionOpened, TurnEnded
from contracts.topology import VOICE, tail_of
from infra.log.connection import give_up_consumer

BATCH = 500


@dataclass(slots=True)
class SessionRow:
    """One session. `closed` is why it ended, empty while it is open; `turns` counts the caller's.

    Of an erased one the log tells no more whose it was: `closed` is `erased`.
    """

    session_id: str
    opened_ns: int
    door: str
    user_id: str
    turns: int = 0
    last_ns: int = 0
    closed: str = ""
    here: tuple[str, ...] = ()
    """Who is in it now, users by their name, the agent as `agent`."""

    @property
    def seconds(self) -> float:
        """From its beginning to its end, or to its last turn."""
        return max(0, self.last_ns - self.opened_ns) / 1e9

    def fields(self) -> dict[str, Any]:
        """Return it as what goes into JSON."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


async def list_sessions(nc: Client) -> list[SessionRow]:
    """Return all sessions in the order in which they opened."""
    rows: dict[str, SessionRow] = {}
    async for event in _read(nc, (SessionOpened, TurnEnded, SessionClosed, SessionErased)):
        fold(rows, event)
    return sorted(rows.values(), key=lambda row: row.opened_ns)


def fold(rows: dict[str, SessionRow], event: Event) -> None:
    """Take one fact into the list."""
    if isinstance(event, SessionOpened):
        row = SessionRow(event.session_id, event.time_ns, event.door, event.user_id, last_ns=event.time_ns)
        rows.setdefault(event.session_id, row)
        return
    if isinstance(event, SessionErased):
        _fold_erased(rows, event)
        return
    known = rows.get(event.session_id)
    if known is None:
        return
    known.last_ns = max(known.last_ns, event.time_ns)
    if isinstance(event, TurnEnded):
        known.turns += 1
    elif isinstance(event, SessionClosed):
        known.closed = event.reason


def _fold_erased(rows: dict[str, SessionRow], erased: SessionErased) -> None:
    first_ns = min((entry.time_ns for entry in erased.skeleton), default=erased.time_ns)
    row = rows.setdefault(erased.session_id, SessionRow(erased.session_id, first_ns, "", ""))
    row.closed = "erased"
    for entry in erased.skeleton:
        if entry.event == SessionOpened.__name__:
            row.opened_ns = entry.time_ns
        row.turns += entry.event == TurnEnded.__name__
        row.last_ns = max(row.last_ns, entry.time_ns)


async def _read(nc: Client, classes: tuple[type[Event], ...]) -> "Any":
    js = nc.jetstream()
    config = ConsumerConfig(
        filter_subjects=[f"voice.*.{tail_of(event)}" for event in classes],
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.ALL,
        inactive_threshold=10,
        mem_storage=True,
    )
    try:
        consumer = await js.add_consumer(VOICE, config)
    except NotFoundError:
        return
    subscription = await js.pull_subscribe_bind(stream=VOICE, consumer=consumer.name)
    left = consumer.num_pending or 0
    try:
        while left > 0:
            messages: list[Msg] = await subscription.fetch(min(BATCH, left), timeout=5)
            left -= len(messages)
            for message in messages:
                try:
                    yield decode(message.subject, message.data)
                except Undecodable:
                    continue
    finally:
        await give_up_consumer(nc, VOICE, consumer.name)
