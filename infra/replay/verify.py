"""A recorded session verified: every actor that can run again does, and what it appends is compared with the log."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from contracts import events as e
from infra.log.event_log import Fact
from infra.replay.actors import ReplayedActor
from infra.replay.orders import run_in_some_order
from infra.replay.pairing import paired
from infra.replay.recorded_session import RecordedSession
from infra.replay.schedule import Outcome, ReplayDifference
from infra.replay.session_tapes import LostTape, SessionTapes
from infra.tape.live import CHUNK_S

CHUNK_NS = round(CHUNK_S * 1e9)

Status = Literal["identical", "different", "unverified", "open"]

TAPED_WITHIN_NS = 10_000_000_000
"""A tape is written within 2 s. What is missing of younger facts is not lost: it is still being written."""

NO_TAPE = (
    "nothing of it is on a tape: it was recorded before tapes existed, without a journal "
    "(DAREDEVIL_JOURNAL_MAX_MB=0), or longer ago than tapes are kept"
)


@dataclass(frozen=True, slots=True)
class LostStretchOfActor:
    """What cannot be verified: the time (ns since the session opened), why, and how many facts were appended in it."""

    actor: str
    instance: str
    from_ns: int
    to_ns: int
    facts: int
    reason: str
    is_last: bool = False
    """Whether it lasts to the session's end."""
    oldest_ns: int | None = None
    """When the oldest of its facts was appended (Unix epoch ns), None without facts."""


@dataclass(slots=True)
class Verification:
    """What came of a session.

    `facts` is how many its log has, `same` how many came out as they were; `left_out` counts those that no actor of a
    replay decides, by who appended them. `lost` are stretches that cannot be verified. `remarks` says what else keeps
    the verdict from being about all of the session.
    """

    session_id: str
    facts: int = 0
    same: int = 0
    turns: int = 0
    call_s: float = 0.0
    took_s: float = 0.0
    first_ns: int = 0
    differences: list[ReplayDifference] = field(default_factory=list)
    lost: list[LostStretchOfActor] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    recorded_by: str = ""
    """The build that opened the session; empty if an older one did not say."""
    without_end: str = ""
    """What it means that the session has no end in the log; empty if it has."""
    unwritten: int = 0
    """How many facts are so young that what led to them is still being written."""

    @property
    def status(self) -> Status:
        """`identical` only if everything that a replay can decide was verified; `open` if more is to come."""
        if self.differences:
            return "different"
        if self.lost or self.remarks:
            return "unverified"
        if self.without_end or self.unwritten:
            return "open"
        return "identical" if self.same else "unverified"


def verify(session: RecordedSession, tapes: SessionTapes, actors: Mapping[str, ReplayedActor]) -> Verification:
    """Run the actors of a session again over their tapes; pure apart from what the actors do in a replay: nothing."""
    begun_s = time.perf_counter()
    facts = [Fact(fact.sequence, fact.event) for fact in session.facts]
    verdict = Verification(session.session_id, len(session.messages))
    verdict.recorded_by = next((fact.event.build for fact in facts if isinstance(fact.event, e.SessionOpened)), "")
    verdict.turns = sum(isinstance(fact.event, e.TurnEnded) for fact in facts)
    if facts:
        verdict.first_ns = facts[0].event.time_ns
        verdict.call_s = (max(fact.event.time_ns for fact in facts) - verdict.first_ns) / 1e9
    verdict.remarks = [*session.missing(), *tapes.unread]
    verdict.without_end = session.without_end() if session.is_open else ""
    lacking = {name: why for name in tapes.actors & actors.keys() if (why := actors[name].lacks(facts))}
    verdict.remarks += lacking.values()
    actors = {name: actor for name, actor in actors.items() if name not in lacking}
    outcomes: list[Outcome] = []
    if session.erased:
        verdict.remarks.append("what is left of an erased session cannot be run again")
    else:
        with _without_log_lines():
            outcomes = [
                run_in_some_order(stretch, session.session_id, facts, actors[stretch.actor])
                for stretch in tapes.stretches
                if stretch.actor in actors
            ]
    _account(verdict, facts, tapes, actors, outcomes, bool(session.erased))
    _leave_what_is_being_written(verdict, session)
    has_tape = any(stretch.actor in actors for stretch in tapes.stretches)
    if not has_tape and not verdict.remarks and verdict.status != "open":
        verdict.remarks.append(NO_TAPE)
    verdict.took_s = time.perf_counter() - begun_s
    return verdict


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Have actors log nothing within: what they warn of happened then, and their processes told it then."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _leave_what_is_being_written(verdict: Verification, session: RecordedSession) -> None:
    """Leave out the ends of tapes that are to be continued, with the facts in them."""
    settled_ns = session.read_ns - TAPED_WITHIN_NS
    if not session.is_open and all(fact.event.time_ns < settled_ns for fact in session.facts):
        return
    continued = [
        each for each in verdict.lost if each.is_last and (each.oldest_ns is None or each.oldest_ns >= settled_ns)
    ]
    verdict.unwritten = sum(each.facts for each in continued)
    verdict.lost = [each for each in verdict.lost if each not in continued]


def _account(
    verdict: Verification,
    facts: list[Fact],
    tapes: SessionTapes,
    actors: Mapping[str, ReplayedActor],
    outcomes: list[Outcome],
    erased: bool,
) -> None:
    """Say of every fact whether it came out as it was, differs, is lost, or is not a replay's to decide."""
    same = {sequence for outcome in outcomes for sequence in outcome.same}
    by_stretch = [paired(outcome.differences) for outcome in outcomes]
    verdict.differences = [each for differing in sorted(by_stretch, key=_begin_ns) for each in differing]
    verdict.errors = [f"{each.stretch.instance}: {error}" for each in outcomes for error in each.errors]
    verdict.same = len(same)
    differing = {each.sequence for each in verdict.differences}
    left_out: Counter[str] = Counter()
    unverified: dict[str, list[Fact]] = {}
    for fact in facts:
        actor = actor_of(fact.event)
        if fact.sequence in same or fact.sequence in differing:
            continue
        if actor not in actors or not actors[actor].decides(fact.event):
            left_out[actor or "unknown"] += 1
        else:
            unverified.setdefault(fact.event.appended_by, []).append(fact)
    verdict.left_out = dict(left_out)
    # Of an erased session nothing can be verified: its remark says so.
    verdict.lost = [] if erased else _lost(verdict, tapes, actors, unverified)


def _begin_ns(differences: list[ReplayDifference]) -> int:
    """Return when the first difference of a stretch was noticed; 0 if there is none."""
    first = differences[0] if differences else None
    return first.inputs[-1].at_ns if first is not None and first.inputs else 0


def actor_of(event: e.Event) -> str:
    """Return the actor whose copy appended an event (`reasoning` of `reasoning-3f9c`); empty if unknown."""
    return event.appended_by.rpartition("-")[0]


def _lost(
    verdict: Verification,
    tapes: SessionTapes,
    actors: Mapping[str, ReplayedActor],
    unverified: dict[str, list[Fact]],
) -> list[LostStretchOfActor]:
    """Return what the tapes name as lost, and facts whose tape is not there at all."""
    end_ns = verdict.first_ns + round(verdict.call_s * 1e9)
    found: list[LostStretchOfActor] = []
    for lost in tapes.lost:
        if lost.actor not in actors:
            continue
        facts = unverified.get(lost.instance, [])
        within = [fact for fact in facts if fact.sequence > lost.basis or fact.event.time_ns >= lost.from_ns]
        unverified[lost.instance] = [fact for fact in facts if fact not in within]
        lost = replace(lost, from_ns=max(lost.from_ns, verdict.first_ns))  # its first chunk may be what is missing
        if lost.is_end:
            lost = replace(lost, from_ns=_begun_ns(lost.from_ns, within))
        found.append(_stretch(lost, _lost_until_ns(lost, end_ns, within), within))
    ends = {stretch.instance: stretch.deliveries[-1].at_ns for stretch in tapes.stretches}
    for instance, facts in unverified.items():
        if facts:
            has_tape = instance in ends
            reason = "what it took in last was never written" if has_tape else "no tape says what it took in"
            from_ns = _begun_ns(ends.get(instance, 0), facts)
            lost = LostTape(instance.rpartition("-")[0], instance, from_ns, None, reason)
            found.append(_stretch(lost, max(*(fact.event.time_ns for fact in facts), lost.from_ns), facts))
    return found


def _begun_ns(tape_ends_ns: int, facts: list[Fact]) -> int:
    """Return when the chunk was begun, at the earliest, that a copy took with it when it ended.

    Its last fact is no older than the copy's end, and a chunk is written a chunk's time after its first delivery: what
    there was between the tape's end and this moment would have been written. A door that waits takes nothing in.
    """
    times = [fact.event.time_ns for fact in facts]
    return max(tape_ends_ns, min(*times, max(times) - CHUNK_NS)) if times else tape_ends_ns


def _lost_until_ns(lost: LostTape, end_ns: int, within: list[Fact]) -> int:
    """Return until when something of a copy is lost: of one that has ended, until the last fact that it appended.

    While nobody has taken over yet, nothing is decided that could be verified.
    """
    last_ns = max((fact.event.time_ns for fact in within), default=lost.from_ns)
    return max(last_ns if lost.is_end else lost.to_ns or end_ns, lost.from_ns)


def _stretch(lost: LostTape, to_ns: int, facts: list[Fact]) -> LostStretchOfActor:
    """Return the stretch with all of its facts in it: on a slow log some are decided long before they are stored."""
    oldest_ns = min((fact.event.time_ns for fact in facts), default=None)
    from_ns = lost.from_ns if oldest_ns is None else min(lost.from_ns, oldest_ns)
    is_last = lost.to_ns is None
    return LostStretchOfActor(lost.actor, lost.instance, from_ns, to_ns, len(facts), lost.reason, is_last, oldest_ns)
