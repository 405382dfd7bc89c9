"""Compares what LiveKit's webhooks say about a room with what the log has about its session."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence

from faststream.nats import NatsBroker
from livekit.api import ParticipantInfo, TrackSource, TrackType, WebhookEvent

from bridge.call.tasks import Tasks
from bridge.http.problems import AWAY, Problem
from contracts.events import (
    Event,
    ParticipantJoined,
    ParticipantLeft,
    SessionClosed,
    SessionOpened,
    TrackPublished,
    TrackUnpublished,
)
from infra.livekit.naming import agent_identity, participant_of_identity, session_of_room, tracks_of_sid
from infra.log.event_log import facts_after

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""How long the log may lag behind a webhook: joining a new room takes the bridge less, and so does everything else."""

LOOK_EVERY_S = 0.5
MOST_AT_ONCE = 500
KNOWN_IDS = 10_000
PEOPLE = (ParticipantInfo.STANDARD, ParticipantInfo.INGRESS, ParticipantInfo.SIP, ParticipantInfo.CONNECTOR)
"""Which participants are people to the bridge; the API numbers these kinds differently from the client SDK."""


def difference(webhook: WebhookEvent, facts: Sequence[Event]) -> str:
    """Return what the log lacks that the webhook reports, in words; "" if it lacks nothing. Pure."""
    if webhook.event == "room_finished":
        is_open = any(isinstance(fact, SessionOpened) for fact in facts) and not any(
            isinstance(fact, SessionClosed) for fact in facts
        )
        return "the room is gone, the session is open" if is_open else ""
    who = webhook.participant
    # LiveKit's description of a track names no kind.
    if who.kind not in PEOPLE or who.identity == agent_identity(session_of_room(webhook.room.sid)):
        return ""
    participant_id = participant_of_identity(who.identity)
    if webhook.event == "participant_joined" and not _has(facts, ParticipantJoined, participant_id):
        return f"{who.identity} joined"
    if webhook.event == "participant_left" and not _has(facts, ParticipantLeft, participant_id):
        return f"{who.identity} left"
    if webhook.event in ("track_published", "track_unpublished") and _is_voice(webhook):
        kind = TrackPublished if webhook.event == "track_published" else TrackUnpublished
        ids = tracks_of_sid(webhook.track.sid)
        if not any(isinstance(fact, kind) and fact.track_id in ids for fact in facts):
            return f"{webhook.event.removeprefix('track_')} microphone {webhook.track.sid} of {who.identity}"
    return ""


def _has(facts: Sequence[Event], kind: type[ParticipantJoined | ParticipantLeft], participant_id: str) -> bool:
    return any(isinstance(fact, kind) and fact.participant_id == participant_id for fact in facts)


def _is_voice(webhook: WebhookEvent) -> bool:
    return webhook.track.type == TrackType.AUDIO and webhook.track.source != TrackSource.SCREEN_SHARE_AUDIO


class Comparing:
    """Compares the webhooks of a process, each once, in tasks; writes nothing to the log."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._known: OrderedDict[str, None] = OrderedDict()
        self._tasks = Tasks("LiveKit's webhooks")
        self._running = 0

    def take(self, webhook: WebhookEvent) -> bool:
        """Compare it soon; return False if it came before. Raises Problem when too many wait: LiveKit tries again."""
        if webhook.id in self._known:
            return False
        if self._running >= MOST_AT_ONCE:
            raise Problem("busy", "too many webhooks wait to be compared", retry_after_s=5)
        self._known[webhook.id] = None
        if len(self._known) > KNOWN_IDS:
            self._known.popitem(last=False)
        log.info("LiveKit: %s in room %s %s", webhook.event, webhook.room.name, webhook.participant.identity)
        if difference(webhook, ()) or webhook.event == "room_finished":
            self._running += 1
            self._tasks.own(self._compare(webhook), f"comparing {webhook.event} {webhook.id}")
        return True

    async def close(self) -> None:
        """Stop comparing."""
        await self._tasks.end()

    async def _compare(self, webhook: WebhookEvent) -> None:
        try:
            missing = await self._missing(webhook)
        except AWAY as error:
            log.warning("a webhook of room %s was not compared, the log is away: %r", webhook.room.name, error)
        else:
            session_id = session_of_room(webhook.room.sid)
            if missing:
                log.warning("LiveKit and the log differ: room %s (%s): %s", webhook.room.name, session_id, missing)
            else:
                log.info("LiveKit and the log agree: room %s (%s): %s", webhook.room.name, session_id, webhook.event)
        finally:
            self._running -= 1

    async def _missing(self, webhook: WebhookEvent) -> str:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        session_id = session_of_room(webhook.room.sid)
        while True:
            facts = [fact.event for fact in await facts_after(self._broker, session_id, patience_s=PATIENCE_S)]
            missing = difference(webhook, facts)
            if not missing or loop.time() > deadline:
                return missing if facts or not missing else f"{missing}, but the log has no such session"
            await asyncio.sleep(LOOK_EVERY_S)
