"""One conversation of a corpus placed at a running system: spoken, typed, written, or by several people in a room."""

import asyncio
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from websockets.asyncio.client import connect

from infra.bench.corpus_plan import CorpusUtterance, Kill, PlannedCall
from infra.caller import CallFailed, CallResult, ScriptedUtterance, Sound, place_call
from infra.caller.room import RoomDial
from infra.caller.talk import OnFact, ignore_fact
from infra.caller.websocket_messages import ws_url
from infra.settings import Settings

ANSWER_TIMEOUT_S = 45.0
"""A recording that runs at low priority beside other work may wait long."""
RESUME_TRIES, RESUME_S = 12, 4.0
LEAVES_AFTER_TOKENS = 4
APART_S = 3.0
"""The second person in a room begins so much later than the first: mostly while the agent answers."""


@dataclass(frozen=True, slots=True)
class Where:
    """The system: its page, its settings with its LiveKit server (None without), and who its processes are."""

    page_url: str
    rooms: Settings | None
    data_dir: Path
    recordings: Mapping[str, Sound]

    def pid(self, process: str) -> int:
        """Return the process's id now. Raises OSError, KeyError."""
        pids: dict[str, int] = json.loads((self.data_dir / "run" / "processes.json").read_text())["pids"]
        return pids[process]


async def place(call: PlannedCall, where: Where) -> str:
    """Hold a conversation to its end and return its session. Raises CallFailed, OSError, aiohttp.ClientError."""
    if call.how == "written":
        return await _written(call, where)
    if call.how == "typed":
        return await _typed(call, where)
    if call.how == "room":
        return await _in_a_room(call, where)
    return await _spoken(call, where)


def _utterance(said: CorpusUtterance, where: Where) -> ScriptedUtterance:
    return ScriptedUtterance(where.recordings[said.recording], after_reply_ms=said.after_reply_ms)


async def _spoken(call: PlannedCall, where: Where) -> str:
    steps = [_utterance(said, where) for said in call.said]
    on_fact = _killing(call.kill, where) if call.kill is not None else ignore_fact

    async def talk(steps: list[ScriptedUtterance], **more: Any) -> CallResult:
        return await place_call(
            where.page_url, steps, user_id=call.user_id, answer_timeout_s=ANSWER_TIMEOUT_S, on_fact=on_fact, **more
        )

    try:
        return (await talk(steps)).session_id
    except CallFailed as failure:
        broken = failure.result
        if call.kill is None or call.kill.frozen_s is not None or call.kill.process != "bridge" or broken is None:
            raise
        # Its door was killed: the next one takes the session over.
        return await _resumed(partial(talk, steps[-1:]), broken)


async def _resumed(talk: Callable[..., Awaitable[CallResult]], broken: CallResult) -> str:
    """Go on with a session whose door is being started again. Raises CallFailed if that takes too long."""
    for attempt in range(RESUME_TRIES):
        try:
            return (await talk(session_id=broken.session_id, resume_token=broken.resume_token)).session_id
        except CallFailed:
            if attempt == RESUME_TRIES - 1:
                raise
            await asyncio.sleep(RESUME_S)
    raise AssertionError("the last attempt returns or raises")


def _killing(kill: Kill, where: Where) -> OnFact:
    done: list[int] = []

    def kill_once(name: str, _data: dict[str, Any]) -> None:
        if name == kill.at and not done:
            done.append(where.pid(kill.process))
            if kill.frozen_s is None:
                os.kill(done[0], signal.SIGKILL)
                return
            os.kill(done[0], signal.SIGSTOP)
            asyncio.get_running_loop().call_later(kill.frozen_s, _go_on, done[0])

    return kill_once


def _go_on(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def _in_a_room(call: PlannedCall, where: Where) -> str:
    if where.rooms is None:
        raise CallFailed("this system has no rooms")
    dial = RoomDial(where.rooms, room=f"corpus-{secrets.token_hex(4)}", light=True)

    async def talk(place: int, user: str, said: Sequence[CorpusUtterance]) -> str:
        """Return the session; who waits in vain for an answer, as another was answered, leaves as people do."""
        await asyncio.sleep(place * APART_S)
        try:
            return (await dial([_utterance(each, where) for each in said], user_id=user)).session_id
        except CallFailed as failure:
            if failure.result is None or not failure.result.said:
                raise
            return failure.result.session_id

    people = zip(("ada", "bob"), (call.said, call.said_by_another), strict=True)
    first, _ = await asyncio.gather(*(talk(place, *person) for place, person in enumerate(people)))
    return first


async def _typed(call: PlannedCall, where: Where) -> str:
    """Type at the WebSocket door, each text once the one before was answered; the client reports what it plays."""
    waiting: list[dict[str, Any]] = [{"type": "text", "id": uuid4().hex, "text": text} for text in call.texts]
    waiting.append({"type": "hangup"})
    session_id = ""
    async with (
        asyncio.timeout(ANSWER_TIMEOUT_S * len(waiting)),
        connect(ws_url(where.page_url), compression=None, max_size=1 << 24) as socket,
    ):
        await socket.send(json.dumps({"type": "hello", "mic": False, "user_id": call.user_id}))
        async for data in socket:
            message = json.loads(data) if isinstance(data, str) else {}
            match message:
                case {"type": "welcome", "session_id": str(session_id)}:
                    await socket.send(json.dumps(waiting.pop(0)))
                case {"type": "reply_end", "reply_id": reply_id, "samples": samples}:
                    heard = {"type": "played", "reply_id": reply_id, "samples": samples, "started": True, "ended": True}
                    await socket.send(json.dumps(heard))
                case {"type": "fact", "name": "PlaybackFinished"} if waiting:
                    await socket.send(json.dumps(waiting.pop(0)))
                case {"type": "error", "message": why}:
                    raise CallFailed(str(why))
    return session_id


async def _written(call: PlannedCall, where: Where) -> str:
    """Write to `POST /chat`, read each answer as it is streamed, and close the session."""
    session: dict[str, Any] = {"user_id": call.user_id}
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(where.page_url, timeout=timeout) as http:
        for text in call.texts:
            leaves = call.leaves and text == call.texts[-1]
            await _write(http, session | {"text": text}, session, leaves)
        session_id = str(session["session_id"])
        known = {"Authorization": f"Bearer {session['resume_token']}"}
        async with http.post(f"/sessions/{session_id}/close", headers=known) as answer:
            answer.raise_for_status()
    return session_id


async def _write(http: aiohttp.ClientSession, turn: dict[str, Any], session: dict[str, Any], leaves: bool) -> None:
    tokens = 0
    async with http.post("/chat", json=turn, headers={"Accept": "text/event-stream"}) as answer:
        answer.raise_for_status()
        async for name, data in _events(answer):
            if name == "session":
                session.update({key: data[key] for key in ("session_id", "resume_token") if data.get(key)})
            tokens += name == "token"
            if leaves and tokens >= LEAVES_AFTER_TOKENS:
                return


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.content:
        text = line.decode().strip()
        if text.startswith("event:"):
            name = text[6:].strip()
        elif text.startswith("data:"):
            with suppress(ValueError):
                yield name, json.loads(text[5:])
