"""Which conversations a recorded corpus has: how many of each kind, on which engines, and what is said. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Literal

How = Literal["spoken", "typed", "written", "room"]

QUICK = "infra.bench.corpus_engines:QuickAnswers"
GREETING = "Hello! How can I help you?"
TOTAL = 200
"""The parts' counts are of so many conversations; a smaller corpus has as much less of each."""


@dataclass(frozen=True, slots=True)
class System:
    """What a part of the corpus runs on: changed settings of a system."""

    name: str
    settings: Mapping[str, str]


LOCAL = System("local engines", {"greeting": GREETING})
SCRIPTED = System("a scripted model", {"llm": QUICK, "livekit": "1", "room_empty_s": "1", "reconnect_grace_s": "60"})
WITH_TOOLS = System(
    "agents with tools", {"llm": "infra.bench.corpus_agent:BookingAnswers", "agents": "infra.bench.corpus_agent"}
)
FAILING = System(
    "failing engines",
    {
        "llm": f"infra.bench.corpus_engines:FailingAnswers,{QUICK}",
        "tts": "infra.bench.corpus_engines:FailingVoice,local",
    },
)


@dataclass(frozen=True, slots=True)
class CorpusUtterance:
    """Something that a caller says: a recording's name, and after how much of the reply to the last one (ms)."""

    recording: str
    after_reply_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """A process to kill with SIGKILL in the midst of a call: when a fact of this class comes.

    With `frozen_s` it is stopped instead (SIGSTOP), and goes on after so long.
    """

    process: str
    at: str
    frozen_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One conversation: what is said, and in a room what another person says; `texts` are typed or written."""

    kind: str
    system: System
    said: tuple[CorpusUtterance, ...] = ()
    how: How = "spoken"
    texts: tuple[str, ...] = ()
    said_by_another: tuple[CorpusUtterance, ...] = ()
    user_id: str = "sam"
    kill: Kill | None = None
    leaves: bool = False
    """The reader of the last written answer goes away in the midst of it."""
    number: int = 0

    @property
    def id(self) -> str:
        """What tells it apart from the others of a corpus."""
        return f"{self.kind} {self.number}"


@dataclass(frozen=True, slots=True)
class CorpusPart:
    """So many of TOTAL conversations: `calls`, again and again."""

    count: int
    calls: tuple[PlannedCall, ...]


def planned(conversations: int) -> list[PlannedCall]:
    """Return the conversations of a corpus of this size, at least one of each part, numbered by kind."""
    numbers: Counter[str] = Counter()
    found: list[PlannedCall] = []
    for part in PARTS:
        for call in islice(cycle(part.calls), max(1, round(part.count * conversations / TOTAL))):
            numbers[call.kind] += 1
            found.append(replace(call, number=numbers[call.kind]))
    return found


def _said(*said: str | tuple[str, float]) -> tuple[CorpusUtterance, ...]:
    return tuple(CorpusUtterance(each) if isinstance(each, str) else CorpusUtterance(*each) for each in said)


PLAIN = (
    _said("hello", "what_time"),
    _said("i_am_sam", "who_am_i"),
    _said("plain-12", "thanks"),
    _said("pause-01"),
    _said("plain-09", ("cough", 3000)),
    _said("story", ("mhm", 2500)),
    _said("pause-07", "plain-02"),
    _said("plain-03", "what_time", "thanks"),
    _said("pause-10"),
    _said("plain-07", "plain-11"),
    _said("plain-10", "hello"),
    _said("who_am_i", "pause-05"),
)

OVER_A_REPLY = (
    _said("story", ("stop", 900)),
    _said("plain-12", ("mhm", 700), "thanks"),
    _said("plain-02", ("plain-03", 1200)),
    _said("plain-09", ("cough", 600)),
    _said("plain-07", ("what_time", 400)),
    _said("plain-12", ("stop", 2200), "hello"),
    _said("story", ("okay", 900)),
    _said("plain-04", ("pause-04", 1500)),
)

TEXTS = (
    PlannedCall("text", LOCAL, how="written", texts=("Hello! Who are you?", "What is the largest ocean?")),
    PlannedCall("text", LOCAL, how="typed", texts=("Tell me a long story about a ship.", "Thank you.")),
    PlannedCall("text", LOCAL, how="written", texts=("What time is it?", "My name is Sam.", "What is my name?")),
    PlannedCall("text", LOCAL, how="written", texts=("Tell me about the moon.", "And about Mars?"), leaves=True),
)

ROOMS = tuple(
    PlannedCall("people", SCRIPTED, said, how="room", said_by_another=another)
    for said, another in (
        (_said("plain-12"), _said("hello")),
        (_said("hello", "plain-03"), _said("plain-10")),
        (_said("plain-09"), _said(("stop", 900))),
        (_said("story"), _said("story")),
    )
)

KILLS = tuple(
    PlannedCall("kill", SCRIPTED, said, kill=Kill(process, at))
    for said, process, at in (
        (_said("plain-04", "what_time"), "reasoning", "ReplyStarted"),
        (_said("plain-12", "thanks"), "synthesis", "ReplyClauseWritten"),
        (_said("hello", "plain-03"), "transcript", "SpeechStarted"),
        (_said("plain-02"), "bridge", "PlaybackStarted"),
        (_said("plain-07", "hello"), "persistence", "TurnEnded"),
        (_said("plain-09", "what_time"), "reasoning", "PlaybackStarted"),
        (_said("story", "thanks"), "reasoning", "ReplyClauseWritten"),
        (_said("plain-11", "hello"), "synthesis", "ClauseSynthesized"),
        (_said("i_am_sam", "plain-10"), "summaries", "TurnEnded"),
        (_said("plain-03", "plain-12"), "transcript", "PlaybackStarted"),
    )
)

FREEZES = tuple(
    PlannedCall("freeze", SCRIPTED, said, kill=Kill(process, at, frozen_s))
    for said, process, at, frozen_s in (
        (_said("plain-04", "what_time"), "reasoning", "ReplyStarted", 5.0),
        (_said("plain-12", "thanks"), "synthesis", "ReplyClauseWritten", 2.0),
        (_said("plain-02", "hello"), "bridge", "PlaybackStarted", 1.5),
        (_said("hello", "plain-03"), "reasoning", "SpeechStarted", 1.0),
        (_said("plain-09", "what_time"), "reasoning", "PlaybackStarted", 6.0),
        (_said("story", "thanks"), "reasoning", "ReplyClauseWritten", 4.0),
        (_said("plain-11", "hello"), "synthesis", "ClauseSynthesized", 5.0),
        (_said("i_am_sam", "plain-10"), "persistence", "TurnEnded", 6.0),
        (_said("plain-07", ("what_time", 400)), "bridge", "SpeechStarted", 3.0),
        (_said("plain-03", "plain-12"), "transcript", "SpeechStarted", 3.0),
        (_said("plain-12", ("stop", 2200), "hello"), "reasoning", "TurnEnded", 3.5),
        (_said("plain-09", "hello"), "bridge", "ReplyStarted", 6.0),
    )
)

TOOL_CALLS = (
    *(PlannedCall("tools", WITH_TOOLS, said) for said in (*PLAIN[:2], *PLAIN[7:11], *OVER_A_REPLY[:6])),
    PlannedCall("tools", WITH_TOOLS, _said("plain-12", "thanks"), kill=Kill("reasoning", "ToolCalled")),
    PlannedCall("tools", WITH_TOOLS, _said("hello", "plain-03"), kill=Kill("reasoning", "ToolCalled", 5.0)),
)

FAILOVERS = tuple(PlannedCall("failover", FAILING, said) for said in (*PLAIN[:4], _said("plain-09", "plain-02")))

PARTS = (
    CorpusPart(20, tuple(PlannedCall("plain", LOCAL, said) for said in PLAIN)),
    CorpusPart(12, tuple(PlannedCall("barge-in", LOCAL, said) for said in OVER_A_REPLY)),
    CorpusPart(20, TEXTS),
    CorpusPart(10, FAILOVERS),
    CorpusPart(20, KILLS),
    CorpusPart(16, FREEZES),
    CorpusPart(14, TOOL_CALLS),
    CorpusPart(30, tuple(PlannedCall("barge-in", SCRIPTED, said) for said in OVER_A_REPLY)),
    CorpusPart(20, ROOMS),
    CorpusPart(38, tuple(PlannedCall("plain", SCRIPTED, said) for said in PLAIN)),
)
