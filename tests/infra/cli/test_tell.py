"""`daredevil tell` as a user calls it."""

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.remarks import take_requests
from contracts import events as e
from infra.log.event_log import append, facts_after
from tests.actors.reasoning.facts import SESSION, opened
from tests.infra.cli.command import cli_beside


@pytest.mark.parametrize(
    ("door", "told"), [("websocket", "it is said when nothing else is"), ("http", "nobody is shown it")]
)
async def test_it_is_stored_and_told_whether_anybody_learns_of_it(broker: NatsBroker, door: str, told: str) -> None:
    await append(broker, opened().model_copy(update={"door": door}))
    async with take_requests(broker, 1_000):
        code, _, errors = await cli_beside("tell", SESSION, "A colleague joins.")
    assert code == 0, errors
    assert told in errors
    stored = [each.event for each in await facts_after(broker, SESSION) if isinstance(each.event, e.RemarkRequested)]
    assert [(each.text, each.requested_by) for each in stored] == [("A colleague joins.", "cli")]


async def test_a_session_that_is_not_there_is_told(broker: NatsBroker) -> None:
    async with take_requests(broker, 1_000):
        code, _, errors = await cli_beside("tell", "nowhere", "Hello.")
    assert code == 2
    assert "the log has no session nowhere" in errors
