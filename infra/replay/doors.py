"""The doors in a replay, and one table of what a door decides and what it only passes on.

A door decides what was played and heard, what was read, and turns from a keyboard: a replay has to come to them again.
It only passes on who came and went, which microphone is open, which sound was lost, what it asks for because time has
passed, the session's opening and its end: in a replay they are given.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from contracts import events as e
from infra.replay import chat
from infra.replay.actors import Replayed, ReplayedActor, Seat
from infra.replay.chat import ReplayedChat
from infra.replay.playback import ReplayedPlayback
from infra.tape.deliveries import Delivery

DECIDED = (
    e.TurnEnded,
    e.TurnInterrupted,
    e.PlaybackStarted,
    e.PlaybackStalled,
    e.PlaybackPaused,
    e.PlaybackResumed,
    e.PlaybackFinished,
    e.PlaybackInterrupted,
    e.OpenerPlayed,
)

GIVEN = (
    e.SessionOpened,
    e.SessionClosed,
    e.ParticipantJoined,
    e.ParticipantLeft,
    e.DtmfReceived,
    e.RemarkRequested,
    e.EndRequested,
    e.TrackPublished,
    e.TrackUnpublished,
    e.SoundLost,
    e.EngineFailed,
)


def is_decided(event: e.Event) -> bool:
    """Return whether the door that appended this event decided it."""
    return isinstance(event, DECIDED)


@asynccontextmanager
async def replayed_door(seat: Seat) -> AsyncIterator[Replayed]:
    """Build a door for one stretch: a call and a text conversation have a tape of the same kind."""
    door = _ReplayedDoor(seat)
    try:
        yield door
    finally:
        await door.playback.end()
        await door.chat.end()


class _ReplayedDoor:
    def __init__(self, seat: Seat) -> None:
        self.playback, self.chat = ReplayedPlayback(seat), ReplayedChat(seat)

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Hand over what either took in."""
        return (self.chat if delivery.kind in chat.KINDS else self.playback).deliver(delivery)


DOOR = ReplayedActor(replayed_door, is_decided, is_exact=is_decided)
"""Any door: every time with which it decides is on its tape."""
