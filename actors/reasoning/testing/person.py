"""The person in a test: what they say and what they hear, as the facts that doors and transcript append about it."""

import asyncio
import re
from collections.abc import Coroutine, Iterable
from typing import Any

from actors.reasoning.session_state import Reply, Session, apply
from actors.reasoning.testing.conditions import Conditions
from contracts import events as e
from contracts.answers import Answer, Cause, answer
from contracts.ids import derive_id
from infra.log.event_log import Fact, now_ns
from infra.log.taped_log import EventLog

PERSON = "person"
WORD_S = 0.3
"""How long a word takes to say, in the conversation's own time."""
SETTLED_S, TURN_S = 0.2, 0.3
"""Silence after which the words are settled, and what follows until the turn has ended."""
KEY_S = 0.2
"""How long pressing a key takes them."""
_WORD = re.compile(r"\S+")


class ScriptedCaller:
    """Speaks, and hears one granted reply after the other, word by word, until it is over or interrupted.

    `word_s` is how long a word takes them to say or to hear, in seconds. `takes` is what they know of the session: it
    has to be told each fact that is stored.
    """

    def __init__(self, log: EventLog, session_id: str, word_s: float, by_text: bool) -> None:
        self.session = Session(session_id)
        self._log = log
        self._word_s = word_s
        self._by_text = by_text
        self._turns = 0
        self._keys = 0
        self._hearing: dict[str, asyncio.Task[None]] = {}
        self._words: dict[str, int] = {}
        self._since_s: dict[str, float] = {}
        self._wanted: tuple[str, int] = ("", 0)
        self._conditions = Conditions()
        self._ear = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def tasks(self) -> Iterable["asyncio.Task[None]"]:
        """What they are hearing."""
        return self._tasks

    def takes(self, fact: Fact) -> None:
        """Take in a fact."""
        apply(self.session, fact.event, fact.sequence)
        for reply in self.session.replies.values():
            if reply.granted and reply.clauses and reply.reply_id not in self._hearing:
                self._hearing[reply.reply_id] = self._own(self._hear(reply))
        self._conditions.check()

    async def heard_words(self, turn_id: str, words: int) -> None:
        """Return when this many words of the answer to a turn were heard."""
        self._wanted = (turn_id, words)
        await self._conditions.come_true(lambda: self._heard_in(turn_id) >= words)

    def _heard_in(self, turn_id: str | None) -> int:
        replies = self.session.replies.values()
        return sum(self._words.get(reply.reply_id, 0) for reply in replies if reply.turn_id == turn_id)

    def next_turn(self) -> str:
        """Return the id of the turn that they begin."""
        self._turns += 1
        return derive_id(self.session.session_id, "turn", self._turns)

    async def say(self, turn_id: str, text: str, draft: str) -> None:
        """Say a text: while the agent speaks, that is an interruption. A draft is begun for the words `draft`."""
        if not self._by_text:
            await self._speak(turn_id, text, draft)
        source = "text" if self._by_text else "speech"
        await self._append(e.TurnEnded, turn_id, participant_id=PERSON, text=text, source=source)

    async def press(self, key: str) -> None:
        """Press a key of their phone."""
        self._keys += 1
        pressed: dict[str, Any] = {"participant_id": PERSON, "digit": key, "code": e.DTMF_KEYS.index(key)}
        cause, id_from = Cause(self.session.session_id), f"{PERSON} {self._keys}"
        await self._log.append(answer(cause, e.DtmfReceived, time_ns=now_ns(), id_from=id_from, **pressed))
        await asyncio.sleep(KEY_S if self._word_s else 0)

    async def _speak(self, turn_id: str, text: str, draft: str) -> None:
        utterance_id = derive_id(turn_id, "utterance")
        said_by = {"utterance_id": utterance_id, "participant_id": PERSON}
        playing = self._now_playing()
        over = playing.reply_id if playing is not None else None
        started = {**said_by, "track_id": PERSON, "start_sample": 0, "over_reply_id": over}
        await self._append(e.SpeechStarted, turn_id, **started)
        if playing is not None:
            await self._interrupt(playing, turn_id, said_by, text)
        await asyncio.sleep(self._word_s * len(text.split()))
        await asyncio.sleep(SETTLED_S if self._word_s else 0)
        if draft:
            revised = {**said_by, "revision": 1, "text": draft, "settled": True}
            await self._append(e.TranscriptRevised, turn_id, **revised)
        await asyncio.sleep(TURN_S if self._word_s else 0)

    async def _interrupt(self, playing: Reply, turn_id: str, said_by: dict[str, str], text: str) -> None:
        self._hearing[playing.reply_id].cancel()
        since_s = asyncio.get_running_loop().time() - self._since_s[playing.reply_id]
        words = self._words[playing.reply_id] + (int(since_s / self._word_s) if self._word_s else 0)
        heard = _first(playing.written, words)
        stopped = {"reply_id": playing.reply_id, **said_by, "text": text}
        await self._append(e.TurnInterrupted, turn_id, **stopped)
        await self._append(
            e.PlaybackInterrupted, playing.turn_id, reply_id=playing.reply_id, heard_text=heard, played_samples=0
        )

    def _now_playing(self) -> Reply | None:
        playing = [key for key, hearing in self._hearing.items() if key in self._words and not hearing.done()]
        return self.session.replies[playing[0]] if playing else None

    async def _hear(self, reply: Reply) -> None:
        async with self._ear:  # a reply begins when the one before it is over
            if reply.interrupted or reply.discarded:
                return
            self._words[reply.reply_id] = 0
            about = {"reply_id": reply.reply_id, "played_samples": 0}
            if not self._by_text:
                await self._append(e.PlaybackStarted, reply.turn_id, **about)
                await self._hear_words(reply)
            else:
                await self._conditions.come_true(lambda: not reply.alive)
            await self._append(e.PlaybackFinished, reply.turn_id, **about, heard_text=reply.written)

    async def _hear_words(self, reply: Reply) -> None:
        while True:
            self._since_s[reply.reply_id] = asyncio.get_running_loop().time()
            if words := self._next_words(reply):
                await asyncio.sleep(self._word_s * words)
                self._words[reply.reply_id] += words
                self._conditions.check()
            elif reply.alive:
                await self._conditions.come_true(lambda: not reply.alive or self._next_words(reply) > 0)
            else:
                return

    def _next_words(self, reply: Reply) -> int:
        """Return how many words are heard next: all that are written, or as many as somebody waits for."""
        left = len(_WORD.findall(reply.written)) - self._words[reply.reply_id]
        turn_id, wanted = self._wanted
        missing = wanted - self._heard_in(turn_id) if turn_id == reply.turn_id else 0
        return min(left, missing) if missing > 0 else left

    def _own(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _append(self, event_class: type[Answer], turn_id: str | None, **fields: Any) -> None:
        about = str(fields.get("reply_id", ""))
        cause = Cause(self.session.session_id, None, turn_id)
        event = answer(cause, event_class, time_ns=now_ns(), id_from=f"{turn_id}{about}", **fields)
        await self._log.append(event)


def _first(text: str, words: int) -> str:
    """Return the beginning of a text with this many words."""
    ends = [word.end() for word in _WORD.finditer(text)]
    return text[: ends[min(words, len(ends)) - 1]] if words and ends else ""
