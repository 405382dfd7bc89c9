"""How far replays can be trusted: recorded sessions verified again and again, with planted changes and without."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from infra.bench.attempts import NotMeasured, attempt
from infra.bench.replay_changes import BEHAVIOUR, REFACTORINGS, PlantedChange
from infra.bench.replay_kinds import counts_by_kind
from infra.replay.recorded_session import RecordedSession
from infra.replay.registry import ACTORS
from infra.replay.report import headline, summary
from infra.replay.schedule import ReplayDifference
from infra.replay.session_tapes import SessionTapes
from infra.replay.verify import Verification, verify
from infra.tape.recorded import RequestDifference

LONG_S = 2.5
"""A killed process takes at most so much of its tape with it: a chunk, and the moment in which it is written."""

ENOUGH = 10
"""After so many sessions that report a change of behaviour, no more are run with it."""

Report = Callable[[str], None]
Recordings = Sequence[tuple[RecordedSession, SessionTapes]]


@dataclass(slots=True)
class FoundChange:
    """What came of a planted change: how many sessions reported it, and how many of them first where it must show.

    `first` is the first difference of the first session, `elsewhere` that of the first which reported something else.
    """

    about: str
    sessions: int = 0
    at_the_right_fact: int = 0
    first: str = ""
    elsewhere: str = ""

    @property
    def is_found(self) -> bool:
        """Whether it was reported, and everywhere at the right fact."""
        return 0 < self.sessions == self.at_the_right_fact

    def line(self) -> str:
        """Return it as text."""
        if not self.sessions:
            return f"not reported: {self.about}"
        where = f"{self.at_the_right_fact} of {self.sessions} sessions at the right fact"
        elsewhere = f"; elsewhere: {self.elsewhere}" if self.elsewhere else ""
        return f"{self.about}: {where}: {self.first}{elsewhere}"


@dataclass(slots=True)
class ReplayFigures:
    """What came of it. `always_identical` counts sessions with no difference in any of the repeats."""

    sessions: int = 0
    repeats: int = 0
    always_identical: int = 0
    wholly_verified: int = 0
    facts: int = 0
    same: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    """How many sessions there are of each kind."""
    lost_s: list[float] = field(default_factory=list)
    """How long each stretch is that could not be verified."""
    lost_long: list[str] = field(default_factory=list)
    """Those longer than LONG_S, by session."""
    real_time: float = 0.0
    real_time_by_cpu: float = 0.0
    """Seconds of call per second of CPU time: what a core that does nothing else would reach."""
    different: list[str] = field(default_factory=list)
    not_measured: list[NotMeasured] = field(default_factory=list)
    """Sessions that could not be run again."""
    behaviour: list[FoundChange] = field(default_factory=list)
    refactorings: list[FoundChange] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures as text."""
        lost = f"; {len(self.lost_s)} lost stretches, longest {max(self.lost_s):.1f} s" if self.lost_s else ""
        found = [each for each in self.behaviour if each.is_found]
        alarms = [each for each in self.refactorings if each.sessions]
        return [
            f"{self.sessions} sessions, {self.repeats} times each: {self.always_identical} never differed, "
            f"{self.wholly_verified} of them verified wholly{lost}",
            *(f"  {count} {kind}" for kind, count in self.kinds.items()),
            *(f"  lost: {each}" for each in self.lost_long),
            f"{self.same} of {self.facts} facts run again, {self.real_time:.0f} x real time on one core "
            f"({self.real_time_by_cpu:.0f} x by its CPU time)",
            *(f"  differs: {each}" for each in self.different),
            *(f"  not run: {each.part}: {each.reason}" for each in self.not_measured),
            f"{len(found)} of {len(self.behaviour)} planted changes of behaviour reported at the right fact",
            *(f"  {each.line()}" for each in self.behaviour),
            f"{len(alarms)} of {len(self.refactorings)} refactorings raised an alarm",
            *(f"  {each.about}: {each.first}" for each in alarms),
        ]


def measure(recordings: Recordings, repeats: int, report: Report) -> ReplayFigures:
    """Verify sessions so many times, then once with each planted change, on one core.

    A session that cannot be run again is named, and the others follow.
    """
    figures = ReplayFigures(len(recordings), repeats, kinds=counts_by_kind(recordings))
    identical: list[tuple[RecordedSession, SessionTapes]] = []
    call_s = took_s = 0.0
    cpu_s = -time.process_time()
    for place, recording in enumerate(recordings, 1):
        done: list[Verification] = []
        with attempt(recording[0].session_id, figures.not_measured, report):
            done += [verify(*recording, ACTORS) for _ in range(repeats)]
        if not done:
            continue
        figures.facts += done[0].facts
        figures.same += done[0].same
        call_s += sum(each.call_s for each in done)
        took_s += sum(each.took_s for each in done)
        _note_lost(figures, done[0])
        if (differing := next((each for each in done if each.differences), None)) is not None:
            figures.different.append(f"{differing.session_id}: {summary(differing)}")
            continue
        figures.always_identical += 1
        figures.wholly_verified += all(each.status == "identical" for each in done)
        if done[0].same:
            identical.append(recording)
        report(f"{place} of {len(recordings)} sessions")
    cpu_s += time.process_time()
    figures.real_time, figures.real_time_by_cpu = (call_s / s if s else 0.0 for s in (took_s, cpu_s))
    found = partial(_found, recordings=identical, not_measured=figures.not_measured, report=report)
    figures.behaviour = [found(change) for change in BEHAVIOUR]
    figures.refactorings = [found(change) for change in REFACTORINGS]
    return figures


def _note_lost(figures: ReplayFigures, done: Verification) -> None:
    for each in done.lost:
        seconds = (each.to_ns - each.from_ns) / 1e9
        figures.lost_s.append(seconds)
        if seconds > LONG_S:
            lost = f"{done.session_id}: {seconds:.1f} s and {each.facts} facts of {each.instance}: {each.reason}"
            figures.lost_long.append(lost)


def shown_in(difference: ReplayDifference) -> str:
    """Return where a difference shows: the class of the fact, or the kind of the request as `request:model`."""
    what = difference.what
    if isinstance(what, RequestDifference):
        return f"request:{what.kind}"
    event = what.then.event if what.then is not None else what.now
    return type(event).__name__


def _found(
    change: PlantedChange, recordings: Recordings, not_measured: list[NotMeasured], report: Report
) -> FoundChange:
    """Verify with a change; sessions that differ without it are left out."""
    found = FoundChange(change.about)
    began_s = time.monotonic()
    with change.applied():
        for recording in recordings:
            if change.shows and found.sessions >= ENOUGH:
                break
            with attempt(f"{recording[0].session_id} ({change.about})", not_measured, report):
                _note_found(found, change, verify(*recording, ACTORS))
    report(f"{change.about}: {found.sessions} sessions differ ({time.monotonic() - began_s:.1f} s)")
    return found


def _note_found(found: FoundChange, change: PlantedChange, done: Verification) -> None:
    if not done.differences:
        return
    first = done.differences[0]
    found.sessions += 1
    found.first = found.first or headline(first)
    if shown_in(first) in change.shows:
        found.at_the_right_fact += 1
    else:
        found.elsewhere = found.elsewhere or f"{done.session_id}: {headline(first)}"
