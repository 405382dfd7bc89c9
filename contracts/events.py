"""The vocabulary: one class for every fact that can happen in a conversation.

All are frozen. Times are Unix epoch nanoseconds (UTC, `*_ns`), durations milliseconds (`*_ms`), positions in
sound are sample counts since the track or clause began (`*_sample`, `*_samples`). A field is added only with
a default; anything else is a new class and an upcaster in `contracts.codec`.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from contracts.ids import Id, Reference
from contracts.numbers import Count, LogOdds, Ms, Positive, Probability, SignedMs, SmallCount, TimeNs
from contracts.profile import AgentProfile as AgentProfile
from contracts.value import Measured
from contracts.value import Value as Value


class Event(Value):
    """What every fact has: its id, its session, its time, and its cause."""

    SCHEMA_VERSION: ClassVar[int] = 2
    """Raised by a class that gets a field; every event is written with the version of its class."""

    schema_version: Measured[Positive] = Field(
        default=SCHEMA_VERSION, description="Version of this class that wrote the event."
    )
    event_id: str = Field(min_length=1, max_length=128, description="Derived from the cause; also the Nats-Msg-Id.")
    session_id: Id = Field(description="The conversation it belongs to.")
    time_ns: Measured[TimeNs] = Field(description="When it was said, Unix epoch ns.")
    cause_id: str | None = Field(default=None, description="Id of the event it answers; absent for a session's first.")
    turn_id: str | None = Field(default=None, description="The turn it belongs to: the correlation id.")
    basis: Measured[Count] = Field(
        default=0,
        description="Last sequence of this session that its writer had taken in when it decided; 0 if unknown.",
    )
    appended_by: Measured[str] = Field(
        default="", description="Which copy of which process appended it: `reasoning-3f9c`; empty if unknown."
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Write the version that a class has set for itself."""
        if cls.model_fields["schema_version"].default != cls.SCHEMA_VERSION:
            cls.model_fields["schema_version"].default = cls.SCHEMA_VERSION
            cls.model_rebuild(force=True)


# -- the session and who is in it (appended by the bridge)


class SessionOpened(Event):
    """A conversation began at a front door."""

    door: str = Field(description="`websocket`, `livekit` or `http`.")
    user_id: str = Field(max_length=256, description="Who is talking, in the door's terms.")
    profile: AgentProfile
    resume_digest: str = Field(
        default="",
        max_length=128,
        description="SHA-256 (hex) of the secret with which its client resumes it; empty if there is none.",
    )
    build: Measured[str] = Field(default="", description="Version of the program that opened it.")
    engines: Measured[dict[str, str]] = Field(
        default={},
        description="What its engines are, by their part (`llm`, `stt`, …): name, and version or digest of the model.",
    )
    forked_from: Id | None = Field(default=None, description="The session that it continues, if it is a fork.")
    forked_through: Count = Field(default=0, description="Last sequence of that session that belongs to this one, too.")


class SessionClosed(Event):
    """The conversation ended; nothing more will be said in it."""

    reason: str = Field(
        description="`hangup`, `timeout`, `vanished`, `shutdown`, `error`, `erased`, `refused` (its own client was), "
        "or the reason of a program that ended it, such as `moderation`."
    )


class ErasedFact(Value):
    """What is left of a fact whose words were erased: that it happened, and when."""

    sequence: Count = Field(description="Its place in the log.")
    event: str = Field(description="Its class.")
    event_id: str
    time_ns: TimeNs
    turn_id: str | None = None
    reply_id: Reference | None = None


class SessionErased(Event):
    """The words of a session were erased from the log; `skeleton` is what they leave behind.

    Every store of copies (tables, embeddings, recordings, caches) drops them on this fact. A long session is erased
    with several of these facts; `part` counts them from 0.
    """

    reason: str = ""
    part: SmallCount = 0
    skeleton: tuple[ErasedFact, ...] = ()


class ParticipantJoined(Event):
    """Somebody entered the session."""

    participant_id: Id
    kind: Literal["person", "agent"] = "person"
    name: str = ""
    identity: str = Field(default="", max_length=256, description="Who it is in the door's terms.")
    origin: str = Field(default="", max_length=64, description="How they joined: `standard`, `sip`, `ingress`, …")
    attributes: dict[str, str] = Field(default={}, description="What the door knows about them: a caller's number.")
    time_zone: str = Field(default="", max_length=64, description="Theirs, as sent by their client: IANA name.")


class ParticipantLeft(Event):
    """Somebody left the session."""

    participant_id: Id
    reason: str = ""


class TrackPublished(Event):
    """A participant's microphone is open. This message is also the job of hearing it."""

    track_id: Id
    participant_id: Id
    sample_rate_hz: Positive = Field(default=16_000, description="Rate of `audio.<session>.in.<participant>`.")


class TrackUnpublished(Event):
    """The microphone is closed; `samples` is the length of what was captured."""

    track_id: Id
    participant_id: Id
    samples: Count = 0
    reason: str = ""


class SoundLost(Event):
    """Sound of a microphone that never reached transcript: what was said in it is unknown."""

    track_id: Id
    participant_id: Id
    start_sample: Count
    end_sample: Count
    lost_ms: Ms = Field(description="Its length. With `flood` no silence replaces it: both samples are equal.")
    reason: Literal["log-away", "flood"] = Field(
        description="The log was away for longer than sound is kept; or more came at once than a stall explains."
    )


DTMF_KEYS = "0123456789*#ABCD"
"""The key of each code of RFC 4733."""


class DtmfReceived(Event):
    """Somebody pressed a key of their phone."""

    participant_id: Id
    digit: str = Field(
        min_length=1,
        max_length=1,
        description="`0` to `9`, `*`, `#`, or `A` to `D`.",
        # As LiveKit names the key, unchecked.
        json_schema_extra={"pattern": "^[0-9*#A-D]$"},
    )
    code: int = Field(ge=0, le=255, description="Its number in RFC 4733.")


# -- hearing (appended by transcript)


class SpeechStarted(Event):
    """Voice activity began; `start_sample` counts from the start of the track."""

    utterance_id: str
    track_id: Id
    participant_id: Id
    start_sample: Count
    over_reply_id: Reference | None = Field(
        default=None, description="The reply that was playing: a possible barge-in."
    )


class SpeechEnded(Event):
    """Voice activity ended: `[start_sample, end_sample)` of the track is speech."""

    utterance_id: str
    track_id: Id
    participant_id: Id
    start_sample: Count
    end_sample: Count
    speech_ended_ns: Measured[TimeNs] = Field(description="When the last sample of speech arrived at the door.")


class TranscriptRevised(Event):
    """An interim hypothesis of an utterance that is still going on or whose turn has not ended."""

    utterance_id: str
    participant_id: Id
    revision: SmallCount
    text: str = Field(description="The whole turn so far as it sounds now.")
    settled: bool = Field(default=False, description="Made in silence over all speech so far: worth a draft.")
    speech_ended_ns: Measured[TimeNs | None] = Field(
        default=None, description="With `settled`: when the speech stopped."
    )
    heard_from_sample: Count | None = Field(
        default=None, description="First sample of the sound that speech to text was given for the last words."
    )
    heard_to_sample: Count | None = Field(default=None, description="The sample after the last of that sound.")
    asked_ns: Measured[TimeNs | None] = Field(default=None, description="When it was given to speech to text.")
    noticed_ns: Measured[TimeNs | None] = Field(
        default=None, description="When the silence after it was noticed, if that was later: words begun before it."
    )
    pauses: tuple[Count, ...] = Field(
        default=(), description="Places in `text` (characters) at which the speaker had paused before."
    )


class TranscriptScored(Event):
    """A language model said how likely the words of a `TranscriptRevised` (its cause) end here.

    Appended by reasoning, which has the model, before that writes the draft.
    """

    participant_id: Id
    end_probability: Probability | None = Field(
        default=None, description="That the next token ends the sentence or the message; absent if nothing could say."
    )
    model: str = Field(default="", description="Which model did it.")
    problem: str = Field(default="", description="Why there is no probability.")
    elapsed_ms: Measured[Ms] = Field(
        default=0, description="How long the model took; 0 if it had been asked before the pause."
    )


class UtteranceTranscribed(Event):
    """The final words of one utterance."""

    utterance_id: str
    participant_id: Id
    text: str
    start_sample: Count
    end_sample: Count
    engine: str = ""
    engine_ms: Measured[Ms] = 0
    heard_from_sample: Count | None = Field(
        default=None, description="First sample of the sound that speech to text was given for it."
    )
    heard_to_sample: Count | None = Field(default=None, description="The sample after the last of that sound.")
    asked_ns: Measured[TimeNs | None] = Field(
        default=None, description="When the last of that sound was given to speech to text."
    )
    noticed_ns: Measured[TimeNs | None] = Field(
        default=None, description="When the silence after it was noticed, if that was later: words begun before it."
    )


class SpeechLost(Event):
    """Speech `[start_sample, end_sample)` of the track was not recognised: its words are missing from the turn."""

    utterance_id: str
    track_id: Id
    participant_id: Id
    start_sample: Count
    end_sample: Count
    reason: Literal["engine", "overload", "restart"] = Field(
        description="No engine recognised it; too much other speech waited; the process that heard it ended."
    )


class RecognitionFellBehind(Event):
    """Words of this track are delayed: too much speech waits for recognition in its process."""

    track_id: Id
    participant_id: Id
    waited_ms: Measured[Ms] = Field(description="How long the oldest speech had been waiting.")
    action: str = Field(default="", description="What is done about it.")


class HearingRestarted(Event):
    """The owner of a track ended before the track did; another has taken its place."""

    track_id: Id
    participant_id: Id
    error: str = Field(default="", description="Why it ended.")


class UtteranceDismissed(Event):
    """An utterance is not speech to the agent: nothing of it becomes a turn or is answered."""

    utterance_id: str
    participant_id: Id
    reason: Literal["repetition", "too-fast", "unlikely", "language", "no-words"] = Field(
        description="The text repeats itself; nobody speaks so fast; the engine was not sure of it; it was not sure "
        "of clear speech, which is then in another language; the engine heard no words."
    )
    text: str = Field(default="", description="What the engine made of it.")
    confidence: Probability | None = Field(default=None, description="How sure the engine was, if it reports that.")
    speech_ms: Ms = 0
    language: str = Field(default="", description="The language that the engine understands, as `en`, if known.")
    over_reply_id: Reference | None = Field(default=None, description="The reply that was playing.")


class EndOfTurnOpinion(Value):
    """What the end-of-turn model made of one pause."""

    at_sample: Count = Field(description="Where the speech before the pause ends, in samples of the track.")
    heard_ms: Ms = Field(description="How much sound after that end the model was given.")
    probability: Probability = Field(description="That the turn is over.")
    asked_ns: Measured[TimeNs] = Field(default=0, description="When the model was asked.")
    elapsed_ms: Measured[Ms] = Field(default=0, description="How long the model took.")


class TurnEvidence(Value):
    """Why the endpointing decided that the turn was over."""

    silence_ms: Measured[Ms] = Field(description="Silence when the decision fell.")
    end_of_turn_probability: Probability | None = None
    required_silence_ms: Ms = Field(description="Silence that this probability asked for.")
    speech_ended_ns: Measured[TimeNs] = Field(description="When the last sample of speech arrived at the door.")
    text_ready_ns: Measured[TimeNs] = Field(description="When the final words were known.")
    opinions: tuple[EndOfTurnOpinion, ...] = Field(
        default=(), description="The last opinions on its pauses, in order: of those on its end the highest counts."
    )
    unfinished: bool | None = Field(
        default=None, description="Whether the words break off, which asks for the longest silence; absent if unknown."
    )
    whole_question: bool | None = Field(
        default=None, description="Whether the words are a whole question, which counts as likelier to be the end."
    )
    patience: str = Field(
        default="",
        description="The patience that decided: `quick`, `balanced`, `patient`; empty if the end-of-turn model did.",
    )
    reason: str = Field(
        default="",
        description="With a patience, why the silence was as long: `sure`, `between`, `goes-on` (by the score), "
        "`question`, `answer`, `greeting`, `hesitation`, `number`, `list` (by the words), `no-score`: nothing had "
        "scored them.",
    )
    end_probability: Probability | None = Field(
        default=None, description="A language model's, that the words end here (TranscriptScored)."
    )
    score: LogOdds | None = Field(
        default=None, description="Log odds of an end, of that probability and the words, by the weights in force."
    )
    asked: str = Field(
        default="", description="What the agent's last sentence asked for: `question` (an answer), `details`; or empty."
    )
    own_pauses_ms: tuple[Ms, ...] = Field(
        default=(), description="Pauses of this person in this session after which they went on, the last ones."
    )


class TurnEnded(Event):
    """The user has given up the floor: the agent may speak. Text from a keyboard has no evidence."""

    participant_id: Id
    utterance_ids: tuple[str, ...] = ()
    text: str
    source: Literal["speech", "text"] = "speech"
    evidence: TurnEvidence | None = None
    lost_ms: Ms = Field(default=0, description="Speech in it whose words are lost, see SpeechLost.")


class TurnInterrupted(Event):
    """A confirmed barge-in: the user has taken the floor while `reply_id` was being said."""

    participant_id: Id
    reply_id: Reference
    utterance_id: str | None = None
    speech_ms: Ms = 0
    text: str = Field(default="", description="What had been recognised when it was confirmed.")


class OpenerCued(Event):
    """The turn may be over: until that is known, the agent may begin with its opener, which can be taken back.

    What is played of it is no part of a reply: models never read it.
    """

    participant_id: Id
    reply_id: Reference = Field(description="Names its sound and what the client counts of it. No reply has this id.")
    text: str = Field(description="The opener: `Well,`.")
    reason: str = Field(description="Why the turn was not over yet, as in TurnEvidence: `between`.")
    score: LogOdds | None = Field(default=None, description="Log odds of an end, as in TurnEvidence.")
    silence_ms: Measured[Ms] = Field(description="Silence when the decision fell.")
    required_silence_ms: Ms = Field(description="Silence that would have ended the turn.")
    speech_ended_ns: Measured[TimeNs] = Field(description="When the last sample of speech arrived at the door.")


class OpenerRetracted(Event):
    """The caller went on after an opener was cued: it is silenced. Heard until then, it was a false start."""

    participant_id: Id
    reply_id: Reference
    went_on_ns: Measured[TimeNs] = Field(description="When the first sample of the further speech arrived at the door.")


class InterruptionDismissed(Event):
    """Sound over a reply that does not interrupt it (a cough, an "mhm", an echo): playback goes on.

    If it was `unaddressed`, said among people and not to the agent, its words still count: its turn goes on.
    """

    participant_id: Id
    reply_id: Reference
    utterance_id: str
    reason: Literal["no-words", "backchannel", "echo", "unaddressed"]
    speech_ms: Ms = 0
    text: str = ""


# -- thinking (appended by reasoning)


class TurnPassed(Event):
    """A turn that the agent does not answer: with several people there, not everything is said to it."""

    participant_id: Id
    reason: Literal["unnamed", "to-another", "no-request", "heard-twice", "guarded"] = Field(
        description="Not named; said to another person; asks for nothing; the same words came on another track; "
        "dropped by the agent's guard (see TurnGuarded)."
    )
    addressed_id: Id | None = Field(default=None, description="The person it was said to, if known.")
    same_as_turn_id: str | None = Field(default=None, description="The turn that has the same words (`heard-twice`).")


class RemarkRequested(Event):
    """The agent was asked to say something by itself: by a tool, the operator, a program, or because time passed."""

    text: str
    requested_by: str = Field(
        default="",
        max_length=64,
        description="What asked for it: `cli`, `http`, a tool's name, `silence`, `time-limit`.",
    )


class EndRequested(Event):
    """The session is to end once nothing is left to be said or heard, as a tool of the agent or its time limit says."""

    reason: str = Field(description="What SessionClosed will have as its reason.")
    requested_by: str = Field(default="", max_length=64, description="The tool; `time-limit`.")


GuardDecision = Literal["passed", "dropped", "replaced", "answered"]
"""What a guard decided about words: nothing (it failed, and the agent lets pass what was not checked); they are left
out; others take their place; the agent says something else instead of an answer, or of the rest of it."""


class TurnGuarded(Event):
    """The agent's input guard changed what becomes of a person's words. If it lets them pass, no fact says so."""

    participant_id: Id
    text: str = Field(description="The words that it was given: of the turn, or of its beginning for a draft.")
    decision: GuardDecision = Field(
        description="They `passed` unchecked, as the guard failed; were `dropped`, `replaced` or `answered`."
    )
    replacement: str = Field(default="", description="What the model reads (`replaced`), or what is answered.")
    guard: str = Field(default="", description="Name of the guard's function.")
    error: str | None = Field(default=None, description="Why the guard could not judge, if it could not.")
    elapsed_ms: Measured[Ms] = 0


class ClauseGuarded(Event):
    """The agent's output guard changed what becomes of a clause. If it lets it pass, no fact says so."""

    reply_id: Reference
    index: SmallCount = Field(description="Place of the clause in the reply, had it been written.")
    text: str = Field(description="What the model wrote.")
    decision: GuardDecision = Field(
        description="It `passed` unchecked, as the guard failed; was `dropped` or `replaced`; or the answer ended here "
        "with something else (`answered`)."
    )
    replacement: str = Field(default="", description="What is written instead.")
    guard: str = Field(default="", description="Name of the guard's function.")
    error: str | None = Field(default=None, description="Why the guard could not judge, if it could not.")
    elapsed_ms: Measured[Ms] = 0


class ContextMessage(Value):
    """One message of the model's context, as the person heard or said it."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool: str = Field(default="", description="With the role `tool`: which tool the text is the result of.")
    arguments: str = Field(default="", description="With the role `tool`: what it was called with, JSON.")


class ReplyStarted(Event):
    """The model was asked for an answer to `text`; a draft is started before the turn has ended."""

    reply_id: Reference
    draft: bool = False
    text: str = Field(description="The words it answers.")
    model: str = ""
    context: tuple[ContextMessage, ...] = ()
    memories: tuple[str, ...] = Field(default=(), description="Reply ids of the past exchanges that were recalled.")
    recall_ms: Measured[Ms | None] = Field(default=None, description="How long recalling took; none if not tried.")
    cached: bool = Field(default=False, description="The answer came from the response cache.")
    request: str = Field(
        default="",
        max_length=128,
        description="Digest of what the model was really sent: its name, options, messages (primer included), tools.",
    )


class ReplyCommitted(Event):
    """The turn ended with the words that the draft had answered: it may be heard."""

    reply_id: Reference


class ReplyClauseWritten(Event):
    """The next piece of a reply: the unit of synthesis and playback.

    Clauses joined (`contracts.written`) are exactly what the model wrote.
    """

    reply_id: Reference
    index: SmallCount
    text: str = Field(min_length=1, description="As it was written, with the white space before it.")
    first_token_ns: Measured[TimeNs | None] = Field(
        default=None, description="When the model's first token came (index 0)."
    )


ToolKind = Literal["reader", "action"]
"""What a tool changes: nothing, or the world."""

ToolOutcome = Literal["ok", "failed", "timed-out", "unknown", "cancelled"]
"""What came of a tool's call.

It returned; it could not, or may not be called so; it did not return in time; the process in which it ran died, and
nobody knows whether it took effect; it was cancelled, as a reader is when the caller interrupts.
"""


class ToolCaller(Value):
    """For whom a tool is called: what a process of tools has to know of the conversation."""

    user_id: str = Field(default="", max_length=256, description="Who is talking, in the terms of the door.")
    agent: str = Field(default="", description="Name of the agent whose tool it is.")
    variables: dict[str, str] = Field(default={}, description="Of the agent's instructions in this session.")
    attributes: dict[str, str] = Field(default={}, description="What the door knows about the person who speaks.")
    time_zone: str = Field(default="", max_length=64, description="Theirs: IANA name, empty if unknown.")
    participant_id: str = Field(
        default="", max_length=64, description="Theirs, for `do.<session>.bridge.transfer`; empty if nobody is there."
    )


class ToolCalled(Event):
    """The model called a tool. It is stored before the tool runs, and may be the job of running it."""

    reply_id: Reference
    call_id: str
    tool: str
    arguments: str = Field(
        default="{}", description="JSON object; for a call that could not be parsed, what the model wrote."
    )
    kind: ToolKind = Field(default="reader", description="A `reader` changes nothing, an `action` changes the world.")
    idempotency_key: str = Field(
        default="", description="The same however often this call runs; an action has one. Empty for a reader."
    )
    idempotent: bool = Field(
        default=False, description="Whether it may run again with the same key if nobody knows whether it ran."
    )
    round: SmallCount = Field(default=0, description="Which of the reply's messages with calls it was in, from 0.")
    caller: ToolCaller | None = Field(
        default=None,
        description="With it, the call is a job for a process of tools, which answers with `ToolReturned`; "
        "without, the tool runs where the reply is written.",
    )


class ToolBegun(Event):
    """A process of tools begins to run an action that must not run again: no other process may begin it."""

    reply_id: Reference
    call_id: str
    tool: str


class ToolReturned(Event):
    """What came of a tool's call. The first one of a call counts: it is recorded so that the call never runs again."""

    reply_id: Reference
    call_id: str
    tool: str
    result: str = ""
    error: str | None = None
    elapsed_ms: Measured[Ms] = 0
    outcome: ToolOutcome | None = Field(
        default=None, description="Absent if an older build wrote it: then `failed` if there is an error, else `ok`."
    )
    attempts: SmallCount = Field(default=1, description="How often the tool ran, with retries; 0 if it did not.")
    length: Count | None = Field(
        default=None, description="Characters of the result, if only its beginning could be stored."
    )


class ToolSettled(Event):
    """What really came of a tool's call whose outcome was unknown; the model reads it from the next turn on."""

    reply_id: Reference
    call_id: str
    tool: str
    result: str = ""
    error: str | None = None
    by: str = Field(
        default="", description="Who found it out: a person, or the process in which the tool returned after all."
    )


class HandedOver(Event):
    """Another agent has the conversation from here on, as a tool asked: the profile is that of the session now."""

    reply_id: Reference
    call_id: str
    from_agent: str = Field(description="Who had the conversation; empty for the agent that is built in.")
    to_agent: str = Field(description="Who has it now.")
    profile: AgentProfile
    say: str = Field(default="", description="What the first agent said of it, in its own voice.")
    summary: str = Field(
        default="", description="What was said before, if the other agent reads it summed up; empty if it reads it all."
    )
    first_clause: SmallCount = Field(
        default=0, description="The clause of the reply from which on the other agent speaks."
    )


ReplyFinish = Literal[
    "completed",
    "interrupted",
    "failed",
    "length",
    "filter",
    "refusal",
    "tool-calls",
    "broken-off",
    "half-closed",
    "enough",
]
"""How the writing of a reply can end."""


class ReplyCompleted(Event):
    """The reply is written to its end, or to where it was cut.

    `finish` is why: all was said; the caller cut it off; no model answered; a limit of tokens, the provider's content
    filter, a refusal, or tools asked for too often ended it; the model broke off; its stream lost its end; a small
    model was stopped when it began to repeat itself or, in a spoken reply, after as many sentences as it can sustain.
    """

    reply_id: Reference
    text: str
    clauses: SmallCount
    finish: ReplyFinish = Field(default="completed", description="How it ended.")
    first_token_ms: Measured[Ms | None] = None
    elapsed_ms: Measured[Ms] = 0
    written: str = Field(
        default="",
        description="What the model wrote, with all that is never spoken (marks, thoughts); empty if that is `text`.",
    )
    tokens: SmallCount | None = Field(default=None, description="How many tokens, or pieces of text, came of it.")


class ReplyDiscarded(Event):
    """A draft that answered other words than those the turn ended with; it is never heard."""

    reply_id: Reference
    reason: str = ""
    written: Measured[str] = Field(
        default="", description="What the model had written by then, with all that is never spoken."
    )
    tokens: Measured[SmallCount | None] = Field(
        default=None, description="How many tokens, or pieces of text, had come of it by then."
    )


# -- speaking (synthesis and the bridge)


class ClauseSynthesized(Event):
    """All sound of a clause has been published to `audio.<session>.out.agent`."""

    reply_id: Reference
    index: SmallCount
    text: str
    samples: Count = Field(description="Length at `sample_rate_hz`.")
    sample_rate_hz: Positive
    word_end_samples: tuple[Count, ...] = Field(default=(), description="Where each word of `text` ends.")
    engine: str = ""
    engine_ms: Measured[Ms] = 0
    first_chunk_ns: Measured[TimeNs] = Field(default=0, description="When the first chunk was published.")
    unsaid: bool = Field(
        default=False,
        description="No voice can say it (its script): the sound, if any, is a notice; its words are not heard.",
    )


class LatencyParts(Value):
    """The response gap, split along the critical path; the parts sum to the gap (all ms).

    Without `waited_for` of PlaybackStarted an older build split it: time in which the draft and the endpointing went on
    side by side is the endpointing's there.
    """

    endpointing_ms: Ms = 0
    vad_ms: Ms = Field(
        default=0, description="From the end of speech until its last sound was given to speech to text."
    )
    stt_ms: Ms = 0
    first_token_ms: Ms = 0
    clause_ms: Ms = Field(default=0, description="From the model's first token to the first clause.")
    first_audio_ms: Ms = 0
    bus_ms: Ms = 0
    playback_ms: Ms = 0


class PlaybackStarted(Event):
    """The first sound of a reply was heard."""

    reply_id: Reference
    gap_ms: Measured[SignedMs | None] = Field(
        default=None, description="From the end of speech to this; none after typed text."
    )
    parts: Measured[LatencyParts | None] = None
    waited_for: Measured[Literal["turn", "sound"] | None] = Field(
        default=None, description="What was there last, and so is in `parts`: the turn's end, or the first sound."
    )
    ready_before_ms: Measured[Ms | None] = Field(
        default=None, description="By how much the other one was there earlier; absent without a draft."
    )
    beside: Measured[LatencyParts | None] = Field(
        default=None,
        description="What else was done from the end of speech on, beside the critical path: it cost nothing. Absent "
        "without a draft.",
    )
    played_samples: Count = Field(default=0, description="What had been played by then: voices begin softly.")
    heard_ns: Measured[TimeNs | None] = Field(default=None, description="When that was, if the client reported it.")
    at_door_ns: Measured[TimeNs | None] = Field(
        default=None,
        description="When the door had its first sound and leave to play it; absent if unknown.",
    )
    estimated: bool = Field(
        default=False, description="The client reports no playback: it is assumed to play what it gets."
    )


class PlaybackStalled(Event):
    """Playback stalled by itself after `played_samples`; `PlaybackResumed` or its end follows."""

    reply_id: Reference
    played_samples: Count
    heard_ns: Measured[TimeNs | None] = Field(default=None, description="When it stopped, as far as that is known.")
    cause: Literal["late-sound", "client", "silent", "door"] = Field(
        description="Its sound came late; the client stalled; the client reports nothing; another door took over."
    )
    counted: bool | None = Field(
        default=None, description="Whether the client counted `played_samples`; false if it is estimated."
    )


class PlaybackPaused(Event):
    """Playback is paused because someone speaks over it; it is resumed or interrupted next."""

    reply_id: Reference
    played_samples: Count
    cause: str = ""
    counted: bool | None = Field(
        default=None, description="Whether the client counted `played_samples`; false if it is estimated."
    )


class PlaybackResumed(Event):
    """Playback continued after a pause or a stall; without one before, it is earlier than was reported."""

    reply_id: Reference
    played_samples: Count
    paused_ms: Measured[Ms] = 0
    heard_ns: Measured[TimeNs | None] = Field(
        default=None, description="When the next sample was heard, if not at `time_ns`."
    )
    counted: bool | None = Field(
        default=None, description="Whether the client counted `played_samples`; false if it is estimated."
    )


class PlaybackFinished(Event):
    """All of the reply was heard."""

    reply_id: Reference
    heard_text: str
    played_samples: Count
    heard_ns: Measured[TimeNs | None] = Field(default=None, description="When its last sample was heard, if reported.")
    counted: bool | None = Field(
        default=None, description="Whether the client counted `played_samples`; false if it is estimated."
    )


class PlaybackInterrupted(Event):
    """Playback was cut off: `heard_text` is what the person heard, to the word."""

    reply_id: Reference
    heard_text: str
    played_samples: Count
    clause_index: SmallCount = Field(default=0, description="The clause being said when it stopped.")
    reason: str = "barge-in"
    counted: bool | None = Field(
        default=None, description="Whether the client counted `played_samples`; false if it is estimated."
    )


class OpenerPlayed(Event):
    """An opener was heard: to its end, or until it was taken back."""

    reply_id: Reference
    text: str = Field(description="The opener that was played, or of which a part was.")
    played_samples: Count
    sample_rate_hz: Positive
    retracted: bool = Field(default=False, description="It was broken off: the caller went on, or the call ended.")
    gap_ms: Measured[SignedMs | None] = Field(
        default=None, description="From the end of speech to its first sound; absent if the client did not report that."
    )
    started_ns: Measured[TimeNs | None] = Field(default=None, description="When its first sound was heard.")
    started_samples: Count = Field(default=0, description="What had been played by then: voices begin softly.")
    ended_ns: Measured[TimeNs | None] = Field(
        default=None, description="When its last sound was heard, as far as that is known."
    )


# -- keeping (persistence, summaries) and failing (anyone)


class RecordingStored(Event):
    """The recording of the session's sound is complete: people on the left, the agent on the right."""

    recording_id: Reference
    codec: str
    sample_rate_hz: Positive
    duration_ms: Ms
    size_bytes: Count
    location: str = Field(default="", description="Where its chunks are: a subject of stream RECORDINGS.")
    start_ns: Measured[TimeNs] = Field(default=0, description="When its first sample was heard, Unix epoch ns.")
    channels: Positive = 2
    chunks: SmallCount = 0
    missing_ms: Ms = Field(
        default=0,
        description="How much of people's sound is silent in it because it was no longer captured when it was to be "
        "recorded: the recorder was behind, or away. What `SoundLost` says is not in it.",
    )


class TurnRecorded(Event):
    """One exchange, complete: what was said, what was written, what was heard, and how long it took.

    A turn of which no answer was heard has one too, with an empty `heard_text` and the id of no reply.
    """

    reply_id: Reference
    user_text: str = Field(description="As models may read it: what a guard keeps away is replaced, or left out.")
    written_text: str
    heard_text: str
    interrupted: bool = False
    gap_ms: SignedMs | None = None
    parts: LatencyParts | None = None
    user_id: str = Field(default="", max_length=256, description="Who asked: whose memory it belongs to.")
    participant_id: Id | None = Field(default=None, description="Whose turn it was.")
    speaker: str = Field(default="", description="Their name.")
    turn_ended_ns: TimeNs = Field(default=0, description="When the user had given up the floor.")
    embedding: bytes = Field(default=b"", description="Of `user_text` and `heard_text`: float32, little endian.")
    embedding_model: str = Field(default="", description="What made it; empty without an embedding.")


class SummaryRevised(Event):
    """The rolling summary of a long conversation that is still open: it covers its turns up to `through_turn_id`."""

    summary: str
    through_turn_id: str
    turns: SmallCount = Field(description="How many turns it stands for.")
    model: str = ""


class SummaryWritten(Event):
    """What the conversation was about."""

    summary: str
    topics: tuple[str, ...] = ()
    sentiment: Literal["positive", "neutral", "negative", "unknown"] = "unknown"
    turns: SmallCount = 0
    model: str = ""
    action_items: tuple[str, ...] = Field(default=(), description="What somebody promised or asked to be done.")


class EngineFailed(Event):
    """An engine raised, hung or was missing; `action` is what was done instead."""

    actor: str
    engine: str
    error: str
    action: str
