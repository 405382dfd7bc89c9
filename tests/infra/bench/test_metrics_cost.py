"""What metrics cost is measured on the facts of ten turns, all of which are counted."""

from contracts import events as e
from infra.bench.metrics_cost import metrics_cost, minute_of_talk
from infra.metrics import table as t
from infra.metrics.sessions import MeasuredSessions
from tests.infra.metrics.measured import read_metrics


def test_a_minute_of_talk_has_ten_turns_that_metrics_count() -> None:
    facts = minute_of_talk()
    assert sum(isinstance(fact, e.TurnEnded) for fact in facts) == 10
    sessions = MeasuredSessions()
    with read_metrics() as read:
        for fact in facts:
            sessions.count(fact, fact.time_ns)
        assert read.of(t.TURNS) == 10


def test_the_cost_is_that_of_as_many_pairs_as_were_asked_for() -> None:
    cost = metrics_cost(2)
    assert (cost.pairs, cost.facts) == (2, len(minute_of_talk()))
    (line,) = cost.lines()
    assert line.startswith(f"metrics of a call take {cost.percent_of_a_core:.3f} % of a core")
