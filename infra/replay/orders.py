"""Other orders in which a stretch may have run: live, a delivery may come while the code is on its way.

A replay lets the code run until nothing is ready before it hands over the next delivery. What the code did then is
what it does in one of the orders; if all comes out as it was in another order, the record is of that one.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from infra.log.event_log import Fact
from infra.replay.actors import ReplayedActor
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Early, Outcome, ReplayDifference, TapedStretch, run_stretch

LATER = 4
"""How many deliveries after its decision a difference is looked for."""

MANY, SOON = 7, 4
"""Fewer than so many deliveries are handed over early: after the one at which it shows, and after one before that."""

MOST_RUNS = 60
"""A stretch that differs is run again so often at most."""

Run = Callable[[Early], Outcome]
"""Runs a stretch in another order."""


def run_in_some_order(stretch: TapedStretch, session_id: str, facts: Sequence[Fact], actor: ReplayedActor) -> Outcome:
    """Run an actor over a stretch, in another order if the usual one differs from the record; compare it with that."""
    came = run_stretch(stretch, session_id, facts, actor)
    return _in_another_order(came, partial(run_stretch, stretch, session_id, facts, actor))


def _in_another_order(came: Outcome, run: Run) -> Outcome:
    """Return the outcome of an order in which everything comes out as it was; `came` if none is found."""
    early: dict[int, int] = {}
    found, runs = came, 0
    while found.differences:
        first = found.differences[0]
        for option in _options(first, found.turns):
            runs += 1
            tried = run(early | option)
            if _is_without(first, tried) and tried.errors == came.errors:
                early, found = early | option, tried
                break
            if runs >= MOST_RUNS:
                return came
        else:
            return came
    return found


def _options(difference: ReplayDifference, turns: Sequence[int]) -> Iterator[dict[int, int]]:
    """Yield ways to hand over what came soon after a delivery before the code has got as far as to differ.

    What it differs in may have been decided some deliveries before it shows.
    """
    for at in range(difference.at, max(0, difference.at - LATER), -1):
        ran = turns[at - 1]
        for then in range(1, MANY if at == difference.at else SOON):
            for most in sorted({ran // 2, 1}, reverse=True):
                if 0 < most < ran and at + then <= len(turns):
                    yield {place: most if place == at else 1 for place in range(at, at + then)}


def _is_without(first: ReplayDifference, tried: Outcome) -> bool:
    """Return whether a difference is gone, and all that differs now comes later."""
    gone = _key(first) not in {_key(each) for each in tried.differences}
    return gone and (not tried.differences or tried.differences[0].at > first.at)


def _key(difference: ReplayDifference) -> tuple[object, ...]:
    what = difference.what
    if not isinstance(what, FactDifference):
        return (what.kind, what.key, what.change)
    event_id = what.now.event_id if what.now is not None else ""
    return (what.change, difference.sequence, event_id)
