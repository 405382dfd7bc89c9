"""What a caller does at any door: talks at the pace of speech, follows the facts, and decides when it was answered."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from infra.caller.conversation import CallState
from infra.caller.result import CallResult, PlayedReply, SaidUtterance, ScriptedUtterance, turns_of, unanswered_of
from infra.caller.wav import Samples, Sound, end_of_sound, read_wav

LEAD_S = 0.3
"""Silence before the first word, as on any call."""

SETTLE_S = 0.3
"""How long nothing must be outstanding until the caller continues: speech is noticed a little after it began."""

UNHEARD_SETTLE_S = 1.0
"""The same after a sound over a reply, which may not be speech at all, such as a cough that nobody reacts to."""

LOOK_S, EXACT_LOOK_S = 0.05, 0.02
"""How often the caller checks whether it may speak, and whether it is time to interrupt."""

OnFact = Callable[[str, dict[str, Any]], None]


def ignore_fact(_name: str, _data: dict[str, Any]) -> None:
    """Ignore a fact: for callers that nobody watches."""


class Dial(Protocol):
    """Calls a door: says the utterances, each taken when it is due, and returns the result. Raises CallFailed."""

    async def __call__(
        self, utterances: Iterable[ScriptedUtterance], *, user_id: str = "caller", on_fact: OnFact = ignore_fact
    ) -> CallResult:
        """Call."""


class CallFailed(RuntimeError):
    """The call broke off before its end; `result` is its partial result, if it began at all.

    `code` is the code of the door's error, if it refused the call.
    """

    def __init__(self, message: str, result: CallResult | None = None, code: str = "") -> None:
        super().__init__(message)
        self.result = result
        self.code = code


class Ear(Protocol):
    """What the caller hears of the agent, at any door."""

    @property
    def begun(self) -> bool:
        """Whether any reply has begun."""

    @property
    def playing(self) -> bool:
        """Whether a reply is being heard, or its sound is on its way."""

    @property
    def heard_samples(self) -> int:
        """How much of the agent was heard so far: it grows while the agent speaks."""

    def playing_ms(self) -> float:
        """Return for how long the present reply has been heard; 0 if none is."""


def utterances_of(steps: Iterable[ScriptedUtterance | Path]) -> list[ScriptedUtterance]:
    """Return utterances, with files read. Raises BadWav."""
    return [step if isinstance(step, ScriptedUtterance) else ScriptedUtterance(read_wav(step)) for step in steps]


class Mouth(Protocol):
    """What the caller speaks into, at `rate_hz`."""

    @property
    def rate_hz(self) -> int:
        """Its rate."""

    def say(self, samples: Samples) -> int:
        """Start an utterance; return the sample of the caller's time at which it starts."""

    async def said(self) -> None:
        """Wait until the utterance has been spoken whole."""


class Talk:
    """The caller's side of one call, from the moment its microphone opens: time 0 of the result."""

    def __init__(self, result: CallResult, mouth: Mouth, ear: Ear, answer_timeout_s: float, on_fact: OnFact) -> None:
        self.result = result
        self._mouth = mouth
        self._ear = ear
        self._answer_timeout_s = answer_timeout_s
        self._on_fact = on_fact
        self._conversation = CallState()
        self._decisions_before = 0
        self._began_s = asyncio.get_running_loop().time()
        result.began_ns = time.time_ns()

    def now_s(self) -> float:
        """Return the caller's time."""
        return asyncio.get_running_loop().time() - self._began_s

    async def hold(
        self,
        steps: Iterable[ScriptedUtterance],
        doors_tasks: Sequence["asyncio.Task[None]"],
        why_it_broke: Callable[[], str],
    ) -> None:
        """Say the steps, each when it is time. Raises CallFailed, also if a task of the door ends before."""
        talk = asyncio.create_task(self._converse(steps), name="caller")
        try:
            await asyncio.wait([talk, *doors_tasks], return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                raise CallFailed(why_it_broke(), self.result)
            await talk
        finally:
            talk.cancel()
            await asyncio.gather(talk, return_exceptions=True)

    def take_fact(self, name: str, sequence: int, data: dict[str, Any]) -> None:
        """Apply a fact of the session, as in the log."""
        self.result.facts.append({"name": name, "sequence": sequence, "data": data})
        self._conversation.take(name, data)
        self._on_fact(name, data)

    def finish(self, replies: list[PlayedReply], answer: Sound) -> None:
        """Assemble the result from what was heard."""
        result = self.result
        result.replies, result.answer = replies, answer
        result.facts.sort(key=lambda fact: int(fact["sequence"]))
        result.turns = turns_of(result.facts, result.said, replies)
        result.unanswered = unanswered_of(result.facts)

    # -- talking

    async def _converse(self, steps: Iterable[ScriptedUtterance]) -> None:
        await asyncio.sleep(LEAD_S)
        if self._is_greeted():
            await self._until(lambda: self._ear.begun and not self._ear.playing)
        for step in steps:
            if step.after_reply_ms is not None:
                await self._until(partial(self._has_played, step.after_reply_ms), settle_s=0)
            elif self.result.said:
                await self._until_answered()
            self._decisions_before = self._conversation.decisions if step.after_reply_ms is None else -1
            await self._say(step)
        if self.result.said:
            await self._until_answered()

    async def _until_answered(self) -> None:
        await self._until(self._is_answered, SETTLE_S if self._decisions_before >= 0 else UNHEARD_SETTLE_S)

    async def _say(self, step: ScriptedUtterance) -> None:
        rate_hz = self._mouth.rate_hz
        sound = step.sound.at_rate(rate_hz)
        start_s = self._mouth.say(sound.samples) / rate_hz
        end = step.end_of_speech_sample if step.end_of_speech_sample is not None else end_of_sound(step.sound)
        await self._mouth.said()
        self.result.said.append(SaidUtterance(start_s, start_s + end / step.sound.rate_hz, start_s + sound.seconds))

    # -- waiting

    def _is_greeted(self) -> bool:
        opened = [fact["data"] for fact in self.result.facts if fact["name"] == "SessionOpened"]
        return any((data.get("profile") or {}).get("greeting") for data in opened)

    def _has_played(self, reply_ms: float) -> bool:
        return self._ear.playing_ms() >= max(reply_ms, 1e-3)

    def _is_answered(self) -> bool:
        decided = self._conversation.decisions > self._decisions_before
        return decided and self._conversation.settled and not self._ear.playing

    async def _until(self, condition: Callable[[], bool], settle_s: float = SETTLE_S) -> None:
        """Wait until a condition has held for a moment. Raises CallFailed if there is no sound for too long."""
        quiet_since_s, held_since_s, heard = self.now_s(), None, -1
        while True:
            now_s = self.now_s()
            if self._ear.heard_samples != heard:
                quiet_since_s, heard = now_s, self._ear.heard_samples
            if not condition():
                held_since_s = None
            elif held_since_s is None:
                held_since_s = now_s
            if held_since_s is not None and now_s - held_since_s >= settle_s:
                return
            if now_s - quiet_since_s > self._answer_timeout_s:
                raise CallFailed(self._timed_out(), self.result)
            await asyncio.sleep(LOOK_S if settle_s else EXACT_LOOK_S)

    def _timed_out(self) -> str:
        waiting, last = self._conversation.waiting_for(), self._conversation.last_name
        return f"no answer within {self._answer_timeout_s:.0f} s: still waiting for {waiting} (last fact: {last})"
