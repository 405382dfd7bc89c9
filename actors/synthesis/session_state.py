"""What synthesis knows about a session: a fold of its facts."""

from dataclasses import dataclass, field

from contracts.events import (
    AgentProfile,
    ClauseSynthesized,
    EngineFailed,
    HandedOver,
    ReplyClauseWritten,
    ReplyDiscarded,
    SessionClosed,
    SessionOpened,
    TurnInterrupted,
)
from contracts.topology import SYNTHESIS
from infra.log.event_log import Fact


@dataclass(slots=True)
class SessionState:
    """A session up to `sequence`: clauses whose sound is published, replies that nobody will hear, and its end."""

    sequence: int = 0
    done: set[tuple[str, int]] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    unsaid: dict[str, int] = field(default_factory=dict)
    """The first clause that could not be said, for each reply that has one."""
    failed: set[str] = field(default_factory=set)
    """The engines that have failed here, or are known to rest because of another session, and were not heard since."""
    closed: bool = False
    speaks: bool = True
    """Whether the agent has a voice in this session; not in a conversation by text."""
    profile: AgentProfile | None = None
    """How the agent behaves at first; None until the session is opened."""
    handed_over: list[HandedOver] = field(default_factory=list)
    """Where other agents have taken over."""

    def fold(self, fact: Fact) -> None:
        """Apply the session's next fact."""
        self.sequence = fact.sequence
        match fact.event:
            case SessionOpened(profile=profile):
                self.speaks, self.profile = profile.speaks, profile
            case HandedOver() as handed:
                if all(handed.event_id != known.event_id for known in self.handed_over):
                    self.handed_over.append(handed)
            case ClauseSynthesized(reply_id=reply_id, index=index, unsaid=unsaid, engine=engine):
                self.done.add((reply_id, index))
                self.failed.discard(engine)
                if unsaid:
                    self.unsaid[reply_id] = min(index, self.unsaid.get(reply_id, index))
            case EngineFailed(actor=actor, engine=engine) if actor == SYNTHESIS:
                self.failed.add(engine.removeprefix("tts:"))
            case ReplyDiscarded(reply_id=reply_id) | TurnInterrupted(reply_id=reply_id):
                self.stopped.add(reply_id)
            case SessionClosed():
                self.closed = True

    def profile_of(self, clause: ReplyClauseWritten) -> AgentProfile | None:
        """Return the profile of the agent that says this clause: another may take over within a reply."""
        for handed in reversed(self.handed_over):
            if handed.reply_id != clause.reply_id or clause.index >= handed.first_clause:
                return handed.profile
        return self.profile

    def hearable(self, clause: ReplyClauseWritten) -> bool:
        """Return whether somebody may still hear this clause."""
        return self.speaks and not self.closed and clause.reply_id not in self.stopped

    def is_told(self, clause: ReplyClauseWritten) -> bool:
        """Return whether an earlier clause of the reply already carried the notice that it cannot be said."""
        return self.unsaid.get(clause.reply_id, clause.index) < clause.index

    def to_do(self, clause: ReplyClauseWritten) -> bool:
        """Return whether this clause's sound is still to be created."""
        return self.hearable(clause) and (clause.reply_id, clause.index) not in self.done
