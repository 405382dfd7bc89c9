"""What persistence must know about a session to record its exchanges: a bounded fold of its facts."""

from dataclasses import dataclass, field

from contracts.events import (
    Event,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyCompleted,
    ReplyDiscarded,
    ReplyStarted,
    SessionClosed,
    SessionOpened,
    TurnEnded,
    TurnGuarded,
    TurnPassed,
    TurnRecorded,
)
from infra.session.people import Person, note

MOST = 64
"""How many turns, and how many replies without a record, are held. An answer starts within seconds of its turn and is
recorded when it was heard: a few would be enough unless another program writes into the log."""


@dataclass(slots=True)
class ReplyState:
    """What is known about a reply that is not recorded yet."""

    started: ReplyStarted | None = None
    heard: PlaybackStarted | None = None
    clauses: dict[int, str] = field(default_factory=dict)
    written: str | None = None


@dataclass(slots=True)
class SessionState:
    """The state. `sequence` is the place in the log up to which facts were applied; `most` bounds what is held."""

    most: int = MOST
    sequence: int = 0
    user_id: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    turns: dict[str, TurnEnded] = field(default_factory=dict)
    guarded: dict[str, list[TurnGuarded]] = field(default_factory=dict)
    """What the agent's guard has decided about words of turns."""
    replies: dict[str, ReplyState] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    """The replies that have a record, by id."""

    settled: set[str] = field(default_factory=set)
    """The turns, by id, that have a record, or were not for the agent."""

    closed: bool = False

    forgot: bool = False
    """Turns or replies were dropped to keep within the bounds: what is missing may still be in the log."""

    def apply(self, event: Event, sequence: int) -> None:
        """Apply a fact. Applying one again changes nothing."""
        self.sequence = max(self.sequence, sequence)
        note(self.people, event)
        match event:
            case SessionOpened():
                self.user_id = event.user_id
            case SessionClosed():
                self.closed = True
            case TurnRecorded():
                self.recorded.add(event.reply_id)
                self.replies.pop(event.reply_id, None)
            case ReplyDiscarded():
                self.replies.pop(event.reply_id, None)
            case ReplyStarted() | ReplyClauseWritten() | ReplyCompleted() | PlaybackStarted():
                if event.reply_id not in self.recorded:
                    _apply_to_reply(self.replies.setdefault(event.reply_id, ReplyState()), event)
                    self._drop_oldest(self.replies)
        if event.turn_id is not None:
            self._apply_to_turn(event, event.turn_id)

    def _apply_to_turn(self, event: Event, turn_id: str) -> None:
        match event:
            case TurnEnded():
                self.turns[turn_id] = event
                self._drop_oldest(self.turns)
            case TurnGuarded():
                decided = self.guarded.setdefault(turn_id, [])
                if all(known.event_id != event.event_id for known in decided):
                    decided.append(event)
                self._drop_oldest(self.guarded)
            case TurnPassed() | TurnRecorded():
                self.settled.add(turn_id)

    def _drop_oldest(self, held: dict[str, TurnEnded] | dict[str, list[TurnGuarded]] | dict[str, ReplyState]) -> None:
        if len(held) > self.most:
            held.pop(next(iter(held)))
            self.forgot = True


def _apply_to_reply(reply: ReplyState, event: Event) -> None:
    match event:
        case ReplyStarted():
            reply.started = event
        case ReplyClauseWritten(index=index, text=text):
            reply.clauses[index] = text
        case ReplyCompleted(text=text):
            reply.written = text
        case PlaybackStarted():
            reply.heard = event
