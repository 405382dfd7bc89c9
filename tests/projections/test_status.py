from faststream.nats import NatsBroker

from contracts.events import TurnEnded
from infra.log.connection import connection
from infra.log.event_log import append
from projections.status import Rate, Status, answer_status, ask_status


async def test_every_copy_answers_and_the_one_at_work_comes_first(broker: NatsBroker) -> None:
    nc = connection(broker)
    await append(broker, TurnEnded(event_id="t", session_id="s-1", time_ns=1, participant_id="p", text="hello"))
    await answer_status(nc, "projection-x", lambda: Status("projection-x", "standby"))
    await answer_status(nc, "projection-x", lambda: Status("projection-x", "live", position=0, errors=2))
    first, second = await ask_status(nc, "projection-x")
    assert (first.state, first.log_end, first.lag, first.errors) == ("live", 1, 1, 2)
    assert second.state == "standby"


async def test_a_projection_that_does_not_run_answers_nothing(broker: NatsBroker) -> None:
    assert await ask_status(connection(broker), "projection-nobody") == []


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    now_s = 100.0
    rate = Rate(lambda: now_s)
    rate.count(50)
    assert rate.per_s() == 50
    now_s = 105.0
    rate.count(50)
    assert rate.per_s() == 20
    now_s = 112.0
    assert rate.per_s() == 5
    now_s = 130.0
    assert rate.per_s() == 0
