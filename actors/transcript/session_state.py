"""What the owner of a track must know about its session: a fold of the session's facts."""

from dataclasses import dataclass, field

from actors.transcript.barge_in import Company
from contracts import events as e
from contracts.topology import EVENT_CLASSES
from infra.log.event_log import Fact
from infra.session.people import Person, name_of, note

FENCED = tuple(event_class for tail, event_class in EVENT_CLASSES.items() if tail.startswith("turn."))
"""Every event appended on `turn.*`, by anyone, moves the expected sequence."""


MOST_HELD = 64
"""How many replies, and utterances of turns that are over, are held: what is decided is about the last ones."""


@dataclass(slots=True)
class AudibleReply:
    """What hearing needs of a reply: whether it may be heard, whether it is over, and its words."""

    reply_id: str
    draft: bool
    clauses: list[str] = field(default_factory=list)
    complete: bool = False
    """Whether it is written to its end."""
    over: bool = False


@dataclass(slots=True)
class SpokenUtterance:
    """An utterance of one track, as the log has it."""

    started: e.SpeechStarted
    end_sample: int | None = None
    text: str | None = None
    """Final words; None while they are unknown."""
    latest_text: str = ""
    """The turn's words in the last revision."""
    revisions: int = 0
    judged: bool = False
    dismissed: bool = False
    """It was neither an interruption nor words to the agent."""
    no_speech: bool = False
    """It is part of no turn, because it holds no words."""
    lost_samples: int = 0
    """How much of it could not be recognised."""

    @property
    def over(self) -> bool:
        """Whether nothing more is to be appended about it."""
        return self.dismissed or self.no_speech


@dataclass(slots=True)
class SessionState:
    """The session so far. `apply` is idempotent, so own facts may be applied at once and again when they are read."""

    sequence: int = 0
    turn_sequence: int = 0
    """Sequence of the last `turn.*` fact: the expected sequence of the next."""
    closed: bool = False
    profile: e.AgentProfile | None = None
    people: dict[str, Person] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    """Ids of all facts."""
    unpublished: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    """Participants who have left and not come back."""
    replies: dict[str, AudibleReply] = field(default_factory=dict)
    utterances: dict[str, SpokenUtterance] = field(default_factory=dict)
    handled: dict[str, int] = field(default_factory=dict)
    """Up to which sample the speech of each track has been processed."""
    ended_turns: set[str] = field(default_factory=set)
    scored: dict[str, e.TranscriptScored] = field(default_factory=dict)
    """How likely the last words of each participant end there."""
    openers: dict[str, e.OpenerCued] = field(default_factory=dict)
    """By the turn in which they were cued."""
    retracted: set[str] = field(default_factory=set)
    """Openers that were taken back."""
    otherwise: set[str] = field(default_factory=set)
    """Participants whose last words were in another language than the engine's."""

    def apply(self, fact: Fact) -> None:
        """Apply one fact."""
        event = fact.event
        self.sequence = max(self.sequence, fact.sequence)
        if isinstance(event, FENCED):
            self.turn_sequence = max(self.turn_sequence, fact.sequence)
        if event.event_id in self.said:
            return
        self.said.add(event.event_id)
        note(self.people, event)
        self._apply_session(event)
        self._apply_reply(event)
        self._apply_speech(event)

    def company_of(self, participant_id: str) -> Company:
        """Return whom the agent answers, and the others whom this person may be speaking to."""
        if self.profile is None:
            return Company()
        others = [each for each in self.people.values() if each.present and each.participant_id != participant_id]
        names = tuple(each.name or name_of(self.people, each.participant_id) for each in others)
        return Company(self.profile.addressee, self.profile.agent_name, names)

    def floor_reply(self) -> AudibleReply | None:
        """Return the reply that is playing or about to play: committed, and not over."""
        # Only the newest can be: one whose end was never appended must not come back when later ones are over.
        newest = next((reply for reply in reversed(self.replies.values()) if not reply.draft), None)
        return newest if newest is not None and not newest.over else None

    def open_turn(self, track_id: str) -> list[SpokenUtterance]:
        """Return the utterances of the track's turn that has not ended, oldest first."""
        own = [u for u in self.utterances.values() if u.started.track_id == track_id]
        if not own or own[-1].started.turn_id in self.ended_turns:
            return []
        turn = [u for u in own if u.started.turn_id == own[-1].started.turn_id]
        return [] if all(u.over for u in turn) else turn

    def _apply_session(self, event: e.Event) -> None:
        match event:
            case e.SessionOpened():
                self.profile = event.profile
            case e.SessionClosed():
                self.closed = True
            case e.ParticipantJoined():
                self.left.discard(event.participant_id)
            case e.ParticipantLeft():
                self.left.add(event.participant_id)
            case e.TrackUnpublished():
                self.unpublished.add(event.track_id)

    def _apply_reply(self, event: e.Event) -> None:
        match event:
            case e.ReplyStarted():
                self.replies[event.reply_id] = AudibleReply(event.reply_id, event.draft)
                if len(self.replies) > MOST_HELD:
                    del self.replies[next(iter(self.replies))]
            case e.ReplyCommitted():
                self._reply(event.reply_id).draft = False
            case e.PlaybackStarted():
                self._reply(event.reply_id).draft = False
            case e.ReplyClauseWritten():
                self._reply(event.reply_id).clauses.append(event.text)
            case e.ReplyCompleted():
                reply = self._reply(event.reply_id)
                reply.complete = True
                reply.over = reply.over or event.finish == "interrupted" or event.clauses == 0
            case e.ReplyDiscarded() | e.PlaybackFinished() | e.PlaybackInterrupted() | e.TurnInterrupted():
                self._reply(event.reply_id).over = True

    def _reply(self, reply_id: str) -> AudibleReply:
        return self.replies.setdefault(reply_id, AudibleReply(reply_id, True))

    def _apply_speech(self, event: e.Event) -> None:
        self._apply_words(event)
        match event:
            case e.SpeechStarted():
                self.utterances[event.utterance_id] = SpokenUtterance(event)
                self._drop_utterances()
            case e.TurnEnded() if event.turn_id is not None:
                self.ended_turns.add(event.turn_id)
            case e.SpeechEnded() if u := self.utterances.get(event.utterance_id):
                u.end_sample = event.end_sample
                self.handled[u.started.track_id] = max(event.end_sample, self.handled.get(u.started.track_id, 0))
            case e.SpeechLost() if u := self.utterances.get(event.utterance_id):
                u.lost_samples += max(0, event.end_sample - event.start_sample)
            case e.UtteranceTranscribed() if u := self.utterances.get(event.utterance_id):
                u.text = event.text
            case e.TranscriptRevised() if u := self.utterances.get(event.utterance_id):
                u.latest_text, u.revisions = event.text, event.revision + 1
            case e.TurnInterrupted() if u := self.utterances.get(event.utterance_id or ""):
                u.judged = True
            case e.InterruptionDismissed() if u := self.utterances.get(event.utterance_id):
                u.judged, u.dismissed = True, event.reason != "unaddressed"
            case e.UtteranceDismissed() if u := self.utterances.get(event.utterance_id):
                u.no_speech = True

    def _drop_utterances(self) -> None:
        """Drop the oldest of those about which nothing more is decided."""
        if len(self.utterances) <= MOST_HELD:
            return
        oldest = list(self.utterances.items())[:-MOST_HELD]
        for utterance_id, u in oldest:
            if u.over or u.started.turn_id in self.ended_turns:
                del self.utterances[utterance_id]

    def _apply_words(self, event: e.Event) -> None:
        match event:
            case e.OpenerCued() if event.turn_id is not None:
                self.openers[event.turn_id] = event
            case e.OpenerRetracted():
                self.retracted.add(event.reply_id)
            case e.TranscriptScored():
                self.scored[event.participant_id] = event
            case e.UtteranceDismissed(reason="language", over_reply_id=None):
                self.otherwise.add(event.participant_id)
            case e.UtteranceTranscribed() if event.text:
                self.otherwise.discard(event.participant_id)
