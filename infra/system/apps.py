"""The apps of a system, one row each: a new actor or door is its package and a row here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from contracts.topology import BRIDGE, PERSISTENCE, REASONING, SUMMARIES, SYNTHESIS, TOOLS, TRANSCRIPT
from infra.settings import Settings
from infra.system.forkserver import BASE

BRIDGE_LIVEKIT = "bridge-livekit"
LIVEKIT_AGENTS = "livekit.agents"


class Stage(IntEnum):
    """When a part is stopped: one stage after another, the parts of a stage together."""

    DOOR = 0
    """First, so that calls end while their last events can still be handled."""
    CONVERSATION = 1
    """Parts of a conversation: they have nothing to do once the doors are closed."""
    SUMMARY = 2
    """What is written about a session when it has closed."""
    RECORD = 3
    """What stores sound and exchanges: after everything that appends events, before the copies."""
    PROJECTION = 4
    """Copies of the log: after everything that appends to it."""
    SERVER = 5
    """Servers that the others use."""


STANDING_BACK = 5
"""Niceness of apps that neither carry sound nor make it: under contention they get a third of the CPU of the others."""

BEING_LATE = 15
"""Niceness of what may be seconds late, because nobody in a call waits for it: a tenth again. It is for records and
recordings, summaries, and copies of the log."""

DOOR_SECRETS = ("DAREDEVIL_LIVEKIT_API_SECRET", "DAREDEVIL_LIVEKIT_TOKEN_KEY", "DAREDEVIL_ADMIN_KEY", "DAREDEVIL_AUTH")


@dataclass(frozen=True, slots=True)
class App:
    """A FastStream app that answers health requests once it is ready. The fork server forks it."""

    name: str
    app: str
    """Where it is, as `module:attribute`."""
    stage: Stage
    after: str = BASE
    """A slow module that the fork server must have imported before."""
    niceness: int = STANDING_BACK
    """0 for apps that carry sound or make it, as every delay would be audible."""
    secrets: tuple[str, ...] = ()
    """Variables with secrets that it needs; other apps are started without them."""
    serves_page: bool = False
    """It serves the page: it is ready only when the page answers, too."""
    needed: bool = True
    """The system is not ready without it. One that is not needed may fail to start."""
    enabled: Callable[[Settings], bool] = lambda _settings: True
    spares: Callable[[Settings], int] = lambda _settings: 0
    """How many further copies run, to share the load and to take over at once."""
    is_spare: bool = False
    """It is such a copy: started once the system is ready, so as not to delay the start."""

    def copies(self, settings: Settings) -> list["App"]:
        """Return the apps to start: none if it is not enabled, else itself and its spares."""
        if not self.enabled(settings):
            return []
        names = (f"{self.name}-spare{n if n > 1 else ''}" for n in range(1, self.spares(settings) + 1))
        return [self, *(replace(self, name=name, needed=False, is_spare=True) for name in names)]


APPS: tuple[App, ...] = (
    App(
        TRANSCRIPT,
        "actors.transcript:app",
        Stage.CONVERSATION,
        after=LIVEKIT_AGENTS,
        spares=lambda settings: int(settings.transcript_spare),
    ),
    App(REASONING, "actors.reasoning:app", Stage.CONVERSATION),
    App(TOOLS, "actors.tools:app", Stage.CONVERSATION, enabled=lambda settings: settings.tools == "remote"),
    App(SYNTHESIS, "actors.synthesis:app", Stage.CONVERSATION, after=LIVEKIT_AGENTS, niceness=0),
    App(PERSISTENCE, "actors.persistence:app", Stage.RECORD, niceness=BEING_LATE),
    App(SUMMARIES, "actors.summaries:app", Stage.SUMMARY, niceness=BEING_LATE),
    App(BRIDGE, "bridge.websocket:app", Stage.DOOR, niceness=0, secrets=DOOR_SECRETS, serves_page=True),
    App(
        BRIDGE_LIVEKIT,
        "bridge.livekit:app",
        Stage.DOOR,
        after=LIVEKIT_AGENTS,
        niceness=0,
        secrets=DOOR_SECRETS,
        enabled=lambda settings: settings.livekit or bool(settings.livekit_url),
    ),
)

SECRETS = frozenset(secret for app in APPS for secret in app.secrets)
"""Variables that only the apps that name them get."""
