"""Phrases whose sound is made before they are needed."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.clauses import ClauseSplitter
from actors.synthesis import phrases_ahead
from actors.synthesis.phrases_ahead import frequent, frequent_in_log, make_ahead, make_frequent_ahead
from contracts.events import ReplyClauseWritten
from infra.engines.phrases import MOST_WORDS, OPENERS, Phrases
from infra.engines.tts import TextToSpeech
from infra.engines.voice import SynthesizedSound, Voice
from infra.log.connection import connection
from infra.log.event_log import append, now_ns


class CountingVoice(Voice):
    """Says 0.1 s for a phrase and notes it; keeps the sound of phrases."""

    def __init__(self, language: str = "en", fails: bool = False) -> None:
        self.name, self.language, self.scripts = "counting", language, None
        self.made: list[str] = []
        self._phrases = Phrases[SynthesizedSound]()
        self._fails = fails

    async def _made(self, text: str) -> AsyncGenerator[SynthesizedSound, None]:
        self.made.append(text)
        if self._fails:
            raise ConnectionError("no line")
        yield SynthesizedSound(b"\x00\x10" * 2400, 24_000, self.name)


def clause(text: str, reply: str, index: int = 0) -> ReplyClauseWritten:
    return ReplyClauseWritten(
        event_id=f"{reply}-{index}", session_id="s", time_ns=now_ns(), turn_id="t",
        reply_id=reply, index=index, text=text,
    )  # fmt: skip


def test_short_first_clauses_of_several_replies_are_frequent() -> None:
    clauses = [
        *(clause("I see,", f"a{n}") for n in range(3)),
        *(clause(" Of  course,", f"b{n}") for n in range(4)),
        *(clause("once", "c") for _ in range(5)),  # one reply, delivered again
        *(clause("This is a longer one", f"d{n}") for n in range(9)),
        *(clause("and later", f"e{n}", index=1) for n in range(9)),
        *(clause("  ", f"f{n}") for n in range(9)),
    ]
    assert frequent(clauses) == ["Of course,", "I see,"]


def test_openers_are_first_clauses_as_they_are_written() -> None:
    for opener in OPENERS:
        assert len(opener.split()) <= MOST_WORDS
        assert ClauseSplitter().feed(f"{opener} then some more words.")[0] == opener
    assert len(set(OPENERS)) == len(OPENERS)


async def test_a_phrase_is_made_once_and_is_there_when_it_is_needed() -> None:
    voice = CountingVoice()
    chain = TextToSpeech([voice])
    await make_ahead([chain], ["I see,", "I see,", "Well,"], is_busy=lambda: False)
    await make_ahead([chain], ["Well,"], is_busy=lambda: False)
    assert [sound async for sound in chain.synthesize("I see,")]
    assert voice.made == ["I see,", "Well,"]


async def test_nothing_is_made_ahead_while_somebody_waits_for_sound() -> None:
    voice, busy, looked = CountingVoice(), True, asyncio.Event()

    def is_busy() -> bool:
        looked.set()
        return busy

    making = asyncio.create_task(make_ahead([TextToSpeech([voice])], ["I see,"], is_busy))
    await looked.wait()
    assert voice.made == []
    busy = False
    await making
    assert voice.made == ["I see,"]


async def test_a_voice_that_fails_or_keeps_nothing_is_left_alone() -> None:
    failing = CountingVoice(fails=True)
    await make_ahead([TextToSpeech([failing]), TextToSpeech([])], ["I see,", "Well,"], is_busy=lambda: False)
    assert failing.made == ["I see,", "Well,"]


async def test_what_the_log_says_most_often_is_made_ahead_and_openers_for_an_english_voice(broker: NatsBroker) -> None:
    for number in range(2):
        await append(broker, clause("Naturally, my friend", f"r{number}"))
    await append(broker, clause("Never again,", "r3"))
    assert await frequent_in_log(connection(broker)) == ["Naturally, my friend"]
    english, french = CountingVoice("en-us"), CountingVoice("fr")
    chains = [TextToSpeech([english]), TextToSpeech([french])]
    await make_frequent_ahead(connection(broker), chains, is_busy=lambda: False)
    assert english.made == [*OPENERS, "Naturally, my friend"]
    assert french.made == ["Naturally, my friend"]


async def test_only_the_last_facts_are_looked_at(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        await append(broker, clause("Long ago," if number < 2 else "Just now,", f"r{number}"))
    monkeypatch.setattr(phrases_ahead, "LAST_FACTS", 2)
    assert await frequent_in_log(connection(broker)) == ["Just now,"]


async def test_a_log_that_cannot_be_read_has_no_frequent_clauses(broker: NatsBroker) -> None:
    await connection(broker).close()
    assert await frequent_in_log(connection(broker)) == []
