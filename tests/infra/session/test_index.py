"""A line for each session of the log, as `daredevil sessions` shows them."""

from faststream.nats import NatsBroker
from nats.js import JetStreamContext

from contracts.topology import VOICE
from infra.log.connection import connection, jetstream
from infra.session.index import SessionRow, session_rows
from tests.infra.erasure.talk import session, store


async def rows_of(broker: NatsBroker, most: int = 0) -> tuple[list[SessionRow], int]:
    return await session_rows(connection(broker), most)


async def test_each_session_is_a_line_in_the_order_in_which_they_opened(broker: NatsBroker) -> None:
    await store(broker, session("s-1", "sam", exchanges=3))
    await store(broker, session("s-2", "", closed=False))
    (first, second), total = await rows_of(broker)
    assert (first.session_id, first.user_id, first.door, first.turns) == ("s-1", "sam", "websocket", 3)
    assert (first.closed, second.closed) == ("hangup", "")
    assert (second.session_id, second.turns, total) == ("s-2", 2, 2)
    assert first.opened_ns <= first.last_ns


async def test_only_the_newest_are_read_and_all_are_counted(broker: NatsBroker) -> None:
    for n in range(4):
        await store(broker, session(f"s-{n}", "sam", exchanges=n))
    rows, total = await rows_of(broker, most=2)
    assert ([(row.session_id, row.turns) for row in rows], total) == ([("s-2", 2), ("s-3", 3)], 4)


async def test_a_log_that_was_never_used_has_no_sessions(broker: NatsBroker) -> None:
    js: JetStreamContext = jetstream(broker)
    assert await rows_of(broker) == ([], 0)
    await js.delete_stream(VOICE)
    assert await rows_of(broker) == ([], 0)
