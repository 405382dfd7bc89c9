"""Where a new owner resumes a track, from the facts that the last one appended."""

from dataclasses import dataclass

from actors.transcript.endpointing import WINDOW_SAMPLES
from actors.transcript.session_state import SessionState, SpokenUtterance
from actors.transcript.turn import OpenTurn, Utterance
from contracts import events as e

WARM_UP_SAMPLES = 32 * WINDOW_SAMPLES
"""Sound before the point of resumption (1 s) that brings the voice detector's memory back."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Sound is needed from `first_sample` on, decisions from `heard_to` on; both are multiples of 512."""

    first_sample: int
    heard_to: int


def resume_point(view: SessionState, track: e.TrackPublished) -> ResumePoint:
    """Return where to begin: at the unknown part of the open turn, else after what was processed. By samples alone."""
    turn = view.open_turn(track.track_id)
    start = turn[_known(turn)].started.start_sample if turn else view.handled.get(track.track_id, 0)
    heard_to = -(-start // WINDOW_SAMPLES) * WINDOW_SAMPLES
    return ResumePoint(max(0, heard_to - WARM_UP_SAMPLES), heard_to)


def _known(turn: list[SpokenUtterance]) -> int:
    """Return how many utterances need not be heard again; never all of an open turn, because the last may go on."""
    unknown = (place for place, u in enumerate(turn) if u.text is None and not u.over)
    return min(next(unknown, len(turn)), len(turn) - 1)


def resume_behind(sample: int) -> ResumePoint:
    """Return where to begin if what lies before `sample` must not be heard again."""
    heard_to = -(-sample // WINDOW_SAMPLES) * WINDOW_SAMPLES
    return ResumePoint(heard_to, heard_to)


def resumed_turn(view: SessionState, track: e.TrackPublished) -> OpenTurn | None:
    """Return the open turn. It is heard again from the first utterance whose words are unknown."""
    spoken = view.open_turn(track.track_id)
    if not spoken:
        return None
    known = _known(spoken)
    turn = OpenTurn(spoken[0].started.turn_id or "")
    turn.utterances += [_finished(utterance) for utterance in spoken[:known]]
    last = spoken[known]
    turn.utterances.append(begun_utterance(last))
    turn.to_come = [utterance.started for utterance in spoken[known + 1 :] if not utterance.over]
    # If its sound is lost, the interim words are better than nothing.
    before = turn.text()
    turn.last.interim, turn.last.interim_to = last.latest_text.removeprefix(before).strip(), last.started.start_sample
    return turn


def begun_utterance(spoken: SpokenUtterance) -> Utterance:
    """Return an utterance as an earlier owner had begun it, with what was decided of it, to be heard again."""
    return Utterance(
        spoken.started,
        contested_reply=spoken.started.over_reply_id,
        segment_start=spoken.started.start_sample,
        revisions=spoken.revisions,
        judged=spoken.judged,
        dismissed=spoken.dismissed,
        lost_samples=spoken.lost_samples,
    )


def _finished(spoken: SpokenUtterance) -> Utterance:
    utterance = begun_utterance(spoken)
    utterance.end = spoken.end_sample or spoken.started.start_sample
    utterance.text = spoken.text or ""
    utterance.closed = True
    return utterance
