"""Labelled pauses of people who speak: what a policy for the end of a turn is measured on and fitted to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts import events as e
from infra.bench.json_list import read_list

WENT_ON_NS = 2_000_000_000
"""A person who speaks again so soon after the end of their turn, and has heard no answer, had not finished."""


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """A silence after somebody's words, and whether it was the end of their turn."""

    event_id: str
    speaker: str
    kind: str
    """Where it comes from: figures are also told for each kind."""
    is_end: bool
    after_sentence: bool
    """A pause after a whole sentence, with the turn going on: no words tell it from an end."""
    text: str
    """The words so far, as a recogniser wrote them."""
    pauses: tuple[int, ...] = ()
    """Places in the text at which the person had paused before."""
    end_probability: float | None = None
    """A language model's probability that the words end here; None while it was not asked."""
    pause_ms: float | None = None
    """How long the pause really was, if that is known."""

    @property
    def is_mid_pause(self) -> bool:
        """Whether it is a pause within a sentence."""
        return not self.is_end and not self.after_sentence


def read_events(path: Path) -> list[TurnEvent]:
    """Return the events of a file, or of `events.json` in a folder. Raises BadList."""
    file = path / "events.json" if path.is_dir() else path
    return read_list(file, "events", "an event has `id`, `spk`, `label` and `text`", _event)


def as_plain(event: TurnEvent) -> dict[str, Any]:
    """Return an event as `read_events` takes it."""
    return {
        "id": event.event_id,
        "spk": event.speaker,
        "src": event.kind,
        "label": int(event.is_end),
        "place": "" if event.is_end else "sent" if event.after_sentence else "mid",
        "text": event.text,
        "pauses": list(event.pauses),
        "end_probability": event.end_probability,
        "gap_ms": event.pause_ms,
    }


def _event(plain: dict[str, Any]) -> TurnEvent:
    place, probability, pause_ms = plain.get("place", ""), plain.get("end_probability"), plain.get("gap_ms")
    if place not in ("", "mid", "sent"):
        raise ValueError(f"`place` of {plain['id']} must be `mid` or `sent`, or empty for an end")
    probability = float(probability) if probability is not None and math.isfinite(probability) else None
    if probability is not None and not 0 <= probability <= 1:
        raise ValueError(f"`end_probability` is {probability}, which is no probability")
    return TurnEvent(
        event_id=str(plain["id"]),
        speaker=str(plain["spk"]),
        kind=str(plain.get("src", "")),
        is_end=bool(int(plain["label"])),
        after_sentence=place == "sent",
        text=str(plain["text"]),
        pauses=tuple(int(at) for at in plain.get("pauses", ())),
        end_probability=probability,
        pause_ms=float(pause_ms) if pause_ms is not None else None,
    )


def with_joints(events: Sequence[TurnEvent]) -> list[TurnEvent]:
    """Return events with the places of earlier pauses, where they are numbered pauses of one recording (`name#n`)."""
    before: dict[str, TurnEvent] = {}
    found = []
    for event in events:
        name, _, number = event.event_id.rpartition("#")
        earlier = before.get(name)
        if number.isdigit() and earlier is not None and not event.pauses and event.text.startswith(earlier.text):
            event = replace(event, pauses=(*earlier.pauses, len(earlier.text)))
        if name:
            before[name] = event
        found.append(event)
    return found


def events_of_log(facts: Iterable[e.Event]) -> list[TurnEvent]:
    """Return the silences of one session, with what became of them: the person went on, or did not.

    An end is the last silence of a turn after which the person did not speak again before they heard an answer. Every
    other silence with settled words is a pause.
    """
    facts = list(facts)
    scores = {fact.cause_id: fact.end_probability for fact in facts if isinstance(fact, e.TranscriptScored)}
    found: dict[str, list[TurnEvent]] = {}
    for fact in facts:
        if isinstance(fact, e.TranscriptRevised) and fact.settled and fact.text and fact.turn_id is not None:
            found.setdefault(fact.turn_id, []).append(
                TurnEvent(
                    event_id=fact.event_id,
                    speaker=f"{fact.session_id}/{fact.participant_id}",
                    kind="log",
                    is_end=False,
                    after_sentence=False,
                    text=fact.text,
                    pauses=fact.pauses,
                    end_probability=scores.get(fact.event_id),
                )
            )
    ended = [fact for fact in facts if isinstance(fact, e.TurnEnded) and fact.source == "speech"]
    events = []
    for turn in ended:
        silences = found.pop(turn.turn_id or "", [])
        # Words of which one was only heard better are the same silence.
        last = silences[-1] if silences else None
        events += [each for each in silences[:-1] if last is not None and each.text != last.text]
        if last is not None:
            events.append(replace(last, is_end=not _went_on(facts, turn)))
    return events


def _went_on(facts: Sequence[e.Event], turn: e.TurnEnded) -> bool:
    """Return whether the person spoke again too soon to have heard an answer to this turn; a cough is no speech."""
    if turn.evidence is None:
        return False
    ended_ns = turn.evidence.speech_ended_ns
    heard = [
        fact.heard_ns or fact.time_ns
        for fact in facts
        if isinstance(fact, e.PlaybackStarted) and (fact.heard_ns or fact.time_ns) > ended_ns
    ]
    with_words = {fact.turn_id for fact in facts if isinstance(fact, e.TranscriptRevised) and fact.text}
    begun = [
        fact.time_ns
        for fact in facts
        if isinstance(fact, e.SpeechStarted)
        and fact.participant_id == turn.participant_id
        and fact.turn_id != turn.turn_id
        and fact.turn_id in with_words
        and fact.time_ns > ended_ns
    ]
    return bool(begun) and begun[0] - ended_ns <= WENT_ON_NS and not (heard and heard[0] < begun[0])
