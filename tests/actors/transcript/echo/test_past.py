"""Where facts of the past lie in the door's time."""

import pytest

from actors.transcript.echo.past import in_doors_time
from contracts import events as e

S = 1_000_000_000
BEGAN_NS = 20_000 * S


def about(name: str, seconds: float) -> dict[str, object]:
    return {"event_id": name, "session_id": "s", "time_ns": BEGAN_NS + round(seconds * S), "turn_id": "t"}


def a_session(ahead_s: float) -> list[e.Event]:
    """Return facts of a door, and of a reasoning process whose clock is `ahead_s` of it."""
    return [
        e.TrackPublished(**about("tp", 0), participant_id="p", track_id="t-1", sample_rate_hz=16_000),
        e.ReplyStarted(**about("rs", 1 + ahead_s), reply_id="r", text=""),
        e.PlaybackStarted(**about("ps", 2), reply_id="r"),
        e.TurnInterrupted(
            **about("ti", 3 + ahead_s), participant_id="p", utterance_id="u", reply_id="r", text="", speech_ms=1
        ),
        e.PlaybackInterrupted(
            **about("pi", 4), reply_id="r", heard_text="", played_samples=0, clause_index=0, reason="turn"
        ),
    ]


def seconds(events: list[e.Event]) -> list[float]:
    return [(event.time_ns - BEGAN_NS) / S for event in events]


def test_times_of_one_clock_are_kept() -> None:
    assert in_doors_time(a_session(0)) == a_session(0)
    assert in_doors_time([]) == []


@pytest.mark.parametrize(("hours", "placed"), [(-1, [0, 0, 2, 2, 4]), (1, [0, 2, 2, 4, 4])])
def test_what_another_machine_said_lies_between_the_facts_of_the_door(hours: int, placed: list[float]) -> None:
    assert seconds(in_doors_time(a_session(hours * 3600))) == placed
