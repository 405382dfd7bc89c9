"""Appends what is known of one track's open turn: its words so far, its utterances, and its end."""

from actors.transcript.endpointing import SAMPLES_PER_MS
from actors.transcript.event_writer import EventWriter
from actors.transcript.sound import TrackSound
from actors.transcript.track_events import TrackEvents
from actors.transcript.turn import OpenTurn
from actors.transcript.turn_silence import Silence, TurnSilence
from contracts import events as e
from infra.log.event_log import now_ns


class TurnWriter:
    """Appends each thing once, whenever it is asked to; `sound` says when what was said came in."""

    def __init__(self, policy: TurnSilence, writer: EventWriter, facts: TrackEvents) -> None:
        self._policy = policy
        self._writer = writer
        self._facts = facts

    async def say_revision(self, turn: OpenTurn, sound: TrackSound) -> None:
        """Append the words so far, if they have changed or are settled now."""
        utterance = turn.last
        text = turn.text(interim=True)
        settled = turn.words_settled() and not utterance.is_contested
        if not text or utterance.silent or utterance.dismissed or (text, settled) == utterance.revised:
            return
        ended_ns = sound.received_ns((utterance.end or 1) - 1) if settled else None
        number, utterance.revisions = utterance.revisions, utterance.revisions + 1
        utterance.revised = (text, settled)
        revised = self._facts.revised(
            utterance.started, number, text, settled, ended_ns, utterance.given, turn.pauses()
        )
        utterance.revised_id = revised.event_id
        await self._writer.append(revised)

    async def say_utterances(self, turn: OpenTurn, sound: TrackSound) -> None:
        """Append which utterances have ended, with their words, and which hold none."""
        for utterance in turn.utterances:
            if not utterance.closed or utterance.end is None or utterance.silent:
                continue
            ended_ns = sound.received_ns(utterance.end - 1)
            await self._writer.append(self._facts.speech_ended(utterance.started, utterance.end, ended_ns))
            if utterance.text is not None:
                await self._writer.append(
                    self._facts.transcribed(
                        utterance.started, utterance.end, utterance.text, utterance.recognition, utterance.given
                    )
                )
        for utterance in turn.wordless():
            if utterance.end is not None and not utterance.silent:
                await self._writer.append(
                    self._facts.utterance_dismissed(utterance.started, utterance.end, utterance.implausible)
                )

    async def say_ended(self, turn: OpenTurn, silence: Silence, sound: TrackSound) -> None:
        """Append that the turn is over after this silence. Raises StaleWriter if another owner has gone on with it."""
        last = turn.last
        assert last.end is not None
        evidence = e.TurnEvidence(
            silence_ms=silence.ms,
            end_of_turn_probability=last.probability,
            required_silence_ms=silence.required_ms,
            speech_ended_ns=sound.received_ns(last.end - 1),
            text_ready_ns=last.recognised_ns or now_ns(),
            opinions=turn.opinions(),
            **self._policy.evidence(turn),
        )
        await self._writer.append_expected(
            self._facts.turn_ended(
                turn.utterances[0].started,
                [*(u.started for u in turn.counted()), *turn.to_come],
                turn.text(),
                evidence,
                turn.lost_samples() / SAMPLES_PER_MS,
            )
        )

    async def say_wordless(self, turn: OpenTurn) -> None:
        """Append that what an earlier owner heard begin holds no words either: there was no turn."""
        for started in turn.to_come:
            await self._writer.append(self._facts.utterance_dismissed(started, started.start_sample, None))
