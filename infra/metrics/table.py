"""All metrics, as data: what is not here is not measured. `docs/observability.md` has the same table.

Names and attributes follow OpenTelemetry's semantic conventions where there are any; the rest begins with
`daredevil.`. Durations are seconds, as Prometheus wants them, and no attribute has an id in it.
"""

from typing import get_args

from contracts.events import InterruptionDismissed, LatencyParts, PlaybackStalled, SoundLost, SpeechLost, ToolOutcome
from contracts.topology import EVENT_CLASSES, STREAMS, VOICE
from infra.metrics.metric import (
    AnyMetric,
    Attribute,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ObservedCounter,
    ObservedUpDownCounter,
)

GAP_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Finest where the gap of a good turn is, with a bound at 0.5 s, above which HighLatency warns."""

PART_S = (0.001, 0.005, 0.01, 0.025, *GAP_S)
TIME_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
OPERATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""As the semantic conventions of generative AI want it."""

TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The same."""

JITTER_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5)


def _choices(owner: type, field: str) -> tuple[str, ...]:
    return get_args(owner.model_fields[field].annotation)  # type: ignore[attr-defined]


DOOR = Attribute("door", ("websocket", "livekit", "http"))
TURN_OUTCOME = Attribute("outcome", ("answered", "interrupted", "passed", "failed", "unanswered"))
PART = Attribute("part", tuple(name.removesuffix("_ms") for name in LatencyParts.model_fields))
LAST_THERE = Attribute("last", ("turn", "sound"))
INTERRUPTION = Attribute("outcome", ("confirmed", *_choices(InterruptionDismissed, "reason")))
OPENER = Attribute("outcome", ("kept", "retracted"))
CLOSE_REASON = Attribute("reason")
SPEECH_LOSS = Attribute("reason", _choices(SpeechLost, "reason"))
SOUND_LOSS = Attribute("reason", _choices(SoundLost, "reason"))
STALL = Attribute("cause", _choices(PlaybackStalled, "cause"))
EVENT = Attribute("event", tuple(sorted(event.__name__ for event in EVENT_CLASSES.values())))

STAGES = ("stt", "vad", "end_of_turn", "llm", "tts", "embedding", "summary")
STAGE = Attribute("stage", STAGES)
ENGINE = Attribute("engine")
TOOL = Attribute("gen_ai.tool.name")
TOOL_OUTCOME = Attribute("outcome", get_args(ToolOutcome))

OPERATION = Attribute("gen_ai.operation.name", ("chat",))
PROVIDER = Attribute("gen_ai.provider.name")
MODEL = Attribute("gen_ai.request.model")
TOKEN_TYPE = Attribute("gen_ai.token.type", ("input", "output"))
ERROR = Attribute("error.type", ("failed", "timeout", "conflict"))

SYSTEM = Attribute("messaging.system", ("nats",))
MESSAGING = Attribute("messaging.operation.name", ("publish", "process"))
DESTINATION = Attribute("messaging.destination.name", (VOICE,))
DURABLE = Attribute("durable")
GROUP = Attribute("messaging.consumer.group.name")
"""Open: actors and projections of your own have durables, too."""

PROJECTION = Attribute("projection")
STREAM = Attribute("stream", tuple(stream.name for stream in STREAMS))

CPU_MODE = Attribute("cpu.mode", ("user", "system"))
DIRECTION = Attribute("direction", ("inbound", "outbound"))

# -- conversations, from facts

GAP = Histogram(
    "daredevil.turn.gap", "s", "Response gap: from the end of speech to the first sound heard.", (DOOR,), buckets=GAP_S
)
GAP_PART = Histogram(
    "daredevil.turn.part",
    "s",
    "Parts of the response gap along its critical path, which sum to it.",
    (PART,),
    buckets=PART_S,
)
WAITED_FOR = Counter(
    "daredevil.turns.waited_for",
    "{turn}",
    "Answers, by what was there last: the turn's end, or the first sound.",
    (LAST_THERE,),
)
TURNS = Counter("daredevil.turns", "{turn}", "Turns, counted when it is known what came of them.", (DOOR, TURN_OUTCOME))
CUT_OFF = Counter(
    "daredevil.turns.cut_off", "{turn}", "Turns that ended too early: the caller went on before hearing an answer."
)
OPENERS = Counter(
    "daredevil.openers", "{opener}", "Openers that were heard: kept, or taken back as the caller went on.", (OPENER,)
)
OPENER_GAP = Histogram(
    "daredevil.opener.gap", "s", "From the end of speech to the first sound of an opener that was kept.", buckets=GAP_S
)
INTERRUPTIONS = Counter(
    "daredevil.interruptions", "{interruption}", "Speech over a reply, and what it proved to be.", (INTERRUPTION,)
)
DRAFTS = Counter("daredevil.drafts.started", "{draft}", "Replies begun before the turn had ended.")
WASTED = Counter("daredevil.drafts.wasted", "{draft}", "Drafts that were discarded.")
OPENED = Counter("daredevil.sessions.opened", "{session}", "Sessions that were opened.", (DOOR,))
CLOSED = Counter("daredevil.sessions.closed", "{session}", "Sessions that were closed.", (DOOR, CLOSE_REASON))
ENGINE_TIME = Histogram(
    "daredevil.engine.duration", "s", "How long an engine took for one answer.", (STAGE, ENGINE), buckets=PART_S
)
ENGINE_ERRORS = Counter("daredevil.engine.errors", "{error}", "Failures of engines.", (STAGE, ENGINE))
MODEL_TIME = Histogram(
    "gen_ai.client.operation.duration",
    "s",
    "From asking a language model to the end of its answer.",
    (OPERATION, PROVIDER, MODEL, ERROR),
    buckets=OPERATION_S,
)
FIRST_TOKEN = Histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "From asking a language model to its first token.",
    (OPERATION, PROVIDER, MODEL),
    buckets=PART_S,
)
TOKEN_USAGE = Histogram(
    "gen_ai.client.token.usage",
    "{token}",
    "Tokens of one request to a language model.",
    (OPERATION, PROVIDER, MODEL, TOKEN_TYPE),
    buckets=TOKENS,
)
TOOL_CALLS = Counter("daredevil.tool.calls", "{call}", "Calls of tools, by what came of them.", (TOOL, TOOL_OUTCOME))
TOOL_TIME = Histogram("gen_ai.execute_tool.duration", "s", "How long tools took.", (TOOL,), buckets=OPERATION_S)
SPEECH_LOST = Counter("daredevil.speech.lost", "s", "Speech whose words are lost.", (SPEECH_LOSS,))
SOUND_LOST = Counter("daredevil.sound.lost", "s", "Sound of callers that was never heard.", (SOUND_LOSS,))
NOT_RECORDED = Counter(
    "daredevil.recording.missing", "s", "Sound of callers that was no longer captured when it was to be recorded."
)
STALLS = Counter("daredevil.playback.stalls", "{stall}", "Breaks in what callers heard, by their cause.", (STALL,))
FELL_BEHIND = Counter(
    "daredevil.recognition.fell_behind", "{occasion}", "How often recognition fell behind real time in a session."
)
FACTS = Counter("daredevil.facts", "{fact}", "Facts of the log.", (EVENT,))

# -- the log and its consumers

PENDING = Gauge("daredevil.consumer.pending", "{message}", "Messages a consumer has not been given yet.", (DURABLE,))
UNACKNOWLEDGED = Gauge(
    "daredevil.consumer.unacknowledged", "{message}", "Messages that a consumer's processes hold.", (DURABLE,)
)
REDELIVERED = Gauge(
    "daredevil.consumer.redelivered", "{message}", "Messages held that were delivered more than once.", (DURABLE,)
)
LAG = Gauge("daredevil.consumer.lag", "s", "Age of the oldest message that a consumer has not been given.", (DURABLE,))
DEAD_LETTERS = Gauge("daredevil.dead_letters", "{message}", "Dead letters there are now.", (DURABLE,))
STREAM_MESSAGES = Gauge("daredevil.stream.messages", "{message}", "Messages in a stream.", (STREAM,))
STREAM_SIZE = Gauge("daredevil.stream.size", "By", "Size of a stream.", (STREAM,))
STORAGE_USED = Gauge("daredevil.jetstream.storage.used", "By", "What JetStream has stored in files.")
STORAGE_LIMIT = Gauge("daredevil.jetstream.storage.limit", "By", "How much it may store in files, if that is limited.")
LOG_READY = Gauge("daredevil.log.ready", "", "1 if the log stored what was tried last, else 0.")
DISK_FREE = Gauge("daredevil.disk.free", "By", "Free room on the disk of the data directory.")
DISK_SIZE = Gauge("daredevil.disk.size", "By", "Size of the disk of the data directory.")
LOG_SEQUENCE = Gauge("daredevil.log.sequence", "{fact}", "Place of the log's last fact.")
PROJECTION_POSITION = Gauge(
    "daredevil.projection.position",
    "{fact}",
    "Place in the log up to which a projection has everything.",
    (PROJECTION,),
)
PROJECTION_READY = Gauge(
    "daredevil.projection.ready",
    "",
    "1 if a projection follows the log, 0 while it waits or has stopped.",
    (PROJECTION,),
)

# -- every process

CPU_TIME = ObservedCounter("process.cpu.time", "s", "CPU time.", (CPU_MODE,))
MEMORY = ObservedUpDownCounter("process.memory.usage", "By", "Resident memory.")
# Not `process.thread.count`: Prometheus's linter keeps names that end in `_count` for histograms.
THREADS = ObservedUpDownCounter("daredevil.process.threads", "{thread}", "Threads.")
DESCRIPTORS = ObservedUpDownCounter("daredevil.process.file_descriptors", "{file_descriptor}", "Open file descriptors.")
UPTIME = Gauge("process.uptime", "s", "How long the process has been running.")
READY = Gauge("daredevil.process.ready", "", "1 if the process can do its work, else 0.")
LOOP_LAG = Histogram("daredevil.event_loop.lag", "s", "How late timers of the event loop fired.", buckets=TIME_S)
APPEND_TIME = Histogram(
    "messaging.client.operation.duration",
    "s",
    "How long it took until a fact was on disk, or an attempt failed.",
    (SYSTEM, MESSAGING, DESTINATION, ERROR),
    buckets=TIME_S,
)
REFUSED = Counter("daredevil.log.refusals", "{attempt}", "Attempts at storing a fact that the log did not take.")
HANDLING_TIME = Histogram(
    "messaging.process.duration",
    "s",
    "How long a message was held until it was handled.",
    (SYSTEM, MESSAGING, GROUP, ERROR),
    buckets=TIME_S,
)
DEAD_LETTERS_WRITTEN = Counter(
    "daredevil.dead_letters.written", "{message}", "Messages that could not be handled.", (DURABLE,)
)
TAPE_DROPPED = ObservedCounter("daredevil.tape.dropped", "{chunk}", "Chunks of tapes that could not be written.")

# -- some processes

WAITED = Gauge("daredevil.recognition.waited", "s", "How long the oldest speech has been waiting for recognition.")
OPEN = ObservedUpDownCounter("daredevil.sessions.open", "{session}", "Sessions that are open at a door.", (DOOR,))
ROOMS = ObservedUpDownCounter("daredevil.rooms", "{room}", "LiveKit rooms with the agent in them.")
CAPACITY = Gauge("daredevil.capacity.calls", "{call}", "Calls this machine carries, judged by what those now use.")
FULL = Gauge("daredevil.capacity.full", "", "1 while a door takes no new sessions because it has no room, else 0.")
PARTICIPANTS = ObservedUpDownCounter("daredevil.room.participants", "{participant}", "People in those rooms.")
PACKETS = Counter("daredevil.room.packets.received", "{packet}", "Packets of sound received.", (DIRECTION,))
PACKETS_LOST = Counter("daredevil.room.packets.lost", "{packet}", "Packets of sound lost.", (DIRECTION,))
JITTER = Histogram(
    "daredevil.room.jitter",
    "s",
    "Jitter of a track's packets, by the second.",
    (DIRECTION,),
    buckets=JITTER_S,
)

METRICS: tuple[AnyMetric, ...] = tuple(metric for metric in vars().copy().values() if isinstance(metric, Metric))
"""All of them, in this order."""
