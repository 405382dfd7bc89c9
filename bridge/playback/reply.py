"""One reply on its way to the listener: what is known of it, and how far it has been heard."""

from dataclasses import dataclass, field
from enum import Enum, auto

from bridge.playback.clause_sound import ClauseSound
from bridge.playback.course import Course
from contracts.audio import OutFrame
from contracts.events import ClauseSynthesized
from contracts.written import put_together
from infra.session.heard_words import HeardWords, heard

MAX_REPLY_S = 300
"""Most sound accepted of one reply; anything beyond is dropped."""


CROSSING_NS = 40_000_000
"""How long after a count that crossed our pause or stop the real answer may arrive."""


class Phase(Enum):
    """Where a reply is on its way."""

    WAITING = auto()
    PLAYING = auto()
    PAUSED = auto()
    STOPPING = auto()
    """The client was sent a stop; its exact count is awaited."""
    AWAY = auto()
    """It was being played when the client was lost."""
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Playing:
    """How far a reply has been played; "" is none."""

    reply_id: str
    played_samples: int


@dataclass(slots=True)
class Hold:
    """A pause or stop that was sent to the client, which answers with its count."""

    cause_id: str
    begun_ns: int
    reason: str = ""
    patience_ms: int = 300
    estimate_samples: int = 0
    """What must have been played when it was sent, in case no answer arrives."""
    answered_ns: int | None = None
    said: bool = False
    since_ns: int = 0
    """When speech last began; the wait for a decision starts there."""

    def __post_init__(self) -> None:
        """Begin the wait for a decision."""
        self.since_ns = self.begun_ns

    def settled(self, now_ns: int) -> bool:
        """Return whether the count is final: the first one may have crossed our message."""
        if self.answered_ns is not None:
            return now_ns - self.answered_ns >= CROSSING_NS
        return now_ns - self.begun_ns >= self.patience_ms * 1_000_000


@dataclass(slots=True)
class ReplyPlayback:
    """A reply, from its first clause to its last sample."""

    reply_id: str
    turn_id: str | None = None
    known: bool = False
    """Whether its ReplyStarted has arrived; its sound may arrive before that."""
    may_play: bool = False
    superseded_by: str | None = None
    """The turn that ended while it waited."""
    cause_id: str = ""
    phase: Phase = Phase.WAITING
    clauses: dict[int, ClauseSound] = field(default_factory=dict)
    clause_count: int | None = None
    rate_hz: int = 0
    cursor: int = 0
    sent_samples: int = 0
    end_sent: bool = False
    leave_ns: int = 0
    """When it was allowed to be played."""
    begun_ns: int = 0
    last_sound_ns: int = 0
    heard_started: bool = False
    played_samples: int = 0
    is_counted: bool = False
    """Whether the client counted them; else they are estimated."""
    played_at_ns: int = 0
    resumed_at: int = 0
    """The sample with which it began on the present line."""
    pause: Hold | None = None
    ended_pause: Hold | None = None
    """A pause that has ended, which its door died too early to append."""
    stop: Hold | None = None
    course: Course | None = None
    """When which of its samples is heard, once it is played."""
    told: tuple[int, int] | None = None
    """A time (ns), and the sample that was heard then, from a previous door's event."""

    def clause(self, index: int) -> ClauseSound:
        """Return the clause; create it if it is new."""
        return self.clauses.setdefault(index, ClauseSound(index))

    def give_leave(self, cause_id: str, now_ns: int) -> None:
        """Allow it to be played: it is not a draft, or was committed."""
        if not self.may_play:
            self.may_play, self.cause_id, self.leave_ns = True, cause_id, now_ns
            self.last_sound_ns = max(self.last_sound_ns, now_ns)

    def learn(self, event: ClauseSynthesized, now_ns: int) -> None:
        """Apply synthesis's report about a clause."""
        self.rate_hz = self.rate_hz or event.sample_rate_hz
        clause = self.clause(event.index)
        clause.learn(event, now_ns)
        self._pass_on(clause)

    def take_all_as_sent(self) -> None:
        """Count everything synthesised as sent: another door has sent it, and the client counts from its start."""
        for clause in self.clauses.values():
            clause.sent_samples = clause.synthesized.samples if clause.synthesized else 0
        self.sent_samples = sum(clause.sent_samples for clause in self.clauses.values())

    def resume_at(self, samples: int) -> None:
        """Continue sending from there: the listener has that much of it, from this door or a previous one."""
        left = samples
        for index in sorted(self.clauses):
            left = self._resume_clause(self.clauses[index], left)
        if left > 0 and self.clauses and len(self.clauses) != self.clause_count:
            left = self._resume_clause(self.clause(max(self.clauses) + 1), left)
        self.cursor, self.end_sent = 0, False
        self.sent_samples = self.played_samples = self.resumed_at = samples - left

    def _resume_clause(self, clause: ClauseSound, samples: int) -> int:
        """Continue a clause at `samples`, or end it; return how many of them belong to the clauses after it."""
        length = clause.received_samples if clause.skipped else clause.length_samples
        clause.resume_at(samples if length is None else min(samples, length))
        return samples - clause.sent_samples

    def _pass_on(self, clause: ClauseSound) -> None:
        """Move what a clause was assumed to have beyond its length, which is only known now, to the next one."""
        length = clause.length_samples
        if length is not None and clause.sent_samples > length:
            over = clause.sent_samples - length
            clause.resume_at(length)
            following = self.clause(clause.index + 1)
            following.resume_at(following.sent_samples + over)
            self._pass_on(following)

    def add(self, frame: OutFrame, now_ns: int) -> None:
        """Add a frame of the reply; sound at another rate than its first, or beyond 5 minutes, is dropped."""
        self.rate_hz = self.rate_hz or frame.sample_rate_hz
        received = sum(clause.received_samples for clause in self.clauses.values())
        if frame.sample_rate_hz != self.rate_hz or received > MAX_REPLY_S * self.rate_hz:
            return
        self.last_sound_ns = now_ns
        clause = self.clause(frame.index)
        clause.add(frame, now_ns)
        self._pass_on(clause)

    @property
    def was_left(self) -> bool:
        """Whether a previous door had begun it, and this one has not continued it yet."""
        return self.phase is Phase.WAITING and self.heard_started

    @property
    def is_held(self) -> bool:
        """Whether it is paused, or was when its client was lost."""
        return self.phase is Phase.PAUSED or (self.phase is Phase.AWAY and self.pause is not None)

    @property
    def last_pause(self) -> Hold | None:
        """The pause that has not ended, or whose end was not appended yet."""
        return self.pause if self.pause is not None and self.pause.said else self.ended_pause

    @property
    def superseded(self) -> bool:
        """Whether another turn has ended since: it must not begin."""
        return self.superseded_by is not None

    @property
    def can_begin(self) -> bool:
        """Whether it may be played and has something to play, or is known to have nothing."""
        if self.phase is not Phase.WAITING or not self.may_play or self.superseded:
            return False
        return self.all_sent or any(
            clause.has_sound for index, clause in self.clauses.items() if self._all_skipped_before(index)
        )

    def _all_skipped_before(self, index: int) -> bool:
        return all(self._passed(earlier) for earlier in range(self.cursor, index))

    def _passed(self, index: int) -> bool:
        clause = self.clauses.get(index)
        return clause is not None and not clause.has_sound and (clause.complete or clause.skipped)

    @property
    def lacks_sound(self) -> bool:
        """Whether sound of a written clause is still to come."""
        return any(
            clause.written is not None and not (clause.complete or clause.skipped) for clause in self.clauses.values()
        )

    @property
    def all_sent(self) -> bool:
        """Whether nothing is left to be sent."""
        return self.clause_count is not None and all(
            self._passed(index) for index in range(self.cursor, self.clause_count)
        )

    def take(self) -> list[bytes]:
        """Return the sound that can be sent now, in order."""
        sounds = []
        while (clause := self.clauses.get(self.cursor)) is not None:
            if pcm := clause.take():
                sounds.append(pcm)
                self.sent_samples += len(pcm) // 2
            if not (clause.complete or clause.skipped):
                break
            self.cursor += 1
        return sounds

    def is_at(self, received_samples: int, played_samples: int, now_ns: int) -> None:
        """Apply the report of its returning client: what it has of the reply, and how much of that it has played."""
        self.resume_at(received_samples)
        self.played_samples = self.resumed_at = min(played_samples, self.sent_samples)
        self.played_at_ns = self.begun_ns = now_ns

    def report(self, samples: int, now_ns: int) -> None:
        """Process the client's count."""
        self.played_samples = max(self.played_samples, min(samples, self.sent_samples))
        self.played_at_ns = now_ns
        for hold in (self.pause, self.stop):
            if hold is not None and hold.answered_ns is None:
                hold.answered_ns = now_ns

    def estimate(self, now_ns: int) -> int:
        """Return how much must have been played by now if the client has not stopped since its last count."""
        if not self.heard_started or self.phase is not Phase.PLAYING or self.course is None:
            return self.played_samples
        samples = self.course.samples_at(now_ns, self.sent_samples)
        return self.played_samples if samples is None else max(self.played_samples, samples)

    def heard(self, played_samples: int) -> HeardWords:
        """Return what was heard of it."""
        return heard([self.clauses[index].said() for index in sorted(self.clauses)], played_samples, self.rate_hz)

    def heard_to_its_end(self) -> str:
        """Return what was heard once all its sound was played; text after that, without sound, counts too."""
        silent: list[str] = []
        for index in sorted(self.clauses, reverse=True):
            said = self.clauses[index].said()
            if said.sent_samples or said.total_samples or any(character.isalnum() for character in said.text):
                break
            silent.insert(0, said.text)
        return put_together([self.heard(self.sent_samples).text, *silent])

    def drop_sound(self) -> None:
        """Drop what was not sent."""
        for clause in self.clauses.values():
            clause.drop()
