"""What the facts say of playback against a loudspeaker's own account: late sound, stalls and any network."""

from dataclasses import replace

import pytest

from contracts import events as e
from infra.caller.manner import ORDINARY, Manner, Stall
from tests.bridge.playback.heard_call import HeardCall

STALLS = (Stall(1.03, 0.5), Stall(3.055, 1.0), Stall(5.09, 2.0), Stall(8.01, 3.0))
FROZEN = tuple(replace(stall, how="frozen") for stall in STALLS)
NOT_READING = tuple(replace(stall, how="reading") for stall in STALLS)
MOST_MS = 100
COUNTS_MS = 100
"""A count every so often: so much sound is in doubt where a client does not say that it stood still."""

MANNERS = {
    "ordinary": ORDINARY,
    "stalls": Manner(stalls=STALLS),
    "frozen": Manner(stalls=FROZEN),
    "not reading": Manner(stalls=NOT_READING),
    "bare counts": Manner(tells="counts"),
    "bare counts, stalls": Manner(tells="counts", stalls=STALLS),
    "no counts": Manner(tells="nothing"),
}


def heard(manner: Manner, slow: bool, jitter_ms: float) -> HeardCall:
    call = HeardCall(manner, slow, jitter_ms)
    call.run()
    return call


@pytest.mark.parametrize("jitter_ms", [5, 60])
@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS.keys())
def test_every_sample_is_placed_within_100_ms_of_when_it_was_heard(manner: Manner, slow: bool, jitter_ms: int) -> None:
    call = heard(manner, slow, jitter_ms)
    far = {sample: ms for sample, ms in call.distances_ms().items() if not abs(ms) <= MOST_MS}
    assert far == {}
    (end,) = call.ends
    assert isinstance(end, e.PlaybackFinished)
    assert end.heard_text.split()[-1] == "c3w6"


@pytest.mark.parametrize("stalls", [STALLS, FROZEN])
def test_a_client_that_does_not_say_where_it_stood_still_leaves_a_tenth_of_a_second_in_doubt(
    stalls: tuple[Stall, ...],
) -> None:
    call = heard(Manner(stalls=stalls, knows_stalls=False), slow=False, jitter_ms=20)
    far = [sample for sample, ms in call.distances_ms().items() if not abs(ms) <= MOST_MS]
    assert 0 < len(far) * 20 <= COUNTS_MS * len(stalls)


def test_an_interruption_after_a_stall_counts_what_was_heard_by_then() -> None:
    call = HeardCall(Manner(stalls=(Stall(1.03, 2.0),)), slow=True)
    while call.speaker.heard_samples < 1.4 * 24_000:
        call.step()
    call.fact(e.TurnInterrupted, participant_id="p", turn_id="t2")
    call.run()
    (end,) = call.ends
    assert isinstance(end, e.PlaybackInterrupted)
    assert end.played_samples == call.speaker.replies[0].played
    assert end.heard_text == "c0w0 c0w1 c0w2 c0w3 c0w4"
