"""Subjects with names in braces, and the processes that use them."""

from dataclasses import dataclass

from contracts.ids import is_id

BRIDGE, TRANSCRIPT, REASONING, SYNTHESIS = "bridge", "transcript", "reasoning", "synthesis"
PERSISTENCE, SUMMARIES, TOOLS = "persistence", "summaries", "tools"
ACTORS = (TRANSCRIPT, REASONING, TOOLS, SYNTHESIS, PERSISTENCE, SUMMARIES)
HTTP, BRIDGE_LIVEKIT, LIVEKIT_ROOM = "http", "bridge-livekit", "livekit-room"
PROJECTION_POSTGRES, PROJECTION_PULSAR = "projection-postgres", "projection-pulsar"
PROJECTIONS = (PROJECTION_POSTGRES, PROJECTION_PULSAR)
ERASURE, CLI, SUPERVISOR = "erasure", "cli", "supervisor"
OPERATOR, READER = "operator", "reader"
"""Users of NATS that are no process of ours: whoever may do everything, and a program that only reads and listens."""

DOORS = (BRIDGE, HTTP, LIVEKIT_ROOM)
"""The processes that hold calls. In facts all of them are `bridge`."""

APPS = (*ACTORS, BRIDGE, HTTP, BRIDGE_LIVEKIT, *PROJECTIONS)
"""The processes that are FastStream apps: each connects to NATS as `daredevil-<name>`, and so does a room's job."""

_ROLES = {HTTP: BRIDGE, BRIDGE_LIVEKIT: BRIDGE, LIVEKIT_ROOM: BRIDGE}


def role_of(process: str) -> str:
    """Return the role of a process: `bridge` for every kind of front door, else its own name."""
    return _ROLES.get(process, process)


def user_of(process: str) -> str:
    """Return the NATS user of a process: its own name, but a room's job is its bridge."""
    return BRIDGE_LIVEKIT if process == LIVEKIT_ROOM else process


ACCOUNT = "DAREDEVIL"
"""The account of NATS that has the streams, where a server has a user for each process."""


def jetstream_user(user: str) -> str:
    """Return the second user of a process: the one that asks JetStream, in an account of the process's own."""
    return f"{user}-jetstream"


def inbox_prefix(process: str) -> str:
    """Return where answers to a process's requests arrive: nobody else may subscribe below it."""
    return f"_INBOX.{user_of(process)}"


def checked_session(session_id: str) -> str:
    """Return the session id if it can be a subject token. Raises ValueError with what is allowed."""
    if not is_id(session_id):
        raise ValueError(
            f"{session_id[:80]!r} is not a session id: use 1 to 64 of a-z, 0-9 and inner hyphens, no dots or wildcards"
        )
    return session_id


@dataclass(frozen=True, slots=True)
class Address:
    """A subject with names in braces, such as `do.{session}.bridge.claim`; each stands for one token."""

    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names in braces, in order."""
        return tuple(token[1:-1] for token in self.text.split(".") if token.startswith("{"))

    @property
    def pattern(self) -> str:
        """The subject with a wildcard in place of each name: the filter for all of them."""
        return ".".join("*" if token.startswith("{") else token for token in self.text.split("."))

    def of(self, *values: str) -> str:
        """Return the subject with its names filled in, in their order. Raises ValueError for an unusable session id."""
        found = self.text
        for name, value in zip(self.names, values, strict=True):
            found = found.replace(f"{{{name}}}", checked_session(value) if name == "session" else value)
        return found
