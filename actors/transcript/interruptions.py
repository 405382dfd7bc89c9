"""Decides whether speech over a reply of the agent interrupts it."""

import math

from actors.transcript import barge_in
from actors.transcript.brake import Brake
from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.endpointing import SAMPLES_PER_MS
from actors.transcript.event_writer import EventWriter
from actors.transcript.session_state import AudibleReply, SessionState
from actors.transcript.track_events import TrackEvents
from actors.transcript.turn import OpenTurn, Utterance
from infra.settings import Settings

ANSWERED_MS = 2000
"""Speech this shortly before the end of a question may be its answer."""


class Interruptions:
    """Judges the utterances of one track against the reply that they are spoken over, and appends its decisions.

    `voiced_end` is where the last sound that was heard ends, in samples of the track.
    """

    def __init__(
        self,
        view: SessionState,
        settings: Settings,
        playback: HeardPlayback,
        echo: EchoCanceller,
        writer: EventWriter,
        facts: TrackEvents,
    ) -> None:
        self._view = view
        self._settings = settings
        self._playback = playback
        self._echo = echo
        self._writer = writer
        self._facts = facts
        self._brake = Brake()

    @property
    def are_braked(self) -> bool:
        """Whether the agent has heard itself so often that speech over it only counts once its words are known."""
        return self._brake.is_on

    async def judge(self, turn: OpenTurn, voiced_end: int) -> None:
        """Decide whether speech over a reply interrupts it, for each utterance, even if another has begun since."""
        for utterance in turn.utterances:
            contested = utterance.contested_reply
            reply = self._view.replies.get(contested) if contested is not None else None
            if reply is None and utterance is turn.last:
                reply = self._view.floor_reply()
            if not utterance.judged and reply is not None:
                await self._judge_over(utterance, reply, voiced_end)

    async def _judge_over(self, utterance: Utterance, reply: AudibleReply, voiced_end: int) -> None:
        utterance.contested_reply = reply.reply_id
        text = utterance.text if utterance.text is not None else utterance.interim
        over = utterance.closed and utterance.text is not None
        end = utterance.end or voiced_end
        speech_ms = (end - utterance.start) / SAMPLES_PER_MS
        company = self._view.company_of(utterance.started.participant_id)
        floor = self._floor_of(reply, utterance.start, end)
        least_ms = math.inf if utterance.silent else self._settings.barge_in_min_speech_ms
        verdict = barge_in.judge(text, speech_ms, over, floor, least_ms, company)
        if verdict is None:
            return
        utterance.judged = True
        utterance.interrupts = verdict.interrupts
        if not verdict.interrupts:
            self._brake.dismissed(verdict.reason)
        if verdict.reason is None:
            await self._break_silence(utterance)
            await self._writer.append_expected(
                self._facts.turn_interrupted(utterance.started, reply.reply_id, speech_ms, text)
            )
            return
        # Speech among people is still a turn: the agent overhears it.
        utterance.dismissed = verdict.reason != "unaddressed"
        if not utterance.dismissed:
            await self._break_silence(utterance)
        await self._writer.append(
            self._facts.interruption_dismissed(utterance.started, reply.reply_id, verdict.reason, speech_ms, text)
        )

    def count(self, turn: OpenTurn, voiced_end: int) -> None:
        """Check whether an interruption was the reply's own words: they are known better at its end."""
        for utterance in turn.utterances:
            reply = self._view.replies.get(utterance.contested_reply or "")
            if utterance.interrupts and reply is not None:
                floor = self._floor_of(reply, utterance.start, utterance.end or voiced_end)
                self._brake.interrupted(barge_in.is_echo(utterance.text or "", floor))

    async def _break_silence(self, utterance: Utterance) -> None:
        """Append the beginning of an utterance that seemed to repeat the agent's words."""
        if utterance.silent:
            utterance.silent = False
            await self._writer.append(utterance.started)

    def _floor_of(self, reply: AudibleReply, start: int, end: int) -> barge_in.Overlap:
        text = " ".join(reply.clauses)
        asks = False
        if reply.complete and barge_in.is_question(text):
            rest_ms = self._playback.rest_ms(reply.reply_id, len(reply.clauses), start)
            asks = rest_ms is not None and rest_ms <= ANSWERED_MS
        return barge_in.Overlap(text, asks, self._echo.explains(start, end), self._echo.is_free(start, end))
