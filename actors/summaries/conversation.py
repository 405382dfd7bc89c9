"""What was said in a session, as it was heard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from contracts.events import (
    Event,
    PlaybackFinished,
    PlaybackInterrupted,
    TurnEnded,
    TurnGuarded,
    TurnPassed,
    TurnRecorded,
)
from infra.session.guarded_words import told
from infra.session.people import People, name_of, several

_LINES = (TurnEnded, PlaybackFinished, PlaybackInterrupted)


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """One thing that was said, by `user` or `agent`."""

    speaker: Literal["user", "agent"]
    text: str
    name: str = ""
    """The speaker's name, where several people speak."""


def conversation(facts: Iterable[Event], people: People = MappingProxyType({})) -> list[SpokenLine]:
    """Return the lines of a session in order: people's turns, and what was heard of the agent.

    Speech that two microphones heard appears once; what a guard keeps from models is left out or replaced.
    """
    known = list(facts)
    guarded = [fact for fact in known if isinstance(fact, TurnGuarded)]
    twice = {fact.turn_id for fact in known if isinstance(fact, TurnPassed) and fact.reason == "heard-twice"}
    lines = []
    for fact in known:
        match fact:
            case TurnEnded() if fact.turn_id is None or fact.turn_id not in twice:
                name = name_of(people, fact.participant_id) if several(people) else ""
                text = told(fact.text, (each for each in guarded if each.turn_id == fact.turn_id)).strip()
                lines += [SpokenLine("user", text, name)] if text else []
            case PlaybackFinished(heard_text=text) | PlaybackInterrupted(heard_text=text) if text.strip():
                lines.append(SpokenLine("agent", text.strip()))
    return lines


def after_turn(facts: Sequence[Event], turn_id: str) -> Sequence[Event]:
    """Return the facts after the last line of a turn; all if the turn is not among them.

    Others of its facts may be later than the next turn's words: its record, and that of an answer never heard.
    """
    ends = [place for place, fact in enumerate(facts) if fact.turn_id == turn_id and isinstance(fact, _LINES)]
    return facts[ends[-1] + 1 :] if ends else facts


def lines_of(turns: Iterable[TurnRecorded]) -> list[SpokenLine]:
    """Return the lines of recorded exchanges, with names if they are of several people."""
    known = list(turns)
    by_name = len({turn.participant_id for turn in known if turn.participant_id}) > 1
    lines = []
    for turn in known:
        name = (turn.speaker or turn.participant_id or "") if by_name else ""
        lines.append(SpokenLine("user", turn.user_text.strip(), name))
        lines.append(SpokenLine("agent", turn.heard_text.strip()))
    return [line for line in lines if line.text]


def transcript(lines: Sequence[SpokenLine], most_chars: int) -> str:
    """Return the conversation as text; if it is too long, its beginning and its end."""
    text = "\n".join(_shown(line) for line in lines)
    if len(text) <= most_chars:
        return text
    half = (most_chars - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def pieces(lines: Iterable[SpokenLine], most_chars: int) -> list[list[SpokenLine]]:
    """Return the lines in pieces whose transcripts are no longer than `most_chars`; a longer line is a piece."""
    found: list[list[SpokenLine]] = []
    size = 0
    for line in lines:
        length = len(_shown(line)) + 1
        if not found or size + length > most_chars:
            found.append([])
            size = 0
        found[-1].append(line)
        size += length
    return found


def _shown(line: SpokenLine) -> str:
    return f"{'Agent' if line.speaker == 'agent' else line.name or 'User'}: {line.text}"
