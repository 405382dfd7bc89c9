"""The receipt of an erasure: what was removed, what is left, and what could not be reached."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from contracts.events import AgentProfile
from infra.erasure.reading import StoredSession
from infra.projection import enabled
from infra.settings import Settings
from infra.shares import engine_names
from infra.telemetry.otlp import otlp_of

TRACES = (
    "traces at the collector: ids of sessions, turns and tool calls, times, names of engines and tools; words are "
    "removed before they are sent, save in attributes that DAREDEVIL_TRACE_ATTRIBUTES names"
)


@dataclass(slots=True)
class SessionReceipt:
    """What was removed from one session; times are Unix epoch ns, sizes bytes."""

    session_id: str
    opened_ns: int = 0
    closed_ns: int = 0
    facts: Counter[str] = field(default_factory=Counter)
    """Facts removed, by class."""
    fact_bytes: int = 0
    skeleton: int = 0
    """How many facts the log still lists, without words."""
    sound_frames: int = 0
    recording_chunks: int = 0
    recording_bytes: int = 0
    tape_chunks: int = 0
    tape_bytes: int = 0
    dead_letters: int = 0
    erased_sequence: int = 0
    """Sequence of its last SessionErased in the log."""


@dataclass(slots=True)
class Receipt:
    """What an erasure did."""

    reason: str
    user_id: str = ""
    sessions: list[SessionReceipt] = field(default_factory=list)
    caches: dict[str, int] = field(default_factory=dict)
    projections: dict[str, str] = field(default_factory=dict)
    remains: list[str] = field(default_factory=list)
    out_of_reach: list[str] = field(default_factory=list)
    began_ns: int = 0
    took_ms: float = 0

    def fields(self) -> dict[str, Any]:
        """Return the receipt's fields for JSON."""
        return {
            "user_id": self.user_id,
            "reason": self.reason,
            "sessions": [_session_fields(session) for session in self.sessions],
            "caches": self.caches,
            "projections": self.projections,
            "remains": self.remains,
            "out_of_reach": self.out_of_reach,
            "began_ns": self.began_ns,
            "took_ms": round(self.took_ms, 1),
        }


def _session_fields(session: SessionReceipt) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "opened_ns": session.opened_ns,
        "closed_ns": session.closed_ns,
        "facts_removed": dict(sorted(session.facts.items())),
        "fact_bytes": session.fact_bytes,
        "skeleton": session.skeleton,
        "sound_frames": session.sound_frames,
        "recording": {"chunks": session.recording_chunks, "bytes": session.recording_bytes},
        "tapes": {"chunks": session.tape_chunks, "bytes": session.tape_bytes},
        "dead_letters": session.dead_letters,
        "erased_sequence": session.erased_sequence,
    }


def what_remains(sessions: list[SessionReceipt]) -> list[str]:
    """Return what the log keeps on purpose, as text."""
    entries = sum(session.skeleton for session in sessions)
    return [
        f"the skeleton of {len(sessions)} sessions ({entries} facts): class, place in the log, time and ids of each",
        "facts without words: when speech began and ended, playback, tracks and participants by id, how it closed",
        "session ids, which are the caller's own if the caller chose them",
    ]


def out_of_reach(sessions: list[StoredSession], settings: Settings) -> list[str]:
    """Return what no erasure here can remove, as text."""
    beyond = [
        "backups made by `daredevil backup`, until it runs again (keep this receipt for a restore of an earlier one)",
        "exports, and other copies of the log, the tables or the recordings",
        "prompts and short sounds in the memory of running engines, until newer ones replace them or they restart",
    ]
    beyond += [row.out_of_reach for row in enabled(settings) if row.out_of_reach]
    beyond.append("log files, here and wherever they are sent: they have session ids, and at INFO and above no words")
    if otlp_of(settings, "traces") is not None:
        beyond.append(TRACES)
    if otlp_of(settings, "metrics") is not None:
        beyond.append("metrics at the collector: figures, without ids")
    services = sorted({name for session in sessions if session.profile for name in _services(session.profile)})
    if services:
        beyond.append(f"what was sent to other services during the calls: {', '.join(services)}")
    return beyond


def _services(profile: AgentProfile) -> list[str]:
    chains = ((kind, getattr(profile, kind)) for kind in ("llm", "stt", "tts"))
    return [f"{kind} {name}" for kind, chain in chains for name in engine_names(chain) if name != "local"]
