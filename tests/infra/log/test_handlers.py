"""Handlers declared by decorators, and their agreement with the rows of the topology."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event, ReplyClauseWritten, SessionClosed, TurnEnded, TurnRecorded
from contracts.topology import PERSISTENCE, SUMMARIES, SYNTHESIS, Durable
from infra.log.handlers import EventHandlers, HandlersMismatch, NoHandler
from infra.log.inbox import Inbox
from tests.infra.log.copies import clause, session_closed, turn_ended
from tests.servers import NatsServer

ROOT = Path(__file__).parents[3]


def place_of(handler: Callable[..., Any]) -> str:
    return f"{os.path.relpath(__file__)}:{handler.__code__.co_firstlineno}"


async def nothing(event: Event) -> None:
    pass


async def nothing_else(event: Event) -> None:
    pass


async def test_each_event_is_handled_by_the_function_declared_for_its_class() -> None:
    handlers = EventHandlers[str]("durable summaries", (SessionClosed, ReplyClauseWritten))

    @handlers.on(SessionClosed)
    async def closed(event: SessionClosed) -> str:
        return f"closed by {event.reason}"

    @handlers.on(ReplyClauseWritten)
    async def written(event: ReplyClauseWritten) -> str:
        return f"written: {event.text}"

    handlers.check()
    assert await handlers.handle(session_closed()) == "closed by hangup"
    assert await handlers.handle(clause()) == "written: Hi."


async def test_one_function_may_handle_several_classes() -> None:
    handlers = EventHandlers[str]("durable summaries", (SessionClosed, ReplyClauseWritten))

    @handlers.on(SessionClosed, ReplyClauseWritten)
    async def either(event: SessionClosed | ReplyClauseWritten) -> str:
        return event.event_id

    handlers.check()
    assert [await handlers.handle(event) for event in (session_closed(), clause())] == ["s-1:closed", "s-1:c0"]


async def test_of_a_row_that_takes_everything_each_event_goes_to_its_own_handler_and_then_to_that_for_everything() -> (
    None
):
    handlers, order = EventHandlers[None]("durable persistence", ()), list[str]()

    @handlers.on_everything
    async def everything(event: Event) -> None:
        order.append(f"everything: {event.event_id}")

    @handlers.on(SessionClosed)
    async def closed(event: SessionClosed) -> None:
        order.append(f"closed: {event.event_id}")

    handlers.check()
    await handlers.handle(session_closed())
    await handlers.handle(clause())
    assert order == ["closed: s-1:closed", "everything: s-1:closed", "everything: s-1:c0"]


async def test_an_event_without_a_handler_is_refused() -> None:
    handlers = EventHandlers[None]("durable summaries", (SessionClosed,))
    handlers.on(SessionClosed)(nothing)
    with pytest.raises(NoHandler, match="durable summaries has no handler for TurnEnded"):
        await handlers.handle(turn_ended())


def test_a_handler_for_an_event_that_the_durable_does_not_take_is_an_error() -> None:
    inbox = Inbox(NatsBroker(), SYNTHESIS)
    inbox.on(SessionClosed)(nothing)
    inbox.on(ReplyClauseWritten)(nothing)
    with pytest.raises(HandlersMismatch) as refused:
        inbox.check()
    assert str(refused.value) == (
        f"nothing ({place_of(nothing)}) is declared for SessionClosed, but the durable synthesis receives only "
        "ReplyClauseWritten (contracts/topology): add the event there, or remove the handler"
    )


def test_a_durable_of_ones_own_is_not_looked_for_in_the_topology() -> None:
    inbox = Inbox(NatsBroker(), Durable("moderation", (TurnEnded,)))
    inbox.on(SessionClosed)(nothing)
    with pytest.raises(HandlersMismatch) as refused:
        inbox.check()
    extra, missing = str(refused.value).splitlines()
    assert "receives only TurnEnded (where you declare `Durable('moderation', …)`): add the event there" in extra
    assert missing.startswith(
        "the durable moderation receives TurnEnded (where you declare `Durable('moderation', …)`)"
    )
    assert "contracts/topology" not in str(refused.value)


async def test_an_event_of_the_durable_without_a_handler_is_an_error_before_anything_is_taken() -> None:
    inbox = Inbox(NatsBroker(), SUMMARIES)
    inbox.on(TurnRecorded)(nothing)
    with pytest.raises(HandlersMismatch, match=r"durable summaries receives SessionClosed .* no handler is declared"):
        await inbox.open()


def test_two_handlers_for_one_event_are_an_error_that_names_both() -> None:
    inbox = Inbox(NatsBroker(), SYNTHESIS)
    inbox.on(ReplyClauseWritten)(nothing)
    inbox.on(ReplyClauseWritten)(nothing_else)
    with pytest.raises(HandlersMismatch) as refused:
        inbox.check()
    both = f"nothing ({place_of(nothing)}) and nothing_else ({place_of(nothing_else)})"
    assert str(refused.value) == f"the durable synthesis has two handlers for ReplyClauseWritten, {both}: keep one"


def test_a_handler_for_everything_belongs_to_a_durable_that_takes_everything() -> None:
    inbox = Inbox(NatsBroker(), SYNTHESIS)
    inbox.on_everything(nothing)
    with pytest.raises(HandlersMismatch, match="the durable synthesis receives only ReplyClauseWritten"):
        inbox.check()
    with pytest.raises(HandlersMismatch, match="durable persistence receives every event"):
        Inbox(NatsBroker(), PERSISTENCE).check()
    everything = Inbox(NatsBroker(), PERSISTENCE)
    everything.on_everything(nothing)
    everything.on_everything(nothing_else)
    with pytest.raises(HandlersMismatch, match="two handlers for everything"):
        everything.check()


def test_an_app_whose_handlers_do_not_match_ends_with_one_line(nats_server: NatsServer, tmp_path: Path) -> None:
    example = (ROOT / "docs/examples/moderation.py").read_text()
    (tmp_path / "wrong.py").write_text(example.replace("e.TurnEnded)\nasync", "e.TurnInterrupted)\nasync"))
    done = subprocess.run(
        (sys.executable, "-m", "faststream", "run", "--app-dir", str(tmp_path), "wrong:app"),
        cwd=ROOT,
        env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert len(lines) == 2
    assert "is declared for TurnInterrupted, but the durable moderation receives only TurnEnded" in lines[0]
