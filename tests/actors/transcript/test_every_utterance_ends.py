"""Whatever is heard, and whoever hears it to its end: each utterance that began ends once.

The engines are scripted, the log is a real one: what follows from sound and words is the listener's doing alone.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
from faststream.nats import NatsBroker
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from actors.transcript.echo.agent_sound import AgentSound
from actors.transcript.live_sound import LiveSound
from actors.transcript.resume import resume_point
from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_listener import TrackListener
from contracts import events as e
from contracts.audio import InFrame
from infra.engines.vad import WINDOW_SAMPLES
from infra.log.connection import connection
from infra.log.event_log import Fact, append, facts_after, history, now_ns
from infra.log.taped_log import LiveLog
from infra.tape.untaped import Untaped
from tests.actors.transcript.scripted import DOUBTED, FAILS, LOUD, QUIET, Answer, ScriptedEngines
from tests.actors.transcript.track_of import PARTICIPANT, TRACK

pytestmark = pytest.mark.slow

HEARD = ("", "Stop, wait.", "Mhm.", "Thank you.", "What time is it?", DOUBTED, FAILS)


@dataclass(frozen=True)
class Spoken:
    """One stretch of speech, with the silence before it, and what becomes of a reply meanwhile."""

    pause_ms: int
    ms: int
    reply: str = ""
    """`before` it begins to play, `within` it, or it `ends` within."""


class Script(LiveSound):
    """Sound that comes as the test says."""

    def __init__(self, broker: NatsBroker, session_id: str, woken: asyncio.Event) -> None:
        super().__init__(broker, session_id, PARTICIPANT, TRACK, 0, woken)
        self.coming: list[InFrame] = []

    def frames(self) -> list[InFrame]:
        frames, self.coming = self.coming, []
        return frames

    def since_frame_ms(self) -> float:
        return 0.0


class Call:
    """One track on the log, heard by one listener after the other."""

    def __init__(self, broker: NatsBroker, session_id: str, answers: Sequence[Answer]) -> None:
        self._broker, self._session_id = broker, session_id
        self._ears = ScriptedEngines(answers)
        self._sent: list[InFrame] = []
        self._replies = 0
        self.track = e.TrackPublished(**self._about("track"), track_id=TRACK, participant_id=PARTICIPANT)

    def _about(self, name: str) -> dict[str, object]:
        return {"event_id": f"{self._session_id}-{name}", "session_id": self._session_id, "time_ns": now_ns()}

    async def begin(self) -> None:
        await append(self._broker, self.track)
        await self.take_up()

    async def take_up(self) -> None:
        """Have the track heard by a new listener, which knows what the log and the sound's stream have."""
        self._view = SessionState()
        for fact in await facts_after(self._broker, self._session_id):
            self._view.apply(fact)
        woken = asyncio.Event()
        self._live = Script(self._broker, self._session_id, woken)
        playback = AgentSound(self._broker, self._session_id).playback
        tapes = Untaped()
        taped = TapedSound(tapes.of(self._session_id), TRACK)
        self._listener = TrackListener(
            LiveLog(self._broker, tapes), taped, self._ears, self.track, self._view, self._live, playback, woken
        )
        point = resume_point(self._view, self.track)
        self._listener.resume(point.first_sample, point.heard_to)
        self._live.coming = [frame for frame in self._sent if frame.first_sample >= point.first_sample]
        await self._step()

    async def abandon(self) -> None:
        """End the listener as a crash would: nothing more is said."""
        await self._listener.aclose()

    async def hear(self, ms: int, level: int) -> None:
        for _ in range(ms * 16 // WINDOW_SAMPLES):
            pcm = np.full(WINDOW_SAMPLES, level, "<i2").tobytes()
            frame = InFrame(TRACK, len(self._sent) * WINDOW_SAMPLES, now_ns(), pcm)
            self._sent.append(frame)
            self._live.coming.append(frame)
            self._ears.engine.come(1)
            await self._step()

    async def _step(self) -> None:
        # Who catches up waits for answers in the middle of a step: time goes on meanwhile.
        step = asyncio.create_task(self._listener.step())
        while not (await asyncio.wait([step], timeout=0.05))[0]:
            self._ears.engine.come(1)
        step.result()
        for _ in range(4):  # what runs beside it has its turn
            await asyncio.sleep(0)

    async def reply(self) -> None:
        self._replies += 1
        name = f"reply-{self._replies}"
        about = {**self._about(name), "reply_id": f"{self._session_id}-{name}"}
        await self._tell(e.ReplyStarted.model_validate({**about, "text": ""}))
        clause = {**about, "event_id": f"{about['event_id']}-c", "index": 0, "text": "Once upon a time."}
        await self._tell(e.ReplyClauseWritten.model_validate(clause))

    async def reply_ends(self) -> None:
        floor = self._view.floor_reply()
        if floor is not None:
            about = {**self._about(f"{floor.reply_id}-end"), "reply_id": floor.reply_id}
            await self._tell(e.PlaybackFinished.model_validate({**about, "heard_text": "", "played_samples": 1}))

    async def _tell(self, event: e.Event) -> None:
        self._view.apply(Fact(await append(self._broker, event), event))

    async def end(self) -> list[e.Event]:
        """Close the track and return the facts."""
        self._ears.engine.all_at_once()
        await self._tell(e.TrackUnpublished(**self._about("end"), track_id=TRACK, participant_id=PARTICIPANT))
        await self._listener.finish()
        await self._listener.aclose()
        self._ears.vad.close()
        return [fact.event async for fact in history(connection(self._broker), self._session_id)]


def ends_of(facts: list[e.Event]) -> dict[str, list[str]]:
    """Return how each utterance that began has ended: in a turn, or dismissed (of which both facts may tell)."""
    ends: dict[str, list[str]] = {fact.utterance_id: [] for fact in facts if isinstance(fact, e.SpeechStarted)}
    dismissed: set[str] = set()
    for fact in facts:
        match fact:
            case e.TurnEnded():
                for name in fact.utterance_ids:
                    ends[name].append("turn")
            case e.UtteranceDismissed():
                dismissed.add(fact.utterance_id)
            case e.InterruptionDismissed() if fact.reason != "unaddressed":
                dismissed.add(fact.utterance_id)
    for name in dismissed & set(ends):
        ends[name].append("dismissed")
    return ends


async def heard(
    broker: NatsBroker,
    name: str,
    speech: Sequence[Spoken],
    answers: Sequence[Answer],
    crashes: frozenset[int],
    last_ms: int,
) -> list[e.Event]:
    """Return the facts of a call; before the parts `crashes` (a pause, half of some speech) its owner ends."""
    call = Call(broker, name, answers)
    await call.begin()
    parts = count()

    async def part(ms: int, level: int) -> None:
        if next(parts) in crashes:
            await call.abandon()
            await call.take_up()
        await call.hear(ms, level)

    for spoken in speech:
        await part(spoken.pause_ms, QUIET)
        if spoken.reply == "before":
            await call.reply()
        await part(spoken.ms // 2, LOUD)
        if spoken.reply == "within":
            await call.reply()
        elif spoken.reply == "ends":
            await call.reply_ends()
        await part(spoken.ms // 2, LOUD)
    await part(last_ms, QUIET)
    return await call.end()


SPOKEN = st.builds(
    Spoken,
    st.sampled_from([64, 150, 400, 1200]),
    st.sampled_from([128, 400, 900, 2600]),
    st.sampled_from(["", "", "before", "within", "ends"]),
)
NAMES = count()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(SPOKEN, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(HEARD), st.sampled_from([0, 0, 15, 60])), min_size=1, max_size=6),
    st.frozensets(st.integers(0, 9), max_size=2),
    st.sampled_from([0, 96, 3000]),
)
@example([Spoken(400, 900, "before")], [("Stop, wait.", 0), ("", 0)], frozenset(), 3000)
@example([Spoken(400, 900, "before")], [("Stop, wait.", 0), ("", 0)], frozenset(), 0)
@example(
    [Spoken(400, 900, "before"), Spoken(400, 400)], [("Stop, wait.", 0), ("", 0), ("Mhm.", 0)], frozenset({3}), 3000
)
@example([Spoken(400, 400, "before"), Spoken(400, 400)], [("", 0), ("Stop, wait.", 30), ("", 0)], frozenset(), 3000)
@example([Spoken(64, 400, "within"), Spoken(64, 128), Spoken(400, 2600)], [("Stop, wait.", 60)], frozenset({8}), 0)
async def test_every_utterance_that_began_ends_once(
    broker: NatsBroker, speech: list[Spoken], answers: list[Answer], crashes: frozenset[int], last_ms: int
) -> None:
    facts = await heard(broker, f"s-{next(NAMES)}", speech, answers, crashes, last_ms)
    ends = ends_of(facts)
    assert ends
    assert {name: how for name, how in ends.items() if len(how) != 1} == {}
    over_reply = {fact.utterance_id for fact in facts if isinstance(fact, e.SpeechStarted) and fact.over_reply_id}
    decided = {fact.utterance_id for fact in facts if isinstance(fact, e.TurnInterrupted | e.InterruptionDismissed)}
    assert over_reply <= decided
    ids = Counter(fact.event_id for fact in facts)
    assert max(ids.values()) == 1


@pytest.mark.parametrize("last_ms", [0, 3000])
async def test_an_interruption_whose_final_words_are_none_is_told_to_be_no_speech(
    broker: NatsBroker, last_ms: int
) -> None:
    answers = [("Stop, wait.", 0), *[("", 0)] * 5]
    facts = await heard(broker, "s-none", [Spoken(400, 900, "before")], answers, frozenset(), last_ms)
    [stopped] = [fact for fact in facts if isinstance(fact, e.TurnInterrupted)]
    [dismissed] = [fact for fact in facts if isinstance(fact, e.UtteranceDismissed)]
    assert dismissed.reason == "no-words"
    assert (dismissed.utterance_id, dismissed.turn_id) == (stopped.utterance_id, stopped.turn_id)
    assert dismissed.over_reply_id == stopped.reply_id
