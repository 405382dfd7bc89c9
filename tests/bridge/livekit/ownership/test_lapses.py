"""Which leases a watcher takes for lapsed: never because it was held up itself."""

from bridge.livekit.ownership.lapses import BUSY_S, Lapses
from bridge.livekit.ownership.lease import FREE, HELD, LAPSE_S, OVER, Holding


def holding(state: str = HELD, agent_name: str = "") -> Holding:
    return Holding(session_id="s-1", room="hall", room_sid="RM_1", agent_name=agent_name, state=state)


def seen(state: str = HELD) -> Lapses:
    lapses = Lapses("")
    lapses.take(holding(state), 1, 100.0)
    return lapses


def test_a_lease_that_is_not_renewed_lapses() -> None:
    lapses = seen()
    lapses.asked(100.0 + LAPSE_S - 0.01)
    assert lapses.lapsed() == []
    lapses.asked(100.0 + LAPSE_S)
    assert [lapsed.revision for lapsed in lapses.lapsed()] == [1]
    lapses.take(holding(), 2, 101.5)
    assert lapses.lapsed() == []


def test_time_in_which_the_watcher_itself_was_held_up_does_not_count() -> None:
    lapses = seen()
    # The watcher asked at 100.2 and came to read the answer, that there was no news, at 105.
    lapses.asked(100.2)
    assert lapses.lapsed() == []


def test_a_room_given_back_lapses_at_once_and_one_that_is_over_never() -> None:
    lapses = seen(FREE)
    lapses.asked(100.0)
    assert len(lapses.lapsed()) == 1
    lapses.take(holding(OVER), 2, 101)
    lapses.asked(200)
    assert lapses.lapsed() == []


def test_leases_of_another_agent_are_left_alone() -> None:
    lapses = Lapses("")
    lapses.take(holding(agent_name="second"), 1, 100)
    lapses.asked(200)
    assert lapses.lapsed() == []


def test_a_job_that_answers_has_time_again_but_not_for_ever() -> None:
    lapses = seen()
    lapses.asked(101.2)
    (late,) = lapses.lapsed()
    assert late.may_be_alive(101.2)
    late.answered_s = 101.2
    assert lapses.lapsed() == []
    lapses.asked(101.2 + LAPSE_S)
    assert lapses.lapsed() == [late]
    assert not late.may_be_alive(100.0 + BUSY_S)


def test_after_an_outage_everybody_has_time_again() -> None:
    lapses = seen()
    lapses.forget()
    lapses.asked(200)
    assert lapses.lapsed() == []
