"""When a listener hears which sample: what is said of breaks agrees with the ear, whatever breaks there are."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.client_clock import ClientClock
from bridge.playback.course import Count, Course, PlaybackStopped, WentOn
from contracts import events as e
from infra.session.heard_times import HeardReply

MS = 1_000_000
S = 1_000 * MS
RATE = 24_000
START_NS = 1_000 * S


@dataclass
class Ear:
    """A client that plays what it gets, stands still for a while now and then, and counts."""

    course: Course
    now_ns: int = START_NS
    sent: int = 0
    played: int = 0
    dry: bool = True
    begun: bool = False
    heard: list[tuple[int, int]] = field(default_factory=list)
    """(sample, when it was heard), every ms that something was."""
    facts: list[e.Event] = field(default_factory=list)
    counted_ns: int = 0

    def say(self, event_class: type[e.Event], **fields: object) -> None:
        names = {"event_id": f"e{len(self.facts)}", "session_id": "s", "reply_id": "r"}
        self.facts.append(event_class.model_validate(names | {"time_ns": self.now_ns} | fields))

    def count(self, delay_ms: int = 0, exact: bool = True, **marks: bool) -> None:
        self.counted_ns = self.now_ns
        came_ns = self.now_ns + delay_ms * MS
        count = Count(self.played, self.now_ns if exact else came_ns, exact, **marks)
        if not self.begun:
            self.begun = True
            heard_ns = self.now_ns if exact else None
            first = self.course.possible(count).samples
            self.say(e.PlaybackStarted, played_samples=first, heard_ns=heard_ns, time_ns=came_ns)
        self.take(self.course.count(count, came_ns))

    def take(self, changes: list[PlaybackStopped | WentOn]) -> None:
        for change in changes:
            if isinstance(change, PlaybackStopped):
                self.say(e.PlaybackStalled, played_samples=change.samples, heard_ns=change.at_ns, cause=change.cause)
            else:
                paused_ms = (change.at_ns - change.stopped_ns) / MS
                self.say(e.PlaybackResumed, played_samples=change.samples, heard_ns=change.at_ns, paused_ms=paused_ms)

    def send(self, ms: int) -> None:
        self.course.sent(self.sent, self.now_ns)
        self.sent += ms * RATE // 1_000

    def pass_ms(self, ms: int, still: bool = False, tells: bool = True, exact: bool = True) -> None:
        """Let time pass: each ms a ms of sound is heard, if it is there; counts are told ten times a second."""
        for _ in range(ms):
            can = not still and self.played < self.sent
            if can:
                if tells and self.dry and self.begun:
                    self.count(exact=exact, resumed=True)
                self.dry = False
                self.heard.append((self.played, self.now_ns))
                self.played += RATE // 1_000
            elif tells and not still and not self.dry:
                self.count(exact=exact, stalled=True)
                self.dry = True
            self.now_ns += MS
            if tells and can and (not self.begun or self.now_ns - self.counted_ns >= 100 * MS):
                self.count(exact=exact)
            if self.now_ns % (50 * MS) == 0:
                self.take(self.course.overdue(self.now_ns, self.sent, False))

    def furthest_ms(self, around_ms: int = 0) -> float:
        """Return by how much the facts leave the ear at most; every sample that was heard has a time.

        Of a break that no client told, nobody knows where it was between two counts: `around_ms` of sound.
        """
        reply = HeardReply("r")
        for fact in self.facts:
            reply.apply(fact)
        reply.apply(e.PlaybackFinished(**_names(self), heard_text="", played_samples=self.played))
        off = []
        for sample, at_ns in self.heard:
            around = around_ms * RATE // 1_000
            told = [reply.when_ns(max(0, sample + by), RATE, begins=by >= 0) for by in (-around, 0, around)]
            assert told[1] is not None, "nothing is missing"
            known = [ns for ns in told if ns is not None]
            off.append(max(0, min(known) - at_ns, at_ns - max(known)) / MS)
        return max(off, default=0)


def _names(ear: Ear) -> dict[str, object]:
    return {"event_id": "end", "session_id": "s", "reply_id": "r", "time_ns": ear.now_ns}


def an_ear() -> Ear:
    return Ear(Course(RATE, START_NS))


LENGTHS = st.integers(1, 1_500)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sound"), LENGTHS),
        st.tuples(st.just("wait"), LENGTHS),
        st.tuples(st.just("still"), st.integers(1, 2_500)),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(STEPS)
def test_whatever_breaks_there_are_the_facts_agree_with_the_ear(steps: list[tuple[str, int]]) -> None:
    ear = an_ear()
    ear.send(500)
    ear.pass_ms(300)
    for what, ms in steps:
        if what == "sound":
            ear.send(ms)
        ear.pass_ms(ms, still=what == "still")
    ear.pass_ms(300)
    assert ear.furthest_ms(around_ms=100) <= 60


@given(STEPS)
def test_counts_without_a_time_of_their_own_show_a_break_within_a_second(steps: list[tuple[str, int]]) -> None:
    ear = an_ear()
    ear.send(500)
    ear.pass_ms(300, exact=False)
    for what, ms in steps:
        if what == "sound":
            ear.send(ms)
        else:
            ear.pass_ms(ms, exact=False)
    ear.send(2_000)
    ear.pass_ms(1_500, exact=False)
    ear.heard = ear.heard[-500:]
    assert ear.furthest_ms() <= 60


@pytest.mark.slow
@given(st.lists(st.integers(0, 250), min_size=40, max_size=60))
def test_counts_that_come_late_one_by_one_are_no_break(delays_ms: list[int]) -> None:
    ear = an_ear()
    ear.send(20_000)
    ear.pass_ms(100, tells=False)
    for n, delay_ms in enumerate(delays_ms):
        ear.count(0 if n % 3 == 0 else delay_ms, exact=False)
        ear.pass_ms(100, tells=False)
    assert not [fact for fact in ear.facts if isinstance(fact, e.PlaybackStalled)]
    assert ear.furthest_ms() <= 60


@pytest.mark.parametrize("delay_ms", [0, 150, 250, 400, 1_200])
def test_where_the_sound_ran_out_is_known_however_late_a_bare_count_says_so(delay_ms: int) -> None:
    ear = an_ear()
    ear.send(1_000)
    ear.pass_ms(1_000, exact=False)
    ear.pass_ms(delay_ms, tells=False)
    ear.count(stalled=True, exact=False)
    ear.dry = True
    ear.pass_ms(1_500 - delay_ms)
    ear.send(500)
    ear.pass_ms(500, exact=False)
    stalls = [fact for fact in ear.facts if isinstance(fact, e.PlaybackStalled)]
    assert [(fact.played_samples, fact.cause) for fact in stalls] == [(RATE, "late-sound")]
    assert ear.furthest_ms() <= 60


def test_a_clause_that_comes_three_seconds_late_is_a_break_of_three_seconds() -> None:
    ear = an_ear()
    ear.send(1_000)
    ear.pass_ms(4_000)
    ear.send(1_000)
    ear.pass_ms(1_000)
    stalled, resumed = ear.facts[1:]
    assert isinstance(stalled, e.PlaybackStalled)
    assert isinstance(resumed, e.PlaybackResumed)
    assert (stalled.played_samples, stalled.cause, round(resumed.paused_ms)) == (RATE, "late-sound", 3_000)


def test_a_client_that_tells_nothing_for_a_while_though_it_plays_has_no_break() -> None:
    ear = an_ear()
    ear.send(10_000)
    ear.pass_ms(500)
    ear.pass_ms(3_000, tells=False)
    ear.pass_ms(500)
    assert ear.furthest_ms() <= 1
    stalled = next(fact for fact in ear.facts if isinstance(fact, e.PlaybackStalled))
    assert stalled.cause == "silent"


def test_small_holes_are_said_once_they_sum_up() -> None:
    ear = an_ear()
    ear.send(20_000)
    ear.pass_ms(200)
    for _ in range(8):
        ear.pass_ms(30, still=True)
        ear.pass_ms(300)
    assert ear.furthest_ms() <= 60
    assert sum(isinstance(fact, e.PlaybackStalled) for fact in ear.facts) >= 3


def test_the_quickest_message_tells_what_the_clients_clock_is_on_ours() -> None:
    clock = ClientClock()
    assert clock.time_ns(1.0, START_NS) is None
    for sent_ms, delay_ms in ((0, 400), (500, 20), (1_000, 900)):
        clock.see(sent_ms, START_NS + (sent_ms + delay_ms) * MS)
    assert clock.time_ns(900, START_NS + 1_900 * MS) == START_NS + 920 * MS
    assert clock.time_ns(1e12, START_NS + 1_900 * MS) is None, "not believed"
