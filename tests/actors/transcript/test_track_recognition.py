"""Which sound the engines are given: a decision's own, not what happens to have arrived by then."""

import asyncio

import numpy as np
import pytest

from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES
from actors.transcript.recognition_failures import RecognitionFailure
from actors.transcript.sound import TrackSound
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_events import TrackEvents
from actors.transcript.track_recognition import TAIL_SAMPLES, TrackRecognition
from actors.transcript.track_streams import LEAD_SAMPLES, OVER_REPLY_LEAD_SAMPLES
from actors.transcript.turn import OpenTurn, Utterance
from contracts import events as e
from contracts.audio import InFrame
from infra.engines.chain import PASSED_OVER, EngineFailure
from infra.engines.stt import OnFailure, Recognition
from infra.engines.turn_detector import HEARD_SAMPLES, EndOfTurn, TrackEndOfTurn
from infra.tape.untaped import Untaped
from tests.actors.transcript.scripted import ScriptedEngine, ScriptedEngines

START, END = 32_000, 48_000


class _Detector(TrackEndOfTurn):
    def __init__(self, asked: list[np.ndarray]) -> None:
        super().__init__(None)
        self._asked_with = asked

    async def probability(self, samples: np.ndarray, timeout_s: float = 1) -> float | None:
        self._asked_with.append(samples)
        return 0.5


class _Detectors(EndOfTurn):
    def __init__(self, asked: list[np.ndarray]) -> None:
        super().__init__(lambda: None)
        self._asked_with = asked

    def track(self) -> TrackEndOfTurn:
        return _Detector(self._asked_with)


class _Engine(ScriptedEngine):
    def __init__(self) -> None:
        super().__init__([])
        self.given: list[bytes] = []
        self.failures: list[EngineFailure] = []

    async def recognise(self, pcm: bytes, on_failure: OnFailure | None = None) -> Recognition:
        self.given.append(pcm)
        for failure in self.failures:
            assert on_failure is not None
            await on_failure(failure)
        return Recognition("Yes.", "local", 1, 0.95, "en")


class Given:
    """What the engines are given of a pause at END that is noticed when the sound was decided on up to `heard_to`."""

    def __init__(self, arrived_to: int) -> None:
        ears = ScriptedEngines([])
        self.engine = _Engine()
        self.opinions: list[np.ndarray] = []
        recogniser = next(iter(ears._recognisers.values()))
        ears._recognisers = {("local", ""): type(recogniser)(self.engine, recogniser.lane)}
        ears.end_of_turn = _Detectors(self.opinions)
        self.recognition = TrackRecognition(ears, ears.settings, "s", asyncio.Event(), TapedSound(Untaped(), "mic"))
        self.sound = TrackSound(0)
        pcm = (np.arange(arrived_to) % 32_768).astype("<i2")
        self.sound.add(InFrame("mic", 0, 1, pcm.tobytes()))
        started = e.SpeechStarted(
            event_id="s", session_id="s", time_ns=1, utterance_id="u", track_id="mic", participant_id="p",
            start_sample=START,
        )  # fmt: skip
        self.utterance = Utterance(started, segment_start=START, end=END)

    async def settle(self, heard_to: int) -> bytes:
        self.recognition.settle(self.sound, self.utterance, heard_to)
        assert self.utterance.settling is not None
        assert self.utterance.settling.run is not None
        await self.utterance.settling.run.result
        return self.engine.given[0]

    async def ask(self, heard_to: int) -> np.ndarray:
        self.recognition.ask_whether_over(self.sound, self.utterance, heard_to)
        assert self.utterance.asking is not None
        await self.utterance.asking
        return self.opinions[0]


@pytest.mark.parametrize("early", [0, 17, 300, WINDOW_SAMPLES, 16_000])
async def test_both_engines_are_given_the_sound_that_was_decided_on_however_much_has_arrived(early: int) -> None:
    heard_to = END + WINDOW_SAMPLES
    given = Given(heard_to + early)
    assert len(await given.settle(heard_to)) == 2 * (heard_to - START + LEAD_SAMPLES)
    opinion = await given.ask(heard_to)
    assert len(opinion) == HEARD_SAMPLES
    assert opinion[-1] == (heard_to - 1) % 32_768


async def test_the_recogniser_is_given_little_silence_where_the_pause_is_noticed_late() -> None:
    given = Given(END + 16_000)
    assert len(await given.settle(END + 16_000)) == 2 * (END + TAIL_SAMPLES - START + LEAD_SAMPLES)


async def test_more_of_what_lies_before_is_given_of_speech_over_a_reply_whose_beginning_is_noticed_late() -> None:
    given = Given(END + WINDOW_SAMPLES)
    given.utterance.started = given.utterance.started.model_copy(update={"over_reply_id": "r"})
    assert len(await given.settle(END + WINDOW_SAMPLES)) == 2 * (END + WINDOW_SAMPLES - START + OVER_REPLY_LEAD_SAMPLES)


async def guessed_at_ms(given: Given, speech_ms: int) -> list[int]:
    """Return after how much speech guesses are made, while somebody speaks without a pause."""
    given.utterance.end = None
    found = []
    for heard_to in range(START, START + speech_ms * SAMPLES_PER_MS, WINDOW_SAMPLES):
        before = len(given.engine.given)
        await asyncio.sleep(0)  # the lane sees that a run has ended
        given.recognition.guesses.revise(given.sound, given.utterance, heard_to)
        if (guess := given.recognition.guesses._running) is not None:
            await guess.run.result
            given.recognition.collect(given.utterance)
        if len(given.engine.given) > before:
            found.append((heard_to - START) // SAMPLES_PER_MS)
    return found


async def test_words_are_guessed_again_and_again_while_recognition_has_little_else_to_do() -> None:
    given = Given(START + 64_000)
    assert await guessed_at_ms(given, 4_000) == [512, 1024, 1536, 2080, 2816, 3808]
    # What costs nobody time doesn't shorten what pauses may cost.
    assert given.recognition._load.extra == 512 * SAMPLES_PER_MS + LEAD_SAMPLES


async def test_words_are_guessed_once_while_recognition_has_much_to_do() -> None:
    given = Given(START + 64_000)
    lane = given.recognition.guesses._recogniser.lane
    lane.clock, lane._mean_running, lane._mean_at = lambda: 0.0, 1.0, 0.0
    assert await guessed_at_ms(given, 4_000) == [512]


def ids_of(failures: list[RecognitionFailure]) -> list[str]:
    track = e.TrackPublished(event_id="t", session_id="s", time_ns=1, track_id="mic", participant_id="p")
    return [
        TrackEvents(track).engine_failed(each.failure, f"{each.start}-{each.end}", each.n, None).event_id
        for each in failures
    ]


async def test_each_failure_of_an_engine_is_a_fact_of_its_own_and_the_same_fact_for_another_owner() -> None:
    found = []
    for _ in ("one owner", "another"):
        given = Given(END + WINDOW_SAMPLES)
        given.engine.failures = [
            EngineFailure("a.STT", "broken", "asked it again"),
            EngineFailure("a.STT", "broken", "b"),
        ]
        await given.settle(END + WINDOW_SAMPLES)
        found.append(ids_of(given.recognition.failures.take_failures()))
    assert len(set(found[0])) == 2
    assert found[0] == found[1]


async def test_an_engine_that_rests_because_it_failed_in_another_session_is_a_fact_of_this_one_once() -> None:
    given = Given(END + WINDOW_SAMPLES)
    given.engine._names = ["deepgram.STT", "local"]
    found = []
    for _ in range(2):
        await given.settle(END + WINDOW_SAMPLES)
        given.recognition.collect(given.utterance)
        found += [each.failure for each in given.recognition.failures.take_failures()]
        given.utterance.settling = None
    ((failure),) = found
    assert (failure.engine, failure.error, failure.action) == ("deepgram.STT", PASSED_OVER, "local was asked")


async def test_what_the_engines_were_given_and_what_they_made_of_it_is_told() -> None:
    heard_to = END + WINDOW_SAMPLES
    given = Given(heard_to + 17)
    await given.settle(heard_to)
    await given.ask(heard_to)
    given.recognition.collect(given.utterance)
    turn = OpenTurn("t", [given.utterance])
    (opinion,) = turn.opinions()
    assert (opinion.at_sample, opinion.heard_ms) == (END, WINDOW_SAMPLES / 16)
    assert opinion.probability == given.utterance.probability
    assert opinion.asked_ns > 0
    heard = given.utterance.given
    assert heard is not None
    assert (heard.start, heard.end) == (START - LEAD_SAMPLES, heard_to)
    facts = TrackEvents(e.TrackPublished(event_id="t", session_id="s", time_ns=1, track_id="mic", participant_id="p"))
    told = facts.transcribed(given.utterance.started, END, "Yes.", given.utterance.recognition, heard)
    assert (told.heard_from_sample, told.heard_to_sample) == (heard.start, heard.end)
    revised = facts.revised(given.utterance.started, 0, "Yes.", True, 1, heard)
    assert (revised.heard_from_sample, revised.heard_to_sample) == (heard.start, heard.end)
    assert revised.asked_ns == told.asked_ns == heard.asked_ns


async def test_an_opinion_on_a_pause_that_proved_to_be_none_stays_told() -> None:
    given = Given(END + 16_000)
    await given.ask(END + WINDOW_SAMPLES)
    given.recognition.collect(given.utterance)
    given.utterance.resumed()
    given.utterance.end = END + 8_000
    await given.ask(END + 9_000)
    given.recognition.collect(given.utterance)
    assert [each.at_sample for each in OpenTurn("t", [given.utterance]).opinions()] == [END, END + 8_000]
