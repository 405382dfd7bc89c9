"""Where a new owner takes a track up again, from the facts that the last one said."""

from dataclasses import dataclass

from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES
from actors.transcript.fold import SessionView, SpokenUtterance
from actors.transcript.turn import Turn, Utterance
from contracts import events as e

WARM_UP_SAMPLES = 32 * WINDOW_SAMPLES
"""Sound before the point of resumption (1 s) that brings the voice detector's memory back."""

MARGIN_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Sound is needed from `first_sample` on, decisions from `heard_to` on; both are multiples of 512."""

    first_sample: int
    heard_to: int
    since_ns: int
    """No frame of it can have come before this."""


def resume_point(view: SessionView, track: e.TrackPublished) -> ResumePoint:
    """Return where to begin: at the utterance that is open, else behind what was dealt with."""
    turn = view.open_turn(track.track_id)
    if turn:
        start = turn[-1].started.start_sample
        said_ns = turn[-1].started.time_ns
    else:
        start = view.handled_sample(track.track_id)
        said_ns = track.time_ns + 1_000_000 * start // SAMPLES_PER_MS
    heard_to = -(-start // WINDOW_SAMPLES) * WINDOW_SAMPLES
    first_sample = max(0, heard_to - WARM_UP_SAMPLES)
    received_ns = track.time_ns + 1_000_000 * first_sample // SAMPLES_PER_MS
    since_ns = min(received_ns, said_ns, _last_said_ns(view, track)) - MARGIN_NS
    return ResumePoint(first_sample, heard_to, max(track.time_ns - MARGIN_NS, since_ns))


def _last_said_ns(view: SessionView, track: e.TrackPublished) -> int:
    """Return when the last utterance began: sound sent faster than real time came earlier than its position says."""
    own = [u.started.time_ns for u in view.utterances.values() if u.started.track_id == track.track_id]
    return max(own, default=track.time_ns)


def resumed_turn(view: SessionView, track: e.TrackPublished) -> Turn | None:
    """Return the turn that is open. Its last utterance is heard again; the words of earlier ones are known."""
    spoken = view.open_turn(track.track_id)
    if not spoken:
        return None
    turn = Turn(spoken[0].started.turn_id or "")
    for utterance in spoken[:-1]:
        turn.utterances.append(_finished(utterance))
    last = spoken[-1]
    turn.utterances.append(_begun(last))
    # If its sound is lost, what it sounded like is better than nothing.
    known = turn.text()
    turn.last.interim, turn.last.interim_to = last.latest_text.removeprefix(known).strip(), last.started.start_sample
    return turn


def _begun(spoken: SpokenUtterance) -> Utterance:
    return Utterance(
        spoken.started,
        contested_reply=spoken.started.over_reply_id,
        segment_start=spoken.started.start_sample,
        revisions=spoken.revisions,
        judged=spoken.judged,
        dismissed=spoken.dismissed,
    )


def _finished(spoken: SpokenUtterance) -> Utterance:
    utterance = _begun(spoken)
    utterance.end = spoken.end_sample or spoken.started.start_sample
    utterance.text = spoken.text or ""
    utterance.closed = True
    return utterance
