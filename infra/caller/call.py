"""One call: hello, talk, listen, hang up."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from infra.caller.conversation import Conversation
from infra.caller.loudspeaker import Loudspeaker, Report
from infra.caller.microphone import Microphone
from infra.caller.result import CallResult, HeardReply, Said, Utterance, answer_sound, turns_of
from infra.caller.wav import end_of_sound, read_wav

LEAD_S = 0.3
"""Silence before the first word, as on any call."""

SETTLE_S = 0.3
"""How long nothing must be outstanding until the caller goes on: speech is noticed a little after it began."""

UNHEARD_SETTLE_S = 1.0
"""The same after something said over a reply, which may be no speech at all: a cough that nobody remarks on."""

OnFact = Callable[[str, dict[str, Any]], None]


class CallFailed(RuntimeError):
    """The call could not be held to its end; `result` is what there is of it, if it began at all."""

    def __init__(self, message: str, result: CallResult | None = None) -> None:
        super().__init__(message)
        self.result = result


async def place_call(
    url: str,
    utterances: Sequence[Utterance | Path],
    *,
    user_id: str = "caller",
    session_id: str | None = None,
    answer_timeout_s: float = 30,
    on_fact: OnFact = lambda _name, _data: None,
) -> CallResult:
    """Call the door at `url` (the page's address, or `ws://…/ws`), say the utterances, and return what came of it.

    Each is said when the answers to what was said before have ended, unless it says otherwise; the call is hung up
    when the last answers have ended. Raises BadWav, CallFailed.
    """
    steps = [step if isinstance(step, Utterance) else Utterance(read_wav(step)) for step in utterances]
    rates = {step.sound.rate_hz for step in steps}
    rate_hz = rates.pop() if len(rates) == 1 else 16_000
    hello: dict[str, Any] = {
        "type": "hello",
        "user_id": user_id,
        "name": user_id,
        "sample_rate_hz": rate_hz,
        "mic": True,
    }
    if session_id is not None:
        hello["session_id"] = session_id
    try:
        async with connect(ws_url(url), max_size=1 << 24, compression=None, open_timeout=10) as socket:
            call = await _greet(socket, hello, rate_hz, answer_timeout_s, on_fact)
            await call.hold(steps)
            return call.result
    except (OSError, TimeoutError, WebSocketException) as error:
        raise CallFailed(f"no call to {ws_url(url)}: {error or type(error).__name__}") from error


def ws_url(url: str) -> str:
    """Return the WebSocket's address for a page's, or for one of its own."""
    for scheme, ws in (("http://", "ws://"), ("https://", "wss://")):
        if url.startswith(scheme):
            return ws + url.removeprefix(scheme).rstrip("/").removesuffix("/ws") + "/ws"
    return url


async def _greet(
    socket: ClientConnection, hello: dict[str, Any], rate_hz: int, answer_timeout_s: float, on_fact: OnFact
) -> "_Call":
    await socket.send(json.dumps(hello))
    async with asyncio.timeout(10):
        while True:
            message = await socket.recv()
            answer = json.loads(message) if isinstance(message, str) else {}
            if answer.get("type") == "error":
                raise CallFailed(f"the door refused the call: {answer.get('message') or answer.get('code')}")
            if answer.get("type") == "welcome":
                return _Call(socket, answer["session_id"], rate_hz, answer["sample_rate_hz"], answer_timeout_s, on_fact)


class _Call:
    """A call that was answered. One task sends, one receives, one plays."""

    def __init__(
        self,
        socket: ClientConnection,
        session_id: str,
        rate_hz: int,
        agent_rate_hz: int,
        answer_timeout_s: float,
        on_fact: OnFact,
    ) -> None:
        self.result = CallResult(session_id, agent_rate_hz)
        self._socket = socket
        self._answer_timeout_s = answer_timeout_s
        self._on_fact = on_fact
        self._microphone = Microphone(rate_hz)
        self._loudspeaker = Loudspeaker(agent_rate_hz)
        self._conversation = Conversation()
        self._decisions_before = 0
        self._sending_reply = ""
        self._changed = asyncio.Event()
        self._began_s = asyncio.get_running_loop().time()

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    async def hold(self, steps: Sequence[Utterance]) -> None:
        """Hold the call to its end. Raises CallFailed."""
        receive = asyncio.create_task(self._receive(), name="caller's ear")
        others = [
            asyncio.create_task(self._speak(), name="caller's mouth"),
            asyncio.create_task(self._play(), name="caller's loudspeaker"),
        ]
        talk = asyncio.create_task(self._converse(steps), name="caller")
        try:
            await asyncio.wait([talk, receive, *others], return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                talk.cancel()
                raise CallFailed(self._why_it_broke(), self.result)
            await talk
            others[0].cancel()
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"type": "hangup"}))
                await asyncio.wait([receive], timeout=5)
        finally:
            for task in (talk, receive, *others):
                task.cancel()
            await asyncio.gather(talk, receive, *others, return_exceptions=True)
            self._finish()

    def _why_it_broke(self) -> str:
        if self.result.errors:
            return f"the door ended the call: {self.result.errors[-1]}"
        return f"the connection to the door broke off (close code {self._socket.close_code})"

    def _finish(self) -> None:
        result, loudspeaker = self.result, self._loudspeaker
        result.seconds = round(self._now(), 3)
        result.replies = [
            HeardReply(reply.reply_id, reply.turn_id, reply.started_at_s, reply.played, reply.stopped)
            for reply in loudspeaker.replies
        ]
        result.facts.sort(key=lambda fact: int(fact["sequence"]))
        result.turns = turns_of(result.facts, result.said, result.replies)
        result.answer = answer_sound(loudspeaker.replies, loudspeaker.rate_hz, result.seconds)

    # -- speaking

    async def _speak(self) -> None:
        """Send a frame each 20 ms, on the clock: one that is late does not delay the next."""
        while True:
            await asyncio.sleep(self._microphone.next_due_s - self._now())
            await self._socket.send(self._microphone.frame())

    async def _converse(self, steps: Sequence[Utterance]) -> None:
        await asyncio.sleep(LEAD_S)
        if self._is_greeted():
            await self._until(lambda: bool(self._loudspeaker.replies) and self._loudspeaker.current is None)
        for step in steps:
            if step.after_reply_ms is not None:
                await self._until(partial(self._has_played, step.after_reply_ms), settle_s=0)
            elif self.result.said:
                await self._until_answered()
            self._decisions_before = self._conversation.decisions if step.after_reply_ms is None else -1
            await self._say(step)
        await self._until_answered()

    async def _until_answered(self) -> None:
        await self._until(self._is_answered, SETTLE_S if self._decisions_before >= 0 else UNHEARD_SETTLE_S)

    async def _say(self, step: Utterance) -> None:
        rate_hz = self._microphone.rate_hz
        sound = step.sound.at_rate(rate_hz)
        start_s = self._microphone.say(sound.samples) / rate_hz
        end = step.end_of_speech_sample if step.end_of_speech_sample is not None else end_of_sound(step.sound)
        await self._microphone.said()
        self.result.said.append(Said(start_s, start_s + end / step.sound.rate_hz, start_s + sound.seconds))

    # -- listening

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                if isinstance(message, bytes):
                    reports = self._loudspeaker.receive(self._now(), self._sending_reply, message)
                else:
                    reports = self._take(json.loads(message))
                await self._tell(reports)
                self._changed.set()

    def _take(self, message: dict[str, Any]) -> list[Report]:
        kind, reply_id, now_s = message.get("type"), str(message.get("reply_id", "")), self._now()
        if kind == "fact":
            self.result.facts.append({key: message[key] for key in ("name", "sequence", "data")})
            self._conversation.take(message["name"], message["data"])
            self._on_fact(message["name"], message["data"])
        elif kind == "reply":
            self._sending_reply = reply_id
            self._loudspeaker.begin(reply_id, str(message.get("turn_id") or ""))
        elif kind == "reply_end":
            return self._loudspeaker.end(now_s, reply_id, int(message["samples"]))
        elif kind == "pause":
            return self._loudspeaker.pause(now_s, reply_id)
        elif kind == "resume":
            return self._loudspeaker.resume(now_s, reply_id)
        elif kind == "stop":
            return self._loudspeaker.stop(now_s, reply_id)
        elif kind == "error":
            self.result.errors.append(str(message.get("message") or message.get("code")))
        return []

    async def _play(self) -> None:
        """Let the loudspeaker go on whenever it is due, and tell the door what it played."""
        while True:
            due_s = self._loudspeaker.next_due_s(self._now())
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if due_s is None else max(0.001, due_s - self._now()))
            await self._tell(self._loudspeaker.advance(self._now()))

    async def _tell(self, reports: Sequence[Report]) -> None:
        for report in reports:
            message: dict[str, Any] = {"type": "played", "reply_id": report.reply_id, "samples": report.samples}
            if report.started:
                message["started"] = True
            if report.ended:
                message["ended"] = True
            await self._socket.send(json.dumps(message))

    # -- waiting

    def _is_greeted(self) -> bool:
        opened = [fact["data"] for fact in self.result.facts if fact["name"] == "SessionOpened"]
        return any((data.get("profile") or {}).get("greeting") for data in opened)

    def _has_played(self, reply_ms: float) -> bool:
        current = self._loudspeaker.current
        return current is not None and current.played / self._loudspeaker.rate_hz * 1000 >= reply_ms

    def _is_answered(self) -> bool:
        decided = self._conversation.decisions > self._decisions_before
        return decided and self._conversation.settled and self._loudspeaker.current is None

    async def _until(self, condition: Callable[[], bool], settle_s: float = SETTLE_S) -> None:
        """Wait for a condition that then holds for a moment. Raises CallFailed when nothing sounds for too long."""
        quiet_since_s, held_since_s, played = self._now(), None, -1
        while True:
            now_s = self._now()
            total = sum(reply.played for reply in self._loudspeaker.replies)
            if total != played:
                quiet_since_s, played = now_s, total
            if not condition():
                held_since_s = None
            elif held_since_s is None:
                held_since_s = now_s
            if held_since_s is not None and now_s - held_since_s >= settle_s:
                return
            if now_s - quiet_since_s > self._answer_timeout_s:
                raise CallFailed(self._timed_out(), self.result)
            await asyncio.sleep(0.02)

    def _timed_out(self) -> str:
        waiting, last = self._conversation.waiting_for(), self._conversation.last_name
        return f"no answer within {self._answer_timeout_s:.0f} s: waiting for {waiting} (last fact: {last})"
