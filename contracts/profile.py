"""How the agent of a session behaves: fixed when the session opens."""

from typing import Literal

from pydantic import Field

from contracts.numbers import Positive, Probability, Seconds, SmallCount
from contracts.value import Value

SampleRateConversion = Literal["soxr-hq", "soxr-mq", "soxr-lq", "none"]


class AgentProfile(Value):
    """How the agent of a session behaves: fixed when the session opens, so that a replay uses the same values.

    The fields from `speculate` on have the names of the settings from which the door takes them. One that is absent
    (the session was opened by an older build) is as the settings of the process say that needs it. What belongs to a
    store that all sessions share (embedding, response cache) is a setting of its processes, and not here.
    """

    agent: str = Field(
        default="", description="Name of the agent, which has its tools; empty means the one that is built in."
    )
    variables: dict[str, str] = Field(
        default={}, description="What the session gave for the variables of the agent's instructions and greeting."
    )
    prompt: str = Field(description="System prompt.")
    llm: str = Field(description="LangChain model as `provider:model`, or `local`.")
    stt: str = Field(description="Speech to text: `local`, or a LiveKit plugin such as `deepgram.STT`.")
    tts: str = Field(description="Text to speech: `local`, or a LiveKit plugin.")
    voice: str = Field(default="", description="Voice name in the engine's own terms.")
    greeting: str = Field(default="", description="What the agent says when the session opens; empty for nothing.")
    speaks: bool = Field(default=True, description="Whether replies are synthesised; not in a conversation by text.")
    agent_name: str = Field(default="", description="The name by which people address the agent.")
    time_zone: str = Field(
        default="", max_length=64, description="For callers whose client sends none: an IANA name, empty if unknown."
    )
    addressee: Literal["always", "named", "asked"] = Field(
        default="always", description="Which turns are answered when several people are there."
    )

    # -- the answer
    speculate: bool | None = Field(
        default=None, description="Whether the answer is prepared while the turn may still be going on."
    )
    turn_history: SmallCount | None = Field(default=None, description="How many past exchanges the model is given.")
    reply_max_tokens: Positive | None = Field(default=None, description="Longest answer, in the model's tokens.")
    llm_options: str | None = Field(
        default=None, description="Options of the model's class: JSON object, without keys and addresses."
    )
    llm_timeout_s: Seconds | None = Field(
        default=None, description="How long the model may be silent before the agent apologises."
    )
    memory_turns: SmallCount | None = Field(
        default=None, description="How many similar past turns of the same user the model is given."
    )
    memory_timeout_ms: SmallCount | None = Field(default=None, description="How long an answer waits for memory.")

    # -- hearing, and the turn
    stt_options: str | None = Field(
        default=None, description="Options of the speech-to-text plugin: JSON object, without keys and addresses."
    )
    end_of_turn: str | None = Field(default=None, description="End-of-turn model: `local`, or `module:Class`.")
    vad_threshold: Probability | None = Field(default=None, description="Speech probability that opens an utterance.")
    min_endpointing_delay_ms: SmallCount | None = Field(
        default=None, description="Silence that ends a turn when the end-of-turn model is sure."
    )
    max_endpointing_delay_ms: SmallCount | None = Field(
        default=None, description="Silence that ends a turn when the model expects it to go on."
    )
    patience: Literal["", "quick", "balanced", "patient"] | None = Field(
        default=None, description="How long silences are waited for, by what was said; empty: by the end-of-turn model."
    )
    turn_weights: str | None = Field(
        default=None, description="Weights of the words' score, JSON; empty: those of the program."
    )
    opener: str | None = Field(
        default=None,
        description="With a patience: what the agent begins with where the turn may be over, and takes back if it is "
        "not; empty for nothing.",
    )
    barge_in_min_speech_ms: SmallCount | None = Field(
        default=None, description="Speech over playback that counts as a barge-in."
    )

    # -- the voice
    tts_options: str | None = Field(
        default=None, description="Options of the text-to-speech plugin: JSON object, without keys and addresses."
    )
    tts_sample_rate_conversion: SampleRateConversion | None = Field(
        default=None, description="Resampling from the voice's rate; with `none` the voice's own rate is played."
    )
    agent_sample_rate_hz: Positive | None = Field(default=None, description="Rate of the agent's sound at the door.")

    # -- what the agent says because time passes
    filler: str = Field(default="", description="Said when a tool runs for longer than `filler_after_ms`; or nothing.")
    filler_after_ms: SmallCount = Field(default=0, description="How long a tool may run in silence.")
    silence_after_s: Seconds | None = Field(
        default=None, description="After this long without a word `silence_text` is said, once until somebody speaks."
    )
    silence_text: str = Field(default="", description="What is said into a silence.")
    time_limit_s: Seconds | None = Field(default=None, description="The session ends after this long.")
    time_limit_text: str = Field(default="", description="What is said before that.")

    # -- keeping and ending
    summary_turns: Positive | None = Field(
        default=None, description="Turns after which the rolling summary is renewed."
    )
    record_audio: bool | None = Field(
        default=None, description="Whether the sound is recorded, unless the recording process forbids it."
    )
    session_idle_s: Seconds | None = Field(
        default=None, description="The session is closed after this long without sound or text."
    )
    reconnect_grace_s: Seconds | None = Field(
        default=None, description="How long the session waits for a client that has disconnected."
    )
    room_empty_s: Seconds | None = Field(
        default=None, description="How long the session of a room goes on after its last person has left."
    )
