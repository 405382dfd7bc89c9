"""A line for each session of the log, as `daredevil sessions` shows them."""

from collections.abc import Sequence

import pytest
from faststream.nats import NatsBroker
from nats.js import JetStreamContext

from contracts import events as e
from contracts.topology import VOICE
from infra.erasure import erase_session
from infra.log.connection import connection, jetstream
from infra.log.event_log import deliver_again, history
from infra.session import index
from infra.session.index import SessionRow, Wanted, page_of, session_rows
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


async def stored_again(broker: NatsBroker, events: Sequence[e.Event]) -> None:
    for event in events:
        await deliver_again(broker, event, "test")


async def test_facts_that_are_stored_again_make_no_other_sessions_turns_or_ends(broker: NatsBroker) -> None:
    for n in range(3):
        await store(broker, session(f"s-{n}", "sam", exchanges=2))
    await stored_again(broker, session("s-0", "sam", exchanges=2))
    rows, total = await rows_of(broker)
    assert [(row.session_id, row.turns, row.closed) for row in rows] == [(f"s-{n}", 2, "hangup") for n in range(3)]
    newest, _ = await rows_of(broker, most=2)
    assert ([row.session_id for row in newest], total) == (["s-1", "s-2"], 3)


async def test_an_erasure_that_is_stored_again_doubles_no_turns(broker: NatsBroker) -> None:
    await store(broker, session("s-0", "sam", exchanges=2))
    await stored_again(broker, session("s-0", "sam", exchanges=2))
    await erase_session(broker, "s-0", "asked for it")
    async for fact in history(connection(broker), "s-0"):
        await deliver_again(broker, fact.event, "test")
    [row], _ = await rows_of(broker)
    assert (row.closed, row.turns) == ("erased", 2)


@pytest.mark.parametrize("window", [1, 5, 1000])
async def test_a_session_whose_opening_is_stored_again_is_on_one_page(
    broker: NatsBroker, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "WINDOW", window)
    monkeypatch.setattr(index, "WIDEST_WINDOW", window)
    for n in range(3):
        await store(broker, session(f"s-{n}", "sam", exchanges=1))
    await stored_again(broker, [session("s-0", "sam")[0], session("s-1", "sam")[0]])
    listed, before = list[str](), 0
    while True:
        page = await page_of(connection(broker), Wanted(before=before), 1)
        listed += [one.event.session_id for one in page.sessions]
        before = page.before
        if not before:
            break
    assert listed == ["s-2", "s-1", "s-0"]


async def test_a_log_that_was_never_used_has_no_sessions(broker: NatsBroker) -> None:
    js: JetStreamContext = jetstream(broker)
    assert await rows_of(broker) == ([], 0)
    await js.delete_stream(VOICE)
    assert await rows_of(broker) == ([], 0)
