"""The decisions about one track: what is speech, what was said, whether it interrupts, when the turn is over."""

import asyncio
import time

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.endpointing import (
    SAMPLES_PER_MS,
    VANISHED_MS,
    WINDOW_SAMPLES,
    Change,
    Tuning,
    VadState,
    hear,
    is_sure,
    silence_ms,
)
from actors.transcript.engines import SpeechEngines
from actors.transcript.event_writer import EventWriter
from actors.transcript.interruptions import Interruptions
from actors.transcript.live_sound import LiveSound
from actors.transcript.resume import begun_utterance, resumed_turn
from actors.transcript.session_state import SessionState
from actors.transcript.sound import TrackSound
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_events import TrackEvents
from actors.transcript.track_openers import TrackOpeners
from actors.transcript.track_recognition import TrackRecognition
from actors.transcript.troubles import Troubles
from actors.transcript.turn import OpenTurn, Utterance
from actors.transcript.turn_silence import Silence, TurnSilence
from actors.transcript.turn_writer import TurnWriter
from contracts import events as e
from infra.log.taped_log import EventLog
from infra.session.behaviour import in_session

BATCH_WINDOWS = 16
BEHIND_SAMPLES = 8000
"""With more than 0.5 s waiting, the owner catches up: it waits for engines as if they took no time."""

SECOND_OPINION_SAMPLES = 7 * WINDOW_SAMPLES
"""Silence (224 ms) after which the end-of-turn model runs again: it is less sure right after the words than later."""

TICK_S = 0.25
SHORTEST_WAIT_S = 0.004


class TrackListener:
    """Makes the decisions about one track while it is owned: facts and sound come in, facts go out."""

    def __init__(
        self,
        event_log: EventLog,
        taped: TapedSound,
        ears: SpeechEngines,
        track: e.TrackPublished,
        view: SessionState,
        live: LiveSound,
        playback: HeardPlayback,
        woken: asyncio.Event,
    ) -> None:
        self._track = track
        self._view = view
        self._live = live
        settings = in_session(ears.settings, view.profile)
        self._tuning = Tuning.with_threshold(settings.vad_threshold)
        self._writer = EventWriter(event_log, taped, track.session_id, track.track_id, view)
        self._facts = TrackEvents(track)
        self._vad = ears.vad.track()
        self._hearing = VadState()
        self._sound = TrackSound(0)
        self._taped = taped
        self._playback = playback
        self._echo = EchoCanceller(playback)
        self._recognising = TrackRecognition(ears, settings, track.session_id, woken, self._taped)
        self._turn: OpenTurn | None = None
        self._heard_to = 0
        self._interruptions = Interruptions(view, settings, playback, self._echo, self._writer, self._facts)
        self._policy = TurnSilence(settings, view, track.participant_id)
        self._said = TurnWriter(self._policy, self._writer, self._facts)
        self._openers = TrackOpeners(view, self._policy, self._echo, self._writer, self._facts)
        self._troubles = Troubles(ears, self._recognising, self._vad, self._writer, self._facts)

    @property
    def over(self) -> bool:
        """Whether the track or its session has ended."""
        return self._view.closed or self._track.track_id in self._view.unpublished

    def resume(self, first_sample: int, heard_to: int) -> None:
        """Start at `first_sample` (a multiple of 512); what lies before `heard_to` was decided already."""
        self._sound = TrackSound(first_sample)
        self._heard_to = heard_to
        self._turn = resumed_turn(self._view, self._track)
        self._recognising.speaks_otherwise = self._track.participant_id in self._view.otherwise
        if self._turn is not None:
            start = self._turn.last.start
            self._hearing = VadState(speaking=True, start=start, voiced_end=max(start, heard_to) + WINDOW_SAMPLES)

    @property
    def sound_end(self) -> int:
        """How far the track's sound is known, samples."""
        return self._sound.end

    async def say_restarted(self, problem: str) -> None:
        """Append that another owner ended before the track did. Open speech that is skipped is lost."""
        await self._writer.append(self._facts.hearing_restarted(problem))
        turn = self._turn
        if turn is not None and self._sound.end > turn.last.segment_start:
            lost = self._facts.speech_lost(turn.last.started, turn.last.segment_start, self._sound.end, "restart")
            turn.last.lost_samples += self._sound.end - turn.last.segment_start
            turn.last.segment_start = self._sound.end
            await self._writer.append(lost)

    async def aclose(self) -> None:
        """Stop what still runs."""
        await self._recognising.aclose()

    # -- sound

    async def step(self) -> None:
        """Process the frames that came, and append what follows from them."""
        frames = self._live.frames()
        self._taped.frames(frames)
        for frame in frames:
            self._playback.hear(frame, time.monotonic_ns())
            if not self._sound.add(frame):
                self._live.count_broken(f"position {frame.first_sample} is far from the track's end {self._sound.end}")
        self._recognising.guesses.follow(self._sound)
        while self._sound.end - self._sound.handled >= WINDOW_SAMPLES:
            await self._hear(BATCH_WINDOWS)
        if self._live.since_frame_ms() >= VANISHED_MS:
            await self._hush()
        if self._turn is not None and self._turn.last.end is not None:
            self._taped.flush()  # in a pause the time decides: the delivery has it
        await self._consider()
        # While nobody speaks, only a whole window means something: 31 a second, of 50 frames.
        self._live.needed_to = self._sound.handled + WINDOW_SAMPLES if self._turn is None else 0

    async def _hear(self, max_windows: int) -> None:
        may_echo = self._echo.hears_playback(self._sound.handled)
        first, samples = self._sound.take(1 if may_echo else max_windows)
        if may_echo:
            samples = self._echo.clean(first, samples)
            self._sound.put(first, samples)
            await self._say_echo(first)
        else:
            self._echo.overhear(samples)
        for place, probability in enumerate(await self._vad.probabilities(samples)):
            at = first + place * WINDOW_SAMPLES
            if at < self._heard_to:
                continue  # warms the model's memory up
            if may_echo:
                probability = self._echo.judged(at, probability, self._hearing.speaking)
            probability = self._taped.window(probability)
            self._hearing, change = hear(self._hearing, at, probability, self._tuning)
            self._heard_to = at + WINDOW_SAMPLES
            if change is not None:
                await self._changed(change)
            await self._consider()

    async def _say_echo(self, at: int) -> None:
        reply = self._view.floor_reply()
        if reply is not None and self._echo.is_sure:
            await self._writer.append(self._facts.echo_heard(at, reply.reply_id))

    async def _hush(self) -> None:
        """Treat missing frames as silence: the caller vanished in the middle of a word."""
        if not self._hearing.speaking:
            return
        if not self._hearing.paused:
            await self._changed(Change.PAUSED)
        await self._changed(Change.CLOSED)
        self._hearing = VadState(voiced_end=self._hearing.voiced_end)

    async def _changed(self, change: Change) -> None:
        turn = self._turn
        if change is Change.BEGAN:
            await self._begin_utterance()
        elif turn is None:
            return
        elif change is Change.PAUSED:
            turn.last.end = self._hearing.voiced_end
            self._recognising.settle(self._sound, turn.last, self._heard_to)
            if self._policy.patience is None:
                self._recognising.ask_whether_over(self._sound, turn.last, self._heard_to)
            if self._behind():
                await self._recognising.finish(turn)
        elif change is Change.RESUMED:
            await self._openers.take_back(turn.turn_id, self._sound.received_ns(self._heard_to - WINDOW_SAMPLES))
            if turn.last.end is not None:
                self._policy.went_on((self._heard_to - WINDOW_SAMPLES - turn.last.end) / SAMPLES_PER_MS)
            self._recognising.resumed(turn.last, self._heard_to)
            turn.last.resumed()
        elif change is Change.CLOSED:
            if turn.last.end is None:  # its sound broke off: there was no pause before
                await self._changed(Change.PAUSED)
            self._recognising.close(self._sound, turn.last, self._heard_to)
            turn.last.closed = True

    async def _begin_utterance(self) -> None:
        if self._turn is None:
            self._turn = OpenTurn(self._facts.turn_id(self._hearing.start))
            self._recognising.begin_turn()
        else:
            await self._openers.take_back(self._turn.turn_id, self._sound.received_ns(self._hearing.start))
        if self._turn.utterances and self._turn.last.end is not None:
            self._policy.went_on((self._hearing.start - self._turn.last.end) / SAMPLES_PER_MS)
        utterance = self._heard_again(self._turn) or self._new_utterance(self._turn)
        self._turn.utterances.append(utterance)
        self._turn.to_come = [each for each in self._turn.to_come if each.event_id != utterance.started.event_id]
        if not utterance.silent:
            await self._writer.append(utterance.started)

    def _heard_again(self, turn: OpenTurn) -> Utterance | None:
        """Return the utterance that begins, if an earlier owner has begun it: that one knew over which reply."""
        utterance_id = self._facts.utterance_id(self._hearing.start)
        if all(each.utterance_id != utterance_id for each in turn.to_come):
            return None
        return begun_utterance(self._view.utterances[utterance_id])

    def _new_utterance(self, turn: OpenTurn) -> Utterance:
        floor = self._view.floor_reply()
        over_reply_id = floor.reply_id if floor is not None else None
        started = self._facts.speech_started(self._hearing.start, turn.turn_id, over_reply_id)
        silent = floor is not None and self._interruptions.are_braked
        return Utterance(started, over_reply_id, segment_start=started.start_sample, silent=silent)

    def _behind(self) -> bool:
        return self._sound.end - self._heard_to > BEHIND_SAMPLES

    # -- decisions

    async def _consider(self) -> None:
        """Append everything that is known by now and has not been appended."""
        turn = self._turn
        turn_id = turn.turn_id if turn is not None else None
        await self._troubles.say_failures(turn_id)
        await self._troubles.say_if_behind(turn_id)
        if turn is not None and turn.turn_id in self._view.ended_turns:
            # An owner that seemed dead has ended the turn meanwhile: its answer must not count as another turn's.
            self._turn = turn = None
            self._hearing = VadState(voiced_end=self._hearing.voiced_end)
        if turn is None:
            return
        self._recognising.streams.listen(self._sound, turn.last, self._heard_to)
        if self._recognising.settle(self._sound, turn.last, self._heard_to) and self._behind():
            await self._recognising.finish(turn)
        self._recognising.cut_if_long(self._sound, turn.last, self._heard_to)
        for utterance in turn.utterances:
            self._recognising.collect(utterance)
        await self._troubles.say_losses()
        if not self._behind() and not self._hearing.paused and self._hearing.voiced_end >= self._heard_to:
            self._guess(turn.last)
        await self._ask_again(turn)
        await self._interruptions.judge(turn, self._hearing.voiced_end)
        await self._said.say_revision(turn, self._sound)
        await self._said.say_utterances(turn, self._sound)
        await self._end_turn(turn)
        if self._turn is turn:
            await self._consider_opener(turn)

    def _guess(self, utterance: Utterance) -> None:
        guesses = self._recognising.guesses
        # Sound after the last window may still hold an echo.
        if guesses.is_due_at_fall(utterance) and not self._echo.hears_playback(self._sound.handled):
            guesses.at_fall(self._sound, utterance)
        guesses.revise(self._sound, utterance, self._heard_to)

    async def _ask_again(self, turn: OpenTurn) -> None:
        last = turn.last
        if self._policy.patience is not None:
            return
        if last.end is None or last.asked > 1 or self._heard_to - last.end < SECOND_OPINION_SAMPLES:
            return
        if is_sure(last.probability):
            return
        self._recognising.ask_whether_over(self._sound, last, self._heard_to)
        if self._behind():
            await self._recognising.finish(turn)

    def _silence(self, turn: OpenTurn) -> Silence:
        assert turn.last.end is not None
        required = self._policy.required_ms(turn)
        # Less than a window may have come that was not processed yet.
        heard_to = max(self._heard_to, min(self._sound.end, self._heard_to + WINDOW_SAMPLES))
        return Silence(silence_ms(heard_to, turn.last.end, self._live.since_frame_ms()), required)

    def _is_silent(self, turn: OpenTurn) -> bool:
        """Return whether nobody speaks and the words of all that was said are known."""
        return turn.last.end is not None and turn.words_known() and not (self._hearing.voiced or self._has_more(turn))

    async def _end_turn(self, turn: OpenTurn) -> None:
        if not self._is_silent(turn):
            return
        if not turn.text() and not turn.lost_samples():
            if turn.last.closed:
                await self._end_without_words(turn)
            return
        silence = self._silence(turn)
        if silence.ms >= silence.required_ms and not turn.last.is_contested:
            await self._say_turn_ended(turn, silence)

    async def _consider_opener(self, turn: OpenTurn) -> None:
        if self._is_silent(turn) and turn.text() and not turn.last.is_contested and not self._behind():
            assert turn.last.end is not None
            ended_ns = self._sound.received_ns(turn.last.end - 1)
            await self._openers.consider(turn, self._silence(turn), ended_ns)

    def _has_more(self, turn: OpenTurn) -> bool:
        """Return whether an earlier owner has heard more of the turn than this one so far."""
        is_ahead = any(started.start_sample >= self._heard_to for started in turn.to_come)
        return is_ahead and self._live.since_frame_ms() < VANISHED_MS

    async def _end_without_words(self, turn: OpenTurn) -> None:
        await self._said.say_wordless(turn)
        self._turn = None

    async def _say_turn_ended(self, turn: OpenTurn, silence: Silence) -> None:
        turn.last.closed = True
        await self._said.say_utterances(turn, self._sound)
        if self._hearing.speaking:
            self._hearing = VadState(voiced_end=self._hearing.voiced_end)
        self._interruptions.count(turn, self._hearing.voiced_end)
        await self._said.say_ended(turn, silence, self._sound)
        self._turn = None

    def patience_s(self) -> float:
        """Return how long to wait for sound, results or facts before the passing of time changes something."""
        turn = self._turn
        if turn is None or turn.last.end is None or not turn.words_known() or not (turn.text() or turn.lost_samples()):
            return TICK_S
        silence = self._silence(turn)
        return min(TICK_S, max(SHORTEST_WAIT_S, (silence.required_ms - silence.ms) / 1000))

    # -- the end

    async def finish(self) -> None:
        """Append what is pending: the turn ends at once if it has words (unless the session has closed)."""
        frames = self._live.frames()
        self._taped.frames(frames)
        for frame in frames:
            self._sound.add(frame)
        while self._sound.end - self._sound.handled >= WINDOW_SAMPLES:
            await self._hear(BATCH_WINDOWS)
        await self._hush()
        turn = self._turn
        if turn is None or self._view.closed:
            return
        await self._recognising.finish(turn)
        await self._consider()
        if self._turn is not turn:
            return
        if (turn.text() or turn.lost_samples()) and turn.last.end is not None:
            await self._say_turn_ended(turn, self._silence(turn))
        else:
            await self._end_without_words(turn)
