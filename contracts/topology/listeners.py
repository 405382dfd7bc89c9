"""Who hears facts live, besides the durables: plain subscriptions to facts republished when they are stored."""

from dataclasses import dataclass

from contracts import events as e
from contracts.topology.addresses import (
    BRIDGE,
    BRIDGE_LIVEKIT,
    HTTP,
    LIVEKIT_ROOM,
    PERSISTENCE,
    PROJECTION_POSTGRES,
    REASONING,
    SUMMARIES,
    SYNTHESIS,
    TOOLS,
    TRANSCRIPT,
)
from contracts.topology.facts import LIVE, live_event_subject


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears facts as they are stored, by a plain subscription instead of a durable: each copy receives all of it.

    It hears its `events` in every session; without `events`, every fact: of every session, or of one at a time
    (`is_one_session`), and reads what it missed back from the log (`infra.log.session_feed`).
    """

    process: str
    events: tuple[type[e.Event], ...] = ()
    is_one_session: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it subscribes to; `{session}` stands for a session's id."""
        if self.is_one_session:
            return (LIVE.text.replace("{noun}", "*").replace("{state}", "*"),)
        return tuple(live_event_subject(event) for event in self.events) or (LIVE.pattern,)


MODEL_WANTED: tuple[type[e.Event], ...] = (e.SpeechStarted, e.TranscriptRevised, e.TurnEnded, e.ReplyStarted)
"""Somebody speaks, so that an answer is needed soon, or one is being written."""
MODEL_FREE: tuple[type[e.Event], ...] = (
    e.ReplyCompleted,
    e.ReplyDiscarded,
    e.InterruptionDismissed,
    e.UtteranceDismissed,
    e.SessionClosed,
)
"""The answer is written (playback may take seconds more), or none is needed."""

LISTENERS: tuple[Listener, ...] = (
    # A track that nobody hears because it is silent may end.
    Listener(TRANSCRIPT, (e.SessionClosed, e.TrackUnpublished)),
    Listener(TRANSCRIPT, is_one_session=True),
    # Events that end or release a reply, whichever copy works on it.
    # … and keys that a tool may be waiting for, and what came of tools that run elsewhere.
    Listener(
        REASONING,
        (
            e.TurnInterrupted,
            e.ReplyDiscarded,
            e.ReplyCommitted,
            e.SessionClosed,
            e.DtmfReceived,
            e.ToolReturned,
        ),
    ),
    # A reader that was cancelled, and keys that a tool may be waiting for.
    Listener(TOOLS, (e.ToolReturned, e.DtmfReceived)),
    Listener(SYNTHESIS, (e.TurnInterrupted, e.ReplyDiscarded, e.SessionClosed)),
    # After these an idle recorder checks again.
    Listener(PERSISTENCE, (e.SessionClosed, e.SpeechStarted, e.PlaybackStarted)),
    Listener(SUMMARIES, MODEL_WANTED + MODEL_FREE),
    # How late the answers of all calls come, and which have not been answered, says whether there is room for another.
    Listener(BRIDGE, (e.SessionOpened, e.PlaybackStarted, e.SessionClosed)),
    Listener(HTTP, (e.SessionOpened, e.PlaybackStarted, e.SessionClosed)),
    Listener(BRIDGE_LIVEKIT, (e.SessionOpened, e.PlaybackStarted, e.SessionClosed)),
    Listener(BRIDGE, is_one_session=True),
    Listener(HTTP, is_one_session=True),
    Listener(LIVEKIT_ROOM, is_one_session=True),
    # Any fact: the tables do not have it yet.
    Listener(PROJECTION_POSTGRES),
)
