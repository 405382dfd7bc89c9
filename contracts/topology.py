"""Where every event goes and who takes it: subjects, streams and durable consumers, as data.

A new event is a class in `contracts.events` and a row in `EVENTS`. Provisioning, AsyncAPI and the actors all
read these tables; nothing else names a subject.
"""

from dataclasses import dataclass, field

from contracts import events as e
from contracts.ids import is_id

BRIDGE, TRANSCRIPT, REASONING, SYNTHESIS = "bridge", "transcript", "reasoning", "synthesis"
PERSISTENCE, SUMMARIES = "persistence", "summaries"
RECORDER, ERASURE = "recorder", "erasure"
ACTORS = (TRANSCRIPT, REASONING, SYNTHESIS, PERSISTENCE, SUMMARIES)


@dataclass(frozen=True, slots=True)
class Row:
    """One event class, the tail of its subject (`<noun>.<state>`), and who says it."""

    event: type[e.Event]
    tail: str
    publishers: tuple[str, ...]


EVENTS: tuple[Row, ...] = (
    Row(e.SessionOpened, "session.opened", (BRIDGE,)),
    Row(e.SessionClosed, "session.closed", (BRIDGE,)),
    Row(e.SessionErased, "session.erased", (ERASURE,)),
    Row(e.ParticipantJoined, "participant.joined", (BRIDGE,)),
    Row(e.ParticipantLeft, "participant.left", (BRIDGE,)),
    Row(e.DtmfReceived, "dtmf.received", (BRIDGE,)),
    Row(e.TrackPublished, "track.published", (BRIDGE,)),
    Row(e.TrackUnpublished, "track.unpublished", (BRIDGE,)),
    Row(e.SoundLost, "sound.lost", (BRIDGE,)),
    Row(e.SpeechStarted, "speech.started", (TRANSCRIPT,)),
    Row(e.SpeechEnded, "speech.ended", (TRANSCRIPT,)),
    Row(e.SpeechLost, "speech.lost", (TRANSCRIPT,)),
    Row(e.RecognitionFellBehind, "recognition.behind", (TRANSCRIPT,)),
    Row(e.HearingRestarted, "hearing.restarted", (TRANSCRIPT,)),
    Row(e.TranscriptRevised, "transcript.revised", (TRANSCRIPT,)),
    Row(e.UtteranceTranscribed, "transcript.final", (TRANSCRIPT,)),
    Row(e.UtteranceDismissed, "utterance.dismissed", (TRANSCRIPT,)),
    Row(e.TurnEnded, "turn.ended", (TRANSCRIPT, BRIDGE)),
    Row(e.TurnInterrupted, "turn.interrupted", (TRANSCRIPT, BRIDGE)),
    Row(e.InterruptionDismissed, "interruption.dismissed", (TRANSCRIPT,)),
    Row(e.TurnPassed, "turn.passed", (REASONING,)),
    Row(e.ReplyStarted, "reply.started", (REASONING,)),
    Row(e.ReplyCommitted, "reply.committed", (REASONING,)),
    Row(e.ReplyClauseWritten, "reply.clause", (REASONING,)),
    Row(e.ToolCalled, "tool.called", (REASONING,)),
    Row(e.ToolReturned, "tool.returned", (REASONING,)),
    Row(e.ReplyCompleted, "reply.completed", (REASONING,)),
    Row(e.ReplyDiscarded, "reply.discarded", (REASONING,)),
    Row(e.ClauseSynthesized, "clause.synthesized", (SYNTHESIS,)),
    Row(e.PlaybackStarted, "playback.started", (BRIDGE,)),
    Row(e.PlaybackStalled, "playback.stalled", (BRIDGE,)),
    Row(e.PlaybackPaused, "playback.paused", (BRIDGE,)),
    Row(e.PlaybackResumed, "playback.resumed", (BRIDGE,)),
    Row(e.PlaybackFinished, "playback.finished", (BRIDGE,)),
    Row(e.PlaybackInterrupted, "playback.interrupted", (BRIDGE,)),
    Row(e.RecordingStored, "recording.stored", (PERSISTENCE,)),
    Row(e.TurnRecorded, "turn.recorded", (PERSISTENCE,)),
    Row(e.SummaryRevised, "summary.revised", (SUMMARIES,)),
    Row(e.SummaryWritten, "summary.written", (SUMMARIES,)),
    Row(e.EngineFailed, "engine.failed", (*ACTORS, BRIDGE)),
)

EVENT_CLASSES: dict[str, type[e.Event]] = {row.tail: row.event for row in EVENTS}
_TAILS: dict[type[e.Event], str] = {row.event: row.tail for row in EVENTS}

VOICE, AUDIO, RECORDINGS, DEAD = "VOICE", "AUDIO", "RECORDINGS", "DEAD"
PROBE = "PROBE"
"""Holds nothing of use: who wants to know whether the log's disk takes what is written stores zeros there."""

LIVE_PREFIX = "live"
"""Facts are sent again on `live.<session>.<noun>.<state>` once they are stored, for plain subscriptions."""

CLOCK_SUBJECT = "clock"
"""Where processes ask one another for the time; who is busy answers with `{time_ns, busy_ns}` in JSON."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream. Ages are seconds, 0 is unlimited; `max_bytes` -1 is unlimited."""

    name: str
    subjects: tuple[str, ...]
    storage: str
    max_age_s: float = 0
    max_bytes: int = -1
    duplicate_window_s: float = 120
    republish: tuple[str, str] | None = None
    discard: str = "old"


STREAMS: tuple[Stream, ...] = (
    # A full log refuses new facts: it must never drop old ones.
    Stream(VOICE, ("voice.*.*.*",), "file", republish=("voice.*.*.*", f"{LIVE_PREFIX}.$1.$2.$3"), discard="new"),
    Stream(AUDIO, ("audio.*.in.*", "audio.*.out.*"), "memory", max_age_s=600, max_bytes=256 * 1024 * 1024),
    Stream(RECORDINGS, ("recording.*",), "file"),
    Stream(DEAD, ("dead.*",), "file"),
    Stream(PROBE, ("probe.*",), "file", max_age_s=60),
)


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable pull consumer of VOICE, shared by all copies of one actor.

    No events means all of them, and whatever else is on the log's subjects. `ack_wait_s` is how long a dead copy's
    messages stay with it; living copies send heartbeats well within.
    """

    name: str
    events: tuple[type[e.Event], ...]
    ack_wait_s: float = 3
    max_ack_pending: int = 5000
    max_deliver: int = 20
    filter_subjects: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Work out the subjects from the event classes."""
        subjects = tuple(f"voice.*.{_TAILS[event]}" for event in self.events)
        object.__setattr__(self, "filter_subjects", subjects or ("voice.*.*.*",))


DURABLES: tuple[Durable, ...] = (
    # A muted microphone's job is held as long as it is open: many may be.
    Durable(TRANSCRIPT, (e.TrackPublished,), max_deliver=-1, max_ack_pending=50_000),
    Durable(REASONING, (e.SessionOpened, e.SessionClosed, e.TranscriptRevised, e.TurnEnded, e.UtteranceDismissed)),
    Durable(SYNTHESIS, (e.ReplyClauseWritten,)),
    # Persistence takes everything: so it is the one that moves what no actor knows to DEAD.
    Durable(PERSISTENCE, ()),
    # A session's opening is also the job of recording it.
    Durable(RECORDER, (e.SessionOpened,), max_deliver=-1),
    Durable(SUMMARIES, (e.SessionClosed, e.TurnRecorded)),
)


class UnknownSubject(ValueError):
    """The subject names no event of ours."""


def subject_of(event: e.Event) -> str:
    """Return `voice.<session>.<noun>.<state>` of an event."""
    return f"voice.{event.session_id}.{_TAILS[type(event)]}"


def tail_of(event_class: type[e.Event]) -> str:
    """Return `<noun>.<state>` of an event class."""
    return _TAILS[event_class]


def event_class_of(subject: str) -> type[e.Event]:
    """Return the event class of a `voice.…` or `live.…` subject. Raises UnknownSubject."""
    prefix, _, rest = subject.partition(".")
    session, _, tail = rest.partition(".")
    if prefix not in ("voice", LIVE_PREFIX) or not is_id(session) or tail not in EVENT_CLASSES:
        raise UnknownSubject(f"no event is known for subject {subject!r}")
    return EVENT_CLASSES[tail]


def checked_session(session_id: str) -> str:
    """Return the session id if it can be a subject token. Raises ValueError with what is allowed."""
    if not is_id(session_id):
        raise ValueError(
            f"{session_id[:80]!r} is no session id: use 1 to 64 of a-z, 0-9 and inner hyphens, no dots or wildcards"
        )
    return session_id


def session_subjects(session_id: str) -> str:
    """Return the filter for all facts of one session in VOICE."""
    return f"voice.{checked_session(session_id)}.*.*"


def live_subjects(session_id: str) -> str:
    """Return the plain subscription for facts of one session, sent when stored."""
    return f"{LIVE_PREFIX}.{checked_session(session_id)}.*.*"


def live_event_subject(event_class: type[e.Event]) -> str:
    """Return the plain subscription for one event class of all sessions."""
    return f"{LIVE_PREFIX}.*.{_TAILS[event_class]}"


def audio_in_subject(session_id: str, participant_id: str) -> str:
    """Return where a participant's microphone sound is published."""
    return f"audio.{session_id}.in.{participant_id}"


def audio_out_subject(session_id: str) -> str:
    """Return where the agent's sound is published."""
    return f"audio.{session_id}.out.agent"


def recording_subject(session_id: str) -> str:
    """Return where the chunks of a session's recording are stored, in order."""
    return f"recording.{checked_session(session_id)}"


def tokens_subject(session_id: str) -> str:
    """Return where the tokens of a session's replies are published while the model writes (not stored)."""
    return f"tokens.{checked_session(session_id)}"


def chat_subject(session_id: str) -> str:
    """Return where a chat by request and reply is asked for: `{text, user_id}` in MessagePack.

    The answer is `{session_id, turn_id, reply_id, text}` or `{error: {code, message}}`.
    """
    return f"do.{checked_session(session_id)}.reasoning.chat"


def probe_subject(pid: int) -> str:
    """Return where a process finds out whether the log's disk takes what is written."""
    return f"probe.{pid}"


def dead_subject(durable: str) -> str:
    """Return where messages go that no handler of `durable` could take."""
    return f"dead.{durable}"


def sound_again_subject(session_id: str) -> str:
    """Return where a clause's sound is asked for again: a request with the encoded ReplyClauseWritten.

    The answer is empty when all of it has been published, else it says why not.
    """
    return f"do.{session_id}.synthesis.clause"


def hangup_subject(session_id: str) -> str:
    """Return where a hang-up is asked for: `{participant_id}` in MessagePack, or nothing to end the session."""
    return f"do.{session_id}.bridge.hangup"


def transfer_subject(session_id: str) -> str:
    """Return where a phone call's transfer is asked for: `{participant_id, to}` in MessagePack."""
    return f"do.{session_id}.bridge.transfer"


def load_subject(name: str) -> str:
    """Return where an actor's copies are asked for their load; each answers `<its id> <0 or 1>`, 1 if it is full."""
    return f"load.{name}"


def retry_subject(durable: str) -> str:
    """Return where a dead letter is put back to: a request answered by one copy of the actor."""
    return f"retry.{durable}"
