"""Messages that are not facts and have no answer: sound, tokens, recordings, dead letters."""

from dataclasses import dataclass

from contracts.topology.addresses import (
    ACTORS,
    APPS,
    BRIDGE,
    BRIDGE_LIVEKIT,
    CLI,
    DOORS,
    ERASURE,
    HTTP,
    LIVEKIT_ROOM,
    PERSISTENCE,
    PROJECTION_POSTGRES,
    REASONING,
    SYNTHESIS,
    TRANSCRIPT,
    Address,
)
from contracts.topology.facts import EVENTS
from contracts.topology.streams import AUDIO, DEAD, JOURNAL, PROBE, RECORDINGS


@dataclass(frozen=True, slots=True)
class Channel:
    """Messages that are not facts and have no answer; `name` and `messages` are AsyncAPI's.

    `listeners` receive them by plain subscriptions, one for each subject they need; `readers` from the `stream` that
    stores them. `is_awaited`: the sender waits until the message is stored.
    """

    name: str
    address: Address
    messages: tuple[str, ...]
    description: str
    senders: tuple[str, ...]
    listeners: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    stream: str = ""
    is_awaited: bool = False


MICROPHONE_SOUND = Channel(
    "MicrophoneSound",
    Address("audio.{session}.in.{participant}"),
    ("InFrame",),
    "A participant's sound. Core NATS, not awaited; the memory stream AUDIO keeps it for a while.",
    senders=(BRIDGE, LIVEKIT_ROOM),
    listeners=(TRANSCRIPT,),
    readers=(TRANSCRIPT, PERSISTENCE),
    stream=AUDIO,
)

AGENT_SOUND = Channel(
    "AgentSound",
    Address("audio.{session}.out.agent"),
    ("OutFrame",),
    "The agent's sound, unpaced. Core NATS, not awaited; the memory stream AUDIO keeps it for a while.",
    senders=(SYNTHESIS,),
    # Transcript compares it with its echo in microphones.
    listeners=(BRIDGE, LIVEKIT_ROOM, TRANSCRIPT),
    readers=(TRANSCRIPT, PERSISTENCE),
    stream=AUDIO,
)

RECORDING = Channel(
    "Recording",
    Address("recording.{session}"),
    ("RecordingChunk",),
    "The recording of a session, some seconds a message, in order.",
    senders=(PERSISTENCE,),
    readers=(PERSISTENCE, BRIDGE, HTTP, PROJECTION_POSTGRES, CLI),
    stream=RECORDINGS,
    is_awaited=True,
)

DEAD_LETTER = Channel(
    "DeadLetter",
    Address("dead.{durable}"),
    ("DeadLetter",),
    "What no handler could take, in stream DEAD.",
    senders=(*ACTORS, PROJECTION_POSTGRES),
    readers=(CLI, PROJECTION_POSTGRES, ERASURE),
    stream=DEAD,
    is_awaited=True,
)

TOKEN = Channel(
    "Token",
    Address("tokens.{session}"),
    ("Token",),
    "The tokens of replies as they are written, in sessions by text alone. Not stored.",
    senders=(REASONING,),
    listeners=(BRIDGE, HTTP),
)

DISK_PROBE = Channel(
    "DiskProbe",
    Address("probe.{process_id}"),
    ("Zeros",),
    "Stored by a process to find out whether the log's disk accepts writes.",
    senders=(*APPS, LIVEKIT_ROOM),
    stream=PROBE,
    is_awaited=True,
)

JOURNAL_CHUNK = Channel(
    "JournalChunk",
    Address("journal.{session}.{actor}"),
    ("JournalChunk",),
    "The tape: what a copy of an actor took in of a session, for a replay. Not awaited: a chunk may be lost.",
    senders=(*ACTORS, *DOORS, BRIDGE_LIVEKIT),
    readers=(CLI,),
    stream=JOURNAL,
)

REPLAYED_FACT = Channel(
    "ReplayedFact",
    Address("replay.{session}.{noun}.{state}"),
    tuple(row.event.__name__ for row in EVENTS),
    "A recorded fact that `daredevil replay --publish` sends again, with its original bytes, for consumers under test. "
    "Not stored.",
    senders=(CLI,),
)

ALERT = Channel(
    "Alert",
    Address("alert.{severity}.{name}"),
    ("Alert",),
    "An alert of the monitoring, when it begins, again for as long as it lasts, and when it has ended. Not stored.",
    senders=(BRIDGE, HTTP),
)

CHANNELS = (
    *(MICROPHONE_SOUND, AGENT_SOUND, RECORDING, DEAD_LETTER, TOKEN, DISK_PROBE, JOURNAL_CHUNK, REPLAYED_FACT),
    ALERT,
)


def audio_in_subject(session_id: str, participant_id: str) -> str:
    """Return where a participant's microphone sound is published; `*` for every participant of the session."""
    return MICROPHONE_SOUND.address.of(session_id, participant_id)


def audio_out_subject(session_id: str) -> str:
    """Return where the agent's sound is published."""
    return AGENT_SOUND.address.of(session_id)


def audio_subjects(session_id: str) -> str:
    """Return the filter for all sound of a session in AUDIO."""
    return Address("audio.{session}.*.*").of(session_id)


def recording_subject(session_id: str) -> str:
    """Return where the chunks of a session's recording are stored, in order."""
    return RECORDING.address.of(session_id)


def tokens_subject(session_id: str) -> str:
    """Return where the tokens of a session's replies are published while the model writes (not stored)."""
    return TOKEN.address.of(session_id)


def probe_subject(pid: int) -> str:
    """Return where a process finds out whether the log's disk accepts writes."""
    return DISK_PROBE.address.of(str(pid))


def dead_subject(durable: str) -> str:
    """Return where messages go that no handler of `durable` could process."""
    return DEAD_LETTER.address.of(durable)


def journal_subject(session_id: str, actor: str) -> str:
    """Return where the tape of a session's actor is published, in chunks; `*` for every actor."""
    return JOURNAL_CHUNK.address.of(session_id, actor)


def alert_subject(severity: str, name: str) -> str:
    """Return where an alert is published; `*` stands for every severity or name."""
    return ALERT.address.of(severity, name)
