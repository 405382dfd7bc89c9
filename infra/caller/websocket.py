"""A call at the WebSocket door: hello, talk, listen, hang up."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from infra.agents.choosing import NO_CHOICE, AgentWanted
from infra.caller.echo import EchoingMicrophone
from infra.caller.loudspeaker import Loudspeaker, Report
from infra.caller.manner import ORDINARY, Manner, Stall
from infra.caller.microphone import Microphone
from infra.caller.result import CallResult, PlayedReply, ScriptedUtterance, answer_sound
from infra.caller.talk import EXACT_LOOK_S, CallFailed, OnFact, Talk, ignore_fact, utterances_of
from infra.caller.websocket_messages import greeted, played_message, ws_url
from infra.session.quiet import Quiet

log = logging.getLogger(__name__)

HANG_UP_TRIES, HANG_UP_TIMEOUT_S, HANG_UP_PAUSE_S = 5, 5.0, 1.0
MOST_RATE_HZ = 48_000
"""The highest rate that the door accepts (`hello`); recordings at a higher rate are resampled to it."""
SESSION_CLOSED = 4410
"""Close code of a door whose session is over."""


async def place_call(
    url: str,
    utterances: Iterable[ScriptedUtterance | Path],
    *,
    user_id: str = "caller",
    session_id: str | None = None,
    resume_token: str = "",
    only_resume: bool = False,
    token: str = "",
    wanted: AgentWanted = NO_CHOICE,
    answer_timeout_s: float = 30,
    on_fact: OnFact = ignore_fact,
    manner: Manner = ORDINARY,
) -> CallResult:
    """Call the door at `url` (the page's address, or `ws://…/ws`), say the utterances, and return what came of it.

    With the `session_id` and `resume_token` of a result, that session is resumed; with `only_resume` no other is opened
    in its place. `token` identifies the caller, if the
    door requires it (DAREDEVIL_AUTH). `agent` is whom to talk
    with, the default if it is empty. `manner` is how the caller's client behaves.

    A list is read whole before the call. Anything else is read as it is due, so a call lasts as long as it yields; all
    of it is then said at the rate of the first.

    By default, each utterance is said when the answers to the earlier ones have ended; the call is hung up when the
    last answers have ended. Raises BadWav, CallFailed.
    """
    coming = iter(utterances)
    known = utterances_of(coming if isinstance(utterances, Sequence) else islice(coming, 1))
    steps = chain(known, (step for later in coming for step in utterances_of([later])))
    rates = {min(step.sound.rate_hz, MOST_RATE_HZ) for step in known}
    rate_hz = rates.pop() if len(rates) == 1 else 16_000
    hello: dict[str, Any] = {
        "type": "hello",
        "user_id": user_id,
        "name": user_id,
        "sample_rate_hz": rate_hz,
        "mic": True,
        "counts_played": manner.tells != "nothing",
    }
    if token:
        hello["token"] = token
    if wanted.agent:
        hello["agent"] = wanted.agent
    if wanted.variables:
        hello["variables"] = dict(wanted.variables)
    if session_id is not None:
        hello |= {"session_id": session_id, "resume_token": resume_token, "only_resume": only_resume}
    began_s = asyncio.get_running_loop().time()
    try:
        async with connect(ws_url(url), max_size=1 << 24, compression=None, open_timeout=10) as socket:
            call = await _greet(socket, hello, rate_hz, answer_timeout_s, on_fact, manner)
            call.talk.result.connect_s = round(asyncio.get_running_loop().time() - began_s, 3)
            await call.hold(steps)
        await _hang_up_again(url, call, token)
        return call.talk.result
    except (OSError, TimeoutError, WebSocketException) as error:
        raise CallFailed(f"the call to {ws_url(url)} failed: {str(error) or type(error).__name__}") from error


async def _greet(
    socket: ClientConnection,
    hello: dict[str, Any],
    rate_hz: int,
    answer_timeout_s: float,
    on_fact: OnFact,
    manner: Manner,
) -> "_Call":
    welcome = await greeted(socket, hello)
    rates = rate_hz, welcome["sample_rate_hz"]
    call = _Call(socket, welcome["session_id"], rates, answer_timeout_s, on_fact, manner)
    call.talk.result.resume_token = welcome.get("resume_token") or hello.get("resume_token", "")
    return call


async def _hang_up_again(url: str, call: "_Call", token: str) -> None:
    """Repeat that the call is over until the door has stored it: the door may have died on the first message."""
    result = call.talk.result
    hello = {"type": "hello", "session_id": result.session_id, "resume_token": result.resume_token, "mic": False}
    hello |= {"token": token} if token else {}
    for _ in range(HANG_UP_TRIES):
        if call.is_over:
            return
        try:
            async with asyncio.timeout(HANG_UP_TIMEOUT_S), connect(ws_url(url), compression=None) as socket:
                await socket.send(json.dumps(hello))
                await socket.send(json.dumps({"type": "hangup"}))
                await socket.wait_closed()
                if socket.close_code in (1000, SESSION_CLOSED):
                    return
        except (OSError, TimeoutError, WebSocketException) as error:
            log.debug("hanging up: %r", error)
        await asyncio.sleep(HANG_UP_PAUSE_S)
    log.warning("session %s: the door did not confirm that it is over", result.session_id)


class _Call:
    """An answered call. One task sends, one receives, one plays."""

    def __init__(
        self,
        socket: ClientConnection,
        session_id: str,
        rates_hz: tuple[int, int],
        answer_timeout_s: float,
        on_fact: OnFact,
        manner: Manner,
    ) -> None:
        self._socket = socket
        self._manner = manner
        rate_hz, agent_rate_hz = rates_hz
        self._loudspeaker = Loudspeaker(agent_rate_hz)
        result = CallResult(session_id, agent_rate_hz)
        self._microphone = Microphone(rate_hz)
        if manner.echo is not None:
            self._microphone = EchoingMicrophone(rate_hz, self._loudspeaker.heard, manner.echo)
        self._microphone.quiet = Quiet()
        self.talk = Talk(result, self._microphone, self._loudspeaker, answer_timeout_s, on_fact)
        self._sending_reply = ""
        self._changed = asyncio.Event()
        self._reads, self._acts = asyncio.Event(), asyncio.Event()
        """Cleared during a stall: the client reads nothing from the network, or does nothing at all."""
        self._reads.set()
        self._acts.set()
        self._closed_by_door = False

    async def hold(self, steps: Iterable[ScriptedUtterance]) -> None:
        """Run the call to its end. Raises CallFailed."""
        receive = asyncio.create_task(self._receive(), name="caller's ear")
        speak = asyncio.create_task(self._microphone.send(self._socket.send), name="caller's mouth")
        play = asyncio.create_task(self._play(), name="caller's loudspeaker")
        stall = asyncio.create_task(self._stall(), name="caller's stalls")
        tasks = (receive, speak, play)
        try:
            await self.talk.hold(steps, tasks, self._why_it_broke)
            speak.cancel()
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"type": "hangup"}))
                await asyncio.wait([receive], timeout=HANG_UP_TIMEOUT_S)
            self._closed_by_door = receive.done() and self._socket.close_code == 1000
        finally:
            for task in (*tasks, stall):
                task.cancel()
            await asyncio.gather(*tasks, stall, return_exceptions=True)
            self._finish()

    @property
    def is_over(self) -> bool:
        """Whether the door has reported the end of the session."""
        return self._closed_by_door or any(fact["name"] == "SessionClosed" for fact in self.talk.result.facts)

    def _why_it_broke(self) -> str:
        if self.talk.result.errors:
            return f"the door ended the call: {self.talk.result.errors[-1]}"
        return f"the connection to the door broke off (close code {self._socket.close_code})"

    def _finish(self) -> None:
        loudspeaker = self._loudspeaker
        self.talk.result.seconds = round(self.talk.now_s(), 3)
        replies = [
            PlayedReply(reply.reply_id, reply.turn_id, reply.started_at_s, reply.played, reply.stopped)
            for reply in loudspeaker.replies
        ]
        self.talk.finish(replies, answer_sound(loudspeaker.replies, loudspeaker.rate_hz, self.talk.result.seconds))

    # -- listening

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                await self._reads.wait()
                if isinstance(message, bytes):
                    reports = self._loudspeaker.receive(self.talk.now_s(), self._sending_reply, message)
                else:
                    reports = self._take(json.loads(message))
                await self._send_reports(reports)
                self._changed.set()

    def _take(self, message: dict[str, Any]) -> list[Report]:
        match message.get("type"):
            case "fact":
                self.talk.take_fact(message["name"], message["sequence"], message["data"])
                self._note_turn(message["name"], message["data"])
            case "error":
                self.talk.result.errors.append(str(message.get("message") or message.get("code")))
            case "reply":
                self._sending_reply = str(message.get("reply_id", ""))
        return self._loudspeaker.tell(self.talk.now_s(), message)

    def _note_turn(self, name: str, data: dict[str, Any]) -> None:
        """Note whether the microphone's silence may end a turn: as a page, the caller sends it at once then."""
        if name == "SpeechStarted" or (name == "TurnEnded" and data.get("source", "speech") == "speech"):
            assert self._microphone.quiet is not None
            self._microphone.quiet.may_end_turn = name == "SpeechStarted"

    async def _play(self) -> None:
        """Advance the loudspeaker whenever it is due, and report to the door what it played."""
        while True:
            now_s = self.talk.now_s()
            due_s = self._loudspeaker.next_due_s(now_s)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if due_s is None else max(0.001, due_s - now_s))
            await self._acts.wait()
            await self._send_reports(self._loudspeaker.advance(self.talk.now_s()))

    async def _stall(self) -> None:
        """Stall as the client's manner demands."""
        for stall in self._manner.stalls:
            while self._loudspeaker.heard_samples < stall.after_s * self._loudspeaker.rate_hz:  # noqa: ASYNC110
                await asyncio.sleep(EXACT_LOOK_S)
            await self._stand_still(stall)

    async def _stand_still(self, stall: Stall) -> None:
        stopped = {"reading": [self._reads], "frozen": [self._reads, self._acts], "sound": []}[stall.how]
        for event in stopped:
            event.clear()
        if stall.how != "reading":
            await self._send_reports(self._loudspeaker.stand_still(self.talk.now_s()))
        await asyncio.sleep(stall.seconds)
        if stall.how != "reading":
            await self._send_reports(self._loudspeaker.go_on(self.talk.now_s(), self._manner.knows_stalls))
        for event in stopped:
            event.set()
        self._changed.set()

    async def _send_reports(self, reports: Sequence[Report]) -> None:
        for report in reports if self._manner.tells != "nothing" else ():
            ago_s = self.talk.now_s() - report.at_s
            await self._socket.send(played_message(report, ago_s if self._manner.tells == "times" else None))
