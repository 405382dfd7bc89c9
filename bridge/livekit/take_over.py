"""Rooms whose job has died: every bridge watches the leases, and one of them sends the agent there again."""

import asyncio
import logging
import secrets
import time

from faststream.nats import NatsBroker
from livekit import api
from nats.errors import Error as NatsError
from nats.js.errors import APIError, KeyWrongLastSequenceError

from bridge.call import Call
from bridge.livekit.api import LIVEKIT_ERRORS, livekit_api
from bridge.livekit.lapses import Lapses, Seen
from bridge.livekit.lease import BUCKET, OVER, SENDING, Holding, bucket_of
from bridge.livekit.naming import agent_identity
from bridge.opening import left_open
from bridge.orphans import is_held
from infra.connection import connection
from infra.facts import LogUnavailable, facts_after, now_ns, read_batch
from infra.settings import Settings

log = logging.getLogger(__name__)

WATCH_S = 0.2
API_TIMEOUT_S = 3.0
ANSWER_S = 1.0
"""How long a job whose lease has lapsed may take to say that it is alive; that one has died is known at once."""


class TakeOver:
    """Watches the rooms of all bridges with our agent's name, until cancelled: `await TakeOver(…).run()`."""

    def __init__(self, broker: NatsBroker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._lapses = Lapses(settings.livekit_agent_name)
        self._last = 0
        self._reconnects = 0
        self._me = secrets.token_hex(8)

    async def run(self) -> None:
        """Look at the leases five times a second."""
        while True:
            try:
                await self._look()
                for seen in await self._dead():
                    await self._take(seen)
            except (NatsError, APIError, LogUnavailable, TimeoutError, OSError) as error:
                log.debug("looking at the rooms: %r", error)
                self._forget()
            except LIVEKIT_ERRORS as error:
                log.warning("a room is without its agent, and LiveKit does not answer: %r", error)
            await asyncio.sleep(WATCH_S)

    def _forget(self) -> None:
        """Give everybody time again: while NATS was away nobody could say that they are there."""
        self._lapses.forget()
        self._last = 0

    async def _look(self) -> None:
        nc = connection(self._broker)
        if nc.stats["reconnects"] != self._reconnects or not nc.is_connected:
            self._reconnects = nc.stats["reconnects"]
            self._forget()
        if not self._last:
            await bucket_of(self._broker)
        more = True
        while more:
            asked_s = time.monotonic()
            messages, more = await read_batch(nc, f"KV_{BUCKET}", f"$KV.{BUCKET}.*", self._last + 1, 1)
            for message in messages:
                self._last = int((message.headers or {})["Nats-Sequence"])
                self._lapses.take(Holding.model_validate_json(message.data), self._last, time.monotonic())
        self._lapses.asked(asked_s)

    async def _dead(self) -> list[Seen]:
        """Return the lapsed leases whose jobs do not say that they are alive: a busy machine may have held one up."""
        lapsed = self._lapses.lapsed()
        alive = await asyncio.gather(*(self._is_alive(seen) for seen in lapsed))
        return [seen for seen, answers in zip(lapsed, alive, strict=True) if not answers]

    async def _is_alive(self, seen: Seen) -> bool:
        asked_s = time.monotonic()
        if not seen.may_be_alive(asked_s):
            return False
        try:
            if not await is_held(connection(self._broker), seen.holding.session_id, ANSWER_S):
                return False
        except TimeoutError:
            return False
        log.info("session %s: its job is late, but alive", seen.holding.session_id)
        seen.answered_s = asked_s
        return True

    async def _take(self, seen: Seen) -> None:
        """Send the agent to a room again, or end the session of a room that is gone; of all bridges one does."""
        holding = seen.holding.model_copy(update={"state": SENDING, "owner": self._me})
        bucket = await bucket_of(self._broker)
        try:
            seen.revision = await bucket.update(
                holding.session_id, holding.model_dump_json().encode(), last=seen.revision
            )
        except KeyWrongLastSequenceError:
            return  # its job lives after all, or another bridge was quicker
        seen.changed_s, seen.holding = time.monotonic(), holding
        log.warning("session %s: its job is gone; another is sent to room %s", holding.session_id, holding.room)
        async with asyncio.timeout(API_TIMEOUT_S), livekit_api(self._settings) as livekit:
            if await self._is_there(livekit, holding):
                await self._send(livekit, holding)
                return
        await self._end(holding)
        over = holding.model_copy(update={"state": OVER})
        await bucket.update(holding.session_id, over.model_dump_json().encode(), last=seen.revision)

    async def _is_there(self, livekit: api.LiveKitAPI, holding: Holding) -> bool:
        rooms = await livekit.room.list_rooms(api.ListRoomsRequest(names=[holding.room]))
        return any(room.sid == holding.room_sid for room in rooms.rooms)

    async def _send(self, livekit: api.LiveKitAPI, holding: Holding) -> None:
        # First: LiveKit ends the job of an identity that it throws out, and would end the new one.
        identity = agent_identity(holding.session_id)
        try:
            await livekit.room.remove_participant(api.RoomParticipantIdentity(room=holding.room, identity=identity))
        except api.TwirpError as error:
            if error.code != api.TwirpErrorCode.NOT_FOUND:
                raise
        request = api.CreateAgentDispatchRequest(agent_name=holding.agent_name, room=holding.room)
        await livekit.agent_dispatch.create_dispatch(request)

    async def _end(self, holding: Holding) -> None:
        """End the session in the log: there is no room any more in which anybody could."""
        past = await facts_after(self._broker, holding.session_id, patience_s=5)
        call = Call(self._broker, holding.session_id, self._settings, lambda _: None)
        await call.open(past)
        if call.standing.opened and not call.standing.closed:
            await call.say_opening(list(left_open(holding.session_id, call.standing, now_ns())))
            call.end("room-gone")
            await call.over.wait()
        else:
            await call.leave()
