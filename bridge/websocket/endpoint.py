"""The WebSocket endpoint: greets clients, gives each its session, and hands on what they send."""

import asyncio
import logging
import math
import weakref
from contextlib import ExitStack

from nats.errors import Error as NatsError
from starlette.websockets import WebSocket

from bridge.call.agents import chosen_profile
from bridge.call.call import Call
from bridge.call.log_watch import watch_log
from bridge.call.needed_parts import VOICE_ACTORS, NeededParts
from bridge.call.ownership import claim, orphans
from bridge.call.refused import RefusedSessions
from bridge.call.session_events import PERSON, WEBSOCKET
from bridge.call.session_state import SessionState, session_state_of
from bridge.call.tasks import Tasks
from bridge.playback.reports import Played
from bridge.shared_by_doors import SharedByDoors
from bridge.text_input import ProtocolError, checked_text
from bridge.web.gate import NotLetIn, Visitor
from bridge.web.openings import TooManyOpenings
from bridge.web.origins import is_allowed_origin
from bridge.web.resume_tokens import digest, new_token
from bridge.websocket.client import Client
from bridge.websocket.farewell import send_summary
from bridge.websocket.incoming import Incoming
from bridge.websocket.opening import client_opening
from bridge.websocket.protocol import ClientMessage, Hangup, Hello, TypedText, parse_hello
from contracts.events import TrackPublished
from contracts.ids import new_session_id
from contracts.profile import AgentProfile
from contracts.topology import (
    checked_session,
    session_subjects,
)
from infra.agents.choosing import AgentWanted
from infra.log.connection import connection
from infra.log.event_log import LogUnavailable, NewerFact, facts_after, now_ns
from infra.metrics.table import OPEN
from infra.process.tasks import CancelledElsewhere, own_cancellation_only
from infra.settings_types import items_of

log = logging.getLogger(__name__)

HELLO_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 4.0
HISTORY_PATIENCE_S = 10.0
REFUSED_S = 0.5


class WebSocketDoor:
    """All sessions of one bridge process."""

    def __init__(self, shared: SharedByDoors) -> None:
        self._broker, self._settings, self._tapes = shared.broker, shared.settings, shared.tapes
        self._admission, self._openings, self._gate = shared.admission, shared.openings, shared.gate
        self._parts = NeededParts(self._broker, self._settings, VOICE_ACTORS)
        self._origins = items_of(self._settings.cors_origins)
        self._calls: dict[str, Call] = {}
        self._opening = 0
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._clients: set[Client] = set()
        self._tasks = Tasks("door")
        self._draining = self._closing = False
        self._one_less = asyncio.Event()
        """Set when a call has ended, or a client has gone."""
        self._refused = RefusedSessions(self._broker, self._settings.reconnect_grace_s)
        self._measured = ExitStack()

    async def open(self) -> None:
        """Start to watch the log, and look for calls that an earlier door left behind."""
        self._measured.enter_context(OPEN.observed_by(lambda: [(len(self._calls), (WEBSOCKET,))]))
        self._tasks.keep(lambda: watch_log(self._broker, self._calls.values), "watching the log")
        self._tasks.keep(self._end_orphans, "looking for orphans")
        self._tasks.keep(self._look_after_refused, "looking after sessions whose clients were refused")

    async def drained(self) -> None:
        """Take no new call from now on, and return once those that are here have ended and their clients have gone."""
        self._draining = True
        while self._calls or self._clients:
            self._one_less.clear()
            await self._one_less.wait()

    async def close(self) -> None:
        """Tell the clients to come back later. Their sessions stay open; those without a client are ended."""
        if self._closing:
            return
        self._closing = True
        for client in list(self._clients):
            client.refuse("shutdown", "the server restarts; reconnect with your session id")
        for call in list(self._calls.values()):
            if call.is_waiting_for_client:
                call.end("vanished")  # otherwise nobody would ever close it
        leaving = [asyncio.wait_for(call.leave(), CLOSE_TIMEOUT_S) for call in self._calls.values()]
        await asyncio.gather(*leaving, return_exceptions=True)
        await self._tasks.end()
        self._measured.close()

    # -- one connection

    async def talk(self, websocket: WebSocket) -> None:
        """Serve one connection from its greeting to its end."""
        if not is_allowed_origin(websocket.headers, self._origins):
            log.warning("a page of %s wanted to talk and was refused", websocket.headers.get("origin"))
            await websocket.close(1008)
            return
        await websocket.accept()
        client = Client(websocket)
        self._clients.add(client)
        try:
            with own_cancellation_only():
                await self._serve(client)
        except CancelledElsewhere as error:
            log.error("session %s: its connection ends: %s", client.session_id or "(none yet)", error)
            client.refuse("shutdown", "the connection broke off within the server; reconnect with your session id")
        except ProtocolError as error:
            client.refuse(error.code, str(error))
        except NewerFact as error:
            log.error("a session cannot go on here: %s", error)
            client.refuse("not-available", "a newer version of this program has this session: reconnect")
        except (LogUnavailable, NatsError, TimeoutError) as error:
            log.warning("a session could not be opened: %r", error)
            client.refuse("log-unavailable", "the log cannot be reached, so no call can begin. Try again shortly")
        finally:
            self._clients.discard(client)
            await client.finish()
            self._one_less.set()

    async def _serve(self, client: Client) -> None:
        try:
            first = await asyncio.wait_for(client.receive(), HELLO_TIMEOUT_S)
        except TimeoutError as error:
            raise ProtocolError("bad-hello", f"no greeting came within {HELLO_TIMEOUT_S:.0f} s") from error
        if first is None:
            return
        hello = parse_hello(first if isinstance(first, str) else None)
        client.visitor = await self._let_in(client, hello)
        hello = hello.model_copy(update={"user_id": client.visitor.user(hello.user_id)})
        session_id = _session_id(hello)
        client.session_id, client.counts_played = session_id, hello.counts_played
        if hello.clock_ms is not None:
            client.clock.see(hello.clock_ms, now_ns())
        if self._closing or (self._draining and session_id not in self._calls):
            raise ProtocolError("shutdown", "the server restarts; reconnect")
        lock = self._locks.setdefault(session_id, asyncio.Lock())
        async with lock:
            call, track_id = await self._take_session(client, session_id, hello)
        try:
            await self._listen(client, call, track_id, hello)
        finally:
            if call.is_attached(client):
                call.client_vanished("shutdown" if self._closing else "vanished")

    async def _take_session(self, client: Client, session_id: str, hello: Hello) -> tuple[Call, str]:
        call = self._calls.get(session_id)
        if call is not None and call.is_ending:
            await call.over.wait()
            call = None
        known = call is not None
        if call is None:
            if hello.session_id:
                facts = await facts_after(
                    self._broker,
                    session_id,
                    patience_s=HISTORY_PATIENCE_S,
                    subjects=session_subjects(session_id, "session"),
                )
                state = session_state_of(fact.event for fact in facts)
                may_resume(session_id, state, hello.resume_token, client.visitor)
                if hello.only_resume and not state.opened:
                    raise ProtocolError("session-unknown", f"there is no session {session_id} to go on with")
            call = await self._open_call(session_id, is_known=bool(hello.session_id), address=client.visitor.address)
        else:
            may_resume(session_id, call.state, hello.resume_token, client.visitor)
            call.hand_over()
            await call.settled()
        resumed = call.state.opened
        token = "" if resumed else new_token()
        try:
            profile = None if resumed else await self._profile(session_id, hello)
            proof = token and digest(token)
            events = client_opening(session_id, call.state, hello, self._settings, now_ns(), proof, profile)
            await call.store(events)
        except BaseException:
            if known:
                call.client_vanished()
            else:
                self._refused.add(session_id, is_new=not resumed)
                await call.leave()
            raise
        track_id = next((event.track_id for event in events if isinstance(event, TrackPublished)), "")
        client.tell(
            {
                "type": "welcome",
                "session_id": session_id,
                "participant_id": PERSON,
                "sample_rate_hz": call.settings.agent_sample_rate_hz,
                "resumed": resumed,
            }
            | ({"resume_token": token} if token else {})
        )
        call.attach(client, hello.replies)
        if track_id:
            call.open_microphone(track_id, PERSON, hello.sample_rate_hz)
        return call, track_id

    async def _profile(self, session_id: str, hello: Hello) -> AgentProfile:
        wanted = AgentWanted(hello.agent, hello.variables)
        return await chosen_profile(
            self._broker, self._settings, session_id, wanted, hello.user_id, time_zone=hello.time_zone
        )

    async def _open_call(self, session_id: str, is_known: bool, address: str | None = None) -> Call:
        if len(self._calls) + self._opening >= self._settings.max_sessions:
            raise ProtocolError("busy", f"all {self._settings.max_sessions} lines are taken; try again in a minute")
        self._opening += 1
        try:
            past = []
            if is_known:
                await claim(connection(self._broker), session_id)
                past = await facts_after(self._broker, session_id, patience_s=HISTORY_PATIENCE_S)
            state = session_state_of(fact.event for fact in past)
            is_open_call(session_id, state)
            if not state.opened and address is not None:
                await self._take_place(session_id, address)
            call = Call(self._broker, self._tapes, session_id, self._settings, self._forget)
            await call.open(past)
            self._calls[session_id] = call
            return call
        finally:
            self._opening -= 1

    async def _let_in(self, client: Client, hello: Hello) -> Visitor:
        try:
            return await self._gate.visitor(client.connection, hello.token)
        except NotLetIn as error:
            raise ProtocolError(error.code, str(error)) from error

    async def _take_place(self, session_id: str, address: str) -> None:
        """Refuse a new call that would be answered late, or by nobody, or is one too many. Raises ProtocolError."""
        if refusal := self._admission.call_refusal(session_id):
            raise ProtocolError("busy", refusal)
        try:
            if missing := await self._parts.arrival(self._settings.opening_patience_s):
                raise ProtocolError("not-available", f"no conversation is possible now: {missing}")
            self._count_opening(address)
        except BaseException:
            self._admission.gave_up(session_id)
            raise

    def _count_opening(self, address: str) -> None:
        try:
            self._openings.take(address)
        except TooManyOpenings as error:
            raise ProtocolError("too-many-sessions", str(error)) from error

    def _forget(self, call: Call) -> None:
        if self._calls.get(call.session_id) is call:
            del self._calls[call.session_id]
            self._one_less.set()

    async def _listen(self, client: Client, call: Call, track_id: str, hello: Hello) -> None:
        incoming = Incoming(call, track_id, hello.sample_rate_hz)
        try:
            while call.is_attached(client):
                try:
                    data = await client.receive()
                    if data is None:
                        return
                    if isinstance(data, bytes):
                        await incoming.sound(data)
                    elif self._take_message(call, incoming.message(data)):
                        await self._hang_up(client, call, hello.summary and call.has_turns)
                except ProtocolError as error:
                    if error.code == "flood":
                        raise  # nothing more is accepted
                    client.refuse(error.code, str(error), error.message_id)
        finally:
            incoming.report_left_out(math.inf)

    async def _hang_up(self, client: Client, call: Call, stays: bool) -> None:
        call.end("hangup", keep_line=stays)
        await call.over.wait()
        if stays:
            await send_summary(self._broker, call.session_id, call.last_sequence, client)

    def _take_message(self, call: Call, message: ClientMessage) -> bool:
        match message:
            case Hangup():
                return True
            case TypedText():
                text = checked_text(message.text, self._settings.max_text_bytes, message.id)
                call.typed(PERSON, text, message.id)
            case Played():
                call.played(message)
            case Hello():
                raise ProtocolError("unexpected-hello", "this connection is greeted already; open another one for more")
        return False

    # -- what earlier doors left behind

    async def _end_orphans(self) -> None:
        """End the calls that a dead door left open, once their clients have had time to reconnect to this one."""
        await asyncio.sleep(self._settings.reconnect_grace_s)
        while True:
            try:
                async for session_id in orphans(connection(self._broker), WEBSOCKET):
                    await self._end_orphan(session_id)
                return
            except (LogUnavailable, NatsError, TimeoutError, OSError) as error:
                log.debug("looking for orphans: %r; trying again", error)
                await asyncio.sleep(self._settings.reconnect_grace_s or 1)

    async def _look_after_refused(self) -> None:
        while True:
            await asyncio.sleep(REFUSED_S)
            try:
                await self._refused.look()
            except (LogUnavailable, NatsError, TimeoutError, OSError) as error:
                log.debug("looking after refused sessions: %r; trying again", error)

    async def _end_orphan(self, session_id: str) -> None:
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            if session_id in self._calls or self._closing:
                return  # its client is back
            try:
                call = await self._open_call(session_id, is_known=True)
            except ProtocolError as error:
                log.debug("session %s: %s", session_id, error)
                return
            await call.end_abandoned("vanished")
        log.info("session %s was left open by a door that died: nobody came back, so it is ended", session_id)


def is_open_call(session_id: str, state: SessionState) -> None:
    """Check that the session, if it exists, can go on here. Raises ProtocolError."""
    if state.closed:
        raise ProtocolError("session-closed", f"session {session_id} has ended; connect without its id for a new one")
    if state.door not in ("", WEBSOCKET):
        raise ProtocolError("other-door", f"session {session_id} is not a call: it goes on at the door {state.door}")


def may_resume(session_id: str, state: SessionState, resume_token: str, visitor: Visitor) -> None:
    """Check that the client may resume the session, before anything of it is touched. Raises ProtocolError."""
    is_open_call(session_id, state)
    if state.opened and not visitor.may_enter(state.user_id, state.resume_digest, resume_token):
        whose = "its own user" if visitor.user_id else "the client that has its `resume_token`, of its first welcome"
        message = f"session {session_id} goes on only for {whose}; connect without a session id for a new one"
        raise ProtocolError("resume-refused", message)


def _session_id(hello: Hello) -> str:
    if not hello.session_id:
        return new_session_id()
    try:
        return checked_session(hello.session_id)
    except ValueError as error:
        raise ProtocolError("bad-session-id", str(error)) from error
