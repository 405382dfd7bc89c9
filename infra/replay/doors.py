"""What a door decides, and what it only passes on: one table for all doors.

A door decides what was played and heard, what was read, and turns from a keyboard: a replay has to come to them again.
It only passes on who came and went, which microphone is open, which sound was lost, the session's opening and its end:
in a replay they are given.
"""

from contracts import events as e

DECIDED = (
    e.TurnEnded,
    e.TurnInterrupted,
    e.PlaybackStarted,
    e.PlaybackStalled,
    e.PlaybackPaused,
    e.PlaybackResumed,
    e.PlaybackFinished,
    e.PlaybackInterrupted,
)

GIVEN = (
    e.SessionOpened,
    e.SessionClosed,
    e.ParticipantJoined,
    e.ParticipantLeft,
    e.DtmfReceived,
    e.TrackPublished,
    e.TrackUnpublished,
    e.SoundLost,
    e.EngineFailed,
)


def is_decided(event: e.Event) -> bool:
    """Return whether the door that appended this event decided it."""
    return isinstance(event, DECIDED)
