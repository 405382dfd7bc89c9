"""What was said in a session, by whom and when: a fold of its facts, for reading. Pure.

Times are ms since SessionOpened, which is also sample 0 of the recording.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from contracts import events as e
from contracts.written import put_together
from infra.export.as_heard import as_heard
from infra.export.captions import Caption, agent_captions, cut_clause, user_caption
from infra.session.heard_times import HeardTimes
from infra.session.people import Person, known_name, name_of, note, several


class NotAConversation(LookupError):
    """The facts contain no conversation: it never began, or its words were erased."""


@dataclass(slots=True)
class ExportedReply:
    """An answer: what was written, and what was heard of it."""

    reply_id: str
    written: str = ""
    heard: str = ""
    start_ms: float | None = None
    end_ms: float | None = None
    interrupted: bool = False
    gap_ms: float | None = None
    parts: e.LatencyParts | None = None
    waited_for: str | None = None
    beside: e.LatencyParts | None = None
    draft: bool = False
    discarded: bool = False
    clauses: dict[int, str] = field(default_factory=dict)

    @property
    def unheard(self) -> str:
        """What was written but not heard; an ellipsis stands for what was heard between two pieces."""
        return as_heard(self.written, self.heard)[1]

    @property
    def shown(self) -> str:
        """What was heard in its written form, with lists, tables and code."""
        return as_heard(self.written, self.heard)[0].strip("\r\n")

    @property
    def counts(self) -> bool:
        """Whether it is part of the conversation: drafts and discarded replies are not."""
        return not self.discarded and (not self.draft or self.start_ms is not None)


@dataclass(frozen=True, slots=True)
class ExportedOpener:
    """What the agent began with before it was known whether the turn was over; no part of an answer."""

    text: str
    start_ms: float
    end_ms: float
    retracted: bool
    """The caller went on, and it was broken off, or had just ended."""
    gap_ms: float | None


@dataclass(slots=True)
class Exchange:
    """What somebody said (nothing, before a greeting) and what the agent answered."""

    turn_id: str
    text: str = ""
    participant_id: str = ""
    name: str = ""
    """The speaker's name, if several people speak."""
    passed: str = ""
    """Why the agent did not answer (see TurnPassed)."""
    source: str = ""
    start_ms: float | None = None
    end_ms: float | None = None
    openers: list[ExportedOpener] = field(default_factory=list)
    replies: list[ExportedReply] = field(default_factory=list)


@dataclass(slots=True)
class Conversation:
    """A session's conversation for readers."""

    opened: e.SessionOpened
    closed: e.SessionClosed | None = None
    recording: e.RecordingStored | None = None
    summary: e.SummaryWritten | e.SummaryRevised | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)

    def who(self, participant_id: str) -> str:
        """Return a person's name, `user` if they joined without one."""
        if several(self.people):
            return name_of(self.people, participant_id)
        return known_name(self.people, participant_id) or "user"

    @property
    def end_ms(self) -> float | None:
        """When it ended, None while it is open."""
        return None if self.closed is None else _ms(self.closed.time_ns, self.opened)


def conversation_of(facts: Iterable[e.Event], track_samples: Mapping[str, int] | None = None) -> Conversation:
    """Return the conversation in the facts.

    `track_samples` is where the recording has sample 0 of each track (`Chunk.track_samples`); without it, times of
    speech are those at which it arrived. Raises NotAConversation.
    """
    known = list(facts)
    # First, because an erased session has also lost its opening.
    if any(isinstance(fact, e.SessionErased) for fact in known):
        raise NotAConversation("its words were erased")
    opened = next((fact for fact in known if isinstance(fact, e.SessionOpened)), None)
    if opened is None:
        raise NotAConversation("the log has no beginning of it")
    fold = _Fold(Conversation(opened))
    for fact in known:
        fold.apply(fact)
    return fold.finish(track_samples or {})


class _Fold:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._exchanges: dict[str, Exchange] = {}
        self._replies: dict[str, ExportedReply] = {}
        self._speech: dict[str, e.SpeechEnded] = {}
        self._words: dict[str, e.UtteranceTranscribed] = {}
        self._turns: list[e.TurnEnded] = []
        self._clauses: dict[str, dict[int, e.ClauseSynthesized]] = {}
        self._no_words: set[str] = set()
        self._openers: list[e.OpenerPlayed] = []
        self._retracted: set[str] = set()
        """Openers after which the caller went on."""
        self._heard = HeardTimes()

    def apply(self, event: e.Event) -> None:
        """Apply a fact."""
        self._heard.apply(event)
        note(self._conversation.people, event)
        match event:
            case e.SessionClosed():
                self._conversation.closed = event
            case e.RecordingStored():
                self._conversation.recording = event
            case e.SummaryWritten():
                self._conversation.summary = event
            case e.OpenerPlayed():
                self._exchange(event.turn_id or event.reply_id)
                self._openers.append(event)
            case e.OpenerRetracted():
                self._retracted.add(event.reply_id)
            case e.SummaryRevised() if not isinstance(self._conversation.summary, e.SummaryWritten):
                self._conversation.summary = event
            case _:
                self._apply_speech(event)
                self._apply_reply(event)

    def _apply_speech(self, event: e.Event) -> None:
        match event:
            case e.SpeechEnded():
                self._speech[event.utterance_id] = event
            case e.UtteranceTranscribed():
                self._words[event.utterance_id] = event
            case e.InterruptionDismissed() if event.reason in ("no-words", "echo"):
                self._no_words.add(event.utterance_id)
            case e.TurnEnded():
                self._turns.append(event)
                exchange = self._exchange(event.turn_id or event.event_id)
                exchange.text, exchange.source = event.text, event.source
                exchange.participant_id = event.participant_id
            case e.TurnPassed():
                self._exchange(event.turn_id or event.event_id).passed = event.reason

    def _apply_reply(self, event: e.Event) -> None:
        match event:
            case e.ReplyStarted():
                reply = self._reply(event.reply_id, event.turn_id)
                reply.draft = event.draft
            case e.ReplyCommitted():
                self._reply(event.reply_id, event.turn_id).draft = False
            case e.ReplyDiscarded():
                self._reply(event.reply_id, event.turn_id).discarded = True
            case e.ReplyClauseWritten():
                reply = self._reply(event.reply_id, event.turn_id)
                reply.clauses[event.index] = event.text
                reply.written = put_together(reply.clauses[index] for index in sorted(reply.clauses))
            case e.ReplyCompleted() if event.text:
                self._reply(event.reply_id, event.turn_id).written = event.text
            case e.ClauseSynthesized():
                self._clauses.setdefault(event.reply_id, {}).setdefault(event.index, event)
            case e.PlaybackStarted():
                reply = self._reply(event.reply_id, event.turn_id)
                reply.start_ms = _ms(event.heard_ns or event.time_ns, self._conversation.opened)
                reply.gap_ms, reply.parts = event.gap_ms, event.parts
                reply.waited_for, reply.beside = event.waited_for, event.beside
            case e.PlaybackFinished() | e.PlaybackInterrupted():
                reply = self._reply(event.reply_id, event.turn_id)
                reply.heard, reply.end_ms = event.heard_text, _ms(event.time_ns, self._conversation.opened)
                reply.interrupted = isinstance(event, e.PlaybackInterrupted)
                if isinstance(event, e.PlaybackInterrupted):
                    self._add_cut_clause(reply, event)

    def _opener(self, event: e.OpenerPlayed) -> ExportedOpener:
        opened = self._conversation.opened
        start_ms = _ms(event.started_ns or event.time_ns, opened)
        end_ms = _ms(event.ended_ns or event.time_ns, opened)
        is_retracted = event.retracted or event.reply_id in self._retracted
        return ExportedOpener(event.text, start_ms, end_ms, is_retracted, event.gap_ms)

    def _add_cut_clause(self, reply: ExportedReply, end: e.PlaybackInterrupted) -> None:
        clauses = self._clauses.setdefault(reply.reply_id, {})
        cut = cut_clause(clauses, reply.clauses.get(end.clause_index, ""), end)
        if cut is not None:
            clauses[cut.index] = cut

    def _exchange(self, turn_id: str) -> Exchange:
        return self._exchanges.setdefault(turn_id, Exchange(turn_id))

    def _reply(self, reply_id: str, turn_id: str | None) -> ExportedReply:
        reply = self._replies.get(reply_id)
        if reply is None:
            reply = self._replies[reply_id] = ExportedReply(reply_id)
            self._exchange(turn_id or reply_id).replies.append(reply)
        return reply

    def finish(self, track_samples: Mapping[str, int]) -> Conversation:
        """Return the conversation with times of speech, without what was never said or heard."""
        conversation, start_ns = self._conversation, self._conversation.opened.time_ns
        spoken: dict[str, Caption] = {}
        for utterance_id, words in self._words.items():
            if utterance_id not in self._no_words and words.text.strip():
                speech = self._speech.get(utterance_id)
                caption = user_caption(words, speech, start_ns, track_samples)
                spoken[utterance_id] = replace(caption, name=self._name(words.participant_id))
        self._forget_what_was_heard_twice(spoken)
        conversation.captions = list(spoken.values())
        for turn in self._turns:
            exchange = self._exchange(turn.turn_id or turn.event_id)
            exchange.name = self._name(turn.participant_id)
            own = [spoken[name] for name in turn.utterance_ids if name in spoken]
            ended_ms = _ms(turn.time_ns, conversation.opened)
            exchange.start_ms = min((caption.start_ms for caption in own), default=ended_ms)
            exchange.end_ms = max((caption.end_ms for caption in own), default=ended_ms)
            if not own and exchange.text.strip() and exchange.source == "speech":
                length_ms = 2000  # typed text has no sound, and no caption
                conversation.captions.append(
                    Caption("user", turn.text, ended_ms, ended_ms + length_ms, exchange.name, turn.participant_id)
                )
        for opener in self._openers:
            self._exchange(opener.turn_id or opener.reply_id).openers.append(self._opener(opener))
        for exchange in self._exchanges.values():
            exchange.replies = [reply for reply in exchange.replies if reply.counts]
            for reply in exchange.replies:
                if reply.reply_id in self._heard.replies:
                    clauses = self._clauses.get(reply.reply_id, {})
                    conversation.captions += agent_captions(clauses, self._heard.replies[reply.reply_id], start_ns)
        conversation.captions.sort(key=lambda caption: caption.start_ms)
        conversation.exchanges = [
            each for each in self._exchanges.values() if each.text or each.replies or each.openers
        ]
        return conversation

    def _name(self, participant_id: str) -> str:
        return name_of(self._conversation.people, participant_id) if several(self._conversation.people) else ""

    def _forget_what_was_heard_twice(self, spoken: dict[str, Caption]) -> None:
        """Drop turns that only repeat, on another microphone, what somebody else said."""
        for turn in self._turns:
            exchange = self._exchange(turn.turn_id or turn.event_id)
            if exchange.passed == "heard-twice":
                exchange.text = ""
                for utterance_id in turn.utterance_ids:
                    spoken.pop(utterance_id, None)


def _ms(time_ns: int, opened: e.SessionOpened) -> float:
    return (time_ns - opened.time_ns) / 1e6
