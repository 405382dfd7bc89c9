"""What NATS stores: JetStream streams, durable consumers and key-value buckets."""

from dataclasses import dataclass, field

from contracts import events as e
from contracts.topology.addresses import (
    BRIDGE,
    BRIDGE_LIVEKIT,
    CLI,
    ERASURE,
    HTTP,
    LIVEKIT_ROOM,
    PERSISTENCE,
    REASONING,
    SUMMARIES,
    SYNTHESIS,
    TOOLS,
    TRANSCRIPT,
    Address,
)
from contracts.topology.facts import FACTS, LIVE, event_subjects

VOICE, AUDIO, RECORDINGS, JOURNAL, DEAD, PROBE = "VOICE", "AUDIO", "RECORDINGS", "JOURNAL", "DEAD", "PROBE"
RECORDER = "recorder"


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream. Ages are seconds, 0 is unlimited; `max_bytes` -1 is unlimited.

    One that `is_optional` is done without where NATS has no room for it.
    """

    name: str
    description: str
    subjects: tuple[str, ...]
    storage: str
    max_age_s: float = 0
    max_bytes: int = -1
    duplicate_window_s: float = 120
    republish: tuple[str, str] | None = None
    transform: tuple[str, str] | None = None
    """What it takes on other subjects than it stores it on: from, and to."""
    discard: str = "old"
    is_compressed: bool = False
    is_optional: bool = False
    creators: tuple[str, ...] = ()
    """Processes that create it again when its server has restarted: one in memory."""
    partition_of: str = ""
    """The row that it is a partition of."""


STREAMS: tuple[Stream, ...] = (
    # A full log refuses new facts: it must never drop old ones.
    Stream(
        VOICE,
        "The event log. When it is full it refuses new facts.",
        (FACTS.pattern,),
        "file",
        republish=(FACTS.pattern, LIVE.text.format(session="$1", noun="$2", state="$3")),
        discard="new",
    ),
    Stream(
        AUDIO,
        "The last minutes of sound, for processes that take over a track or record a session.",
        ("audio.*.in.*", "audio.*.out.*"),
        "memory",
        max_age_s=600,
        max_bytes=256 * 1024 * 1024,
        creators=(BRIDGE, LIVEKIT_ROOM, TRANSCRIPT, SYNTHESIS, PERSISTENCE),
    ),
    Stream(RECORDINGS, "Recordings of sessions, in chunks.", ("recording.*",), "file"),
    Stream(
        JOURNAL,
        "The tape: what actors took in, for replays.",
        ("journal.*.*",),
        "file",
        is_compressed=True,
        is_optional=True,
    ),
    Stream(DEAD, "Dead letters: messages that no handler could process.", ("dead.*",), "file"),
    Stream(
        PROBE,
        "Zeros, which a process stores to find out whether the log's disk accepts writes.",
        ("probe.*",),
        "file",
        max_age_s=60,
    ),
)

RESTORING = "RESTORING"
"""The stream that a NATS has while a backup is being restored into it: nothing runs on it meanwhile."""

RESTORING_GAP = Address("restoring.gap.{stream}")
"""Where messages are stored in the place of missing ones, and removed again: so the others get their own sequences."""


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable pull consumer of VOICE, or one of each of its partitions, shared by all copies of one actor.

    No events means all of them, and everything else on the log's subjects. `ack_wait_s` is how long a dead copy's
    messages stay with it; living copies send heartbeats well within. `actor` is the process that receives its messages.
    One that is created with `from_now_on` starts with the next event, else with the oldest in the log.
    """

    name: str
    events: tuple[type[e.Event], ...]
    ack_wait_s: float = 3
    max_ack_pending: int = 5000
    max_deliver: int = 20
    actor: str = ""
    from_now_on: bool = False
    filter_subjects: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive the subjects from the event classes."""
        subjects = tuple(event_subjects(event) for event in self.events)
        object.__setattr__(self, "filter_subjects", subjects or (FACTS.pattern,))
        object.__setattr__(self, "actor", self.actor or self.name)


DURABLES: tuple[Durable, ...] = (
    # A microphone's job is held while it is open: there may be many.
    Durable(TRANSCRIPT, (e.TrackPublished,), max_deliver=-1, max_ack_pending=50_000),
    Durable(
        REASONING,
        (
            e.SessionOpened,
            e.SessionClosed,
            e.TranscriptRevised,
            e.TurnEnded,
            e.UtteranceDismissed,
            e.RemarkRequested,
        ),
    ),
    # A call of an old session is nobody's job any more.
    Durable(TOOLS, (e.ToolCalled,), from_now_on=True),
    Durable(SYNTHESIS, (e.ReplyClauseWritten,)),
    # Persistence receives everything, so it moves what no actor knows to DEAD.
    Durable(PERSISTENCE, ()),
    # A session's opening is also the job of recording it.
    Durable(RECORDER, (e.SessionOpened,), max_deliver=-1, actor=PERSISTENCE),
    Durable(SUMMARIES, (e.SessionClosed, e.TurnRecorded)),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A key-value bucket of NATS: `key` describes its keys, `message` its entries (AsyncAPI).

    Its first writer creates it. `ttl_s` is how long an entry stays unless it is written again; None: as
    set in the settings.
    """

    name: str
    description: str
    key: str
    message: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    storage: str = "memory"
    ttl_s: float | None = None
    max_bytes: int = -1
    direct: bool = False
    listeners: tuple[str, ...] = ()
    """Readers that also subscribe to its entries as they are written."""

    @property
    def stream(self) -> str:
        """The bucket's stream."""
        return f"KV_{self.name}"

    @property
    def all_keys(self) -> str:
        """The subjects of its stream: keys of any form."""
        return f"$KV.{self.name}.>"

    @property
    def address(self) -> Address:
        """Where its entries are stored."""
        return Address(f"$KV.{self.name}.{self.key}")

    @property
    def subjects(self) -> str:
        """The filter for all its entries."""
        return self.address.pattern


PRESENCE = Bucket(
    "presence",
    "Who is in which session: a view of the log for immediate look-ups.",
    "{session}",
    "Presence",
    writers=(PERSISTENCE,),
    readers=(CLI,),
    ttl_s=900,  # longer than a session may be idle
    max_bytes=16 * 1024 * 1024,
)

ROOMS = Bucket(
    "rooms",
    "Leases of LiveKit rooms: which job is a room's agent, what it is playing, and how far it was heard.",
    "{session}",
    "RoomLease",
    writers=(LIVEKIT_ROOM, BRIDGE_LIVEKIT),
    readers=(LIVEKIT_ROOM, BRIDGE_LIVEKIT),
    ttl_s=3600,  # how long a room that nobody holds waits for a bridge
    direct=True,
)

SILENT_TRACKS = Bucket(
    "silent-tracks",
    "Tracks that send nothing: the copy of transcript that hears the first frame of one makes it a job again.",
    "{session}.{track}",
    "SilentTrack",
    writers=(TRANSCRIPT,),
    readers=(TRANSCRIPT,),
    storage="file",
    ttl_s=7 * 86_400,  # its door died without closing it
    direct=True,
)

RESPONSE_CACHE = Bucket(
    "response_cache",
    "Answers of models, reused for the same question in the same context.",
    "{user}.{question}",
    "CachedAnswer",
    writers=(REASONING,),
    readers=(REASONING, ERASURE),
    max_bytes=64 * 1024 * 1024,
)

AGENTS = Bucket(
    "agents",
    "Which agents reasoning has, the default first: doors choose among them when a session opens.",
    "all",
    "AgentCards",
    writers=(REASONING,),
    readers=(BRIDGE, HTTP, LIVEKIT_ROOM),
    storage="file",
    direct=True,
    listeners=(BRIDGE, HTTP),
)

BUCKETS = (PRESENCE, ROOMS, SILENT_TRACKS, RESPONSE_CACHE, AGENTS)
