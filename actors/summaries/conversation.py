"""What was said in a session, as it was heard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, TurnEnded, TurnRecorded


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said, by `user` or `agent`."""

    speaker: Literal["user", "agent"]
    text: str


def conversation(facts: Iterable[Event]) -> list[Line]:
    """Return the lines of a session in order: the user's turns, and of the agent what was heard."""
    lines = []
    for fact in facts:
        match fact:
            case TurnEnded(text=text) if text.strip():
                lines.append(Line("user", text.strip()))
            case PlaybackFinished(heard_text=text) | PlaybackInterrupted(heard_text=text) if text.strip():
                lines.append(Line("agent", text.strip()))
    return lines


def after_turn(facts: Sequence[Event], turn_id: str) -> Sequence[Event]:
    """Return the facts that follow the end of a turn's playback; all if the turn is not among them."""
    ends = [place for place, fact in enumerate(facts) if fact.turn_id == turn_id]
    return facts[ends[-1] + 1 :] if ends else facts


def lines_of(turns: Iterable[TurnRecorded]) -> list[Line]:
    """Return the lines of recorded exchanges."""
    lines = []
    for turn in turns:
        lines.append(Line("user", turn.user_text.strip()))
        lines.append(Line("agent", turn.heard_text.strip()))
    return [line for line in lines if line.text]


def transcript(lines: Sequence[Line], most_chars: int) -> str:
    """Return the conversation as text; if it is too long, its beginning and its end."""
    text = "\n".join(_shown(line) for line in lines)
    if len(text) <= most_chars:
        return text
    half = (most_chars - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def pieces(lines: Iterable[Line], most_chars: int) -> list[list[Line]]:
    """Return the lines in pieces whose transcripts are no longer than `most_chars`; a longer line is a piece."""
    found: list[list[Line]] = []
    size = 0
    for line in lines:
        length = len(_shown(line)) + 1
        if not found or size + length > most_chars:
            found.append([])
            size = 0
        found[-1].append(line)
        size += length
    return found


def _shown(line: Line) -> str:
    return f"{'User' if line.speaker == 'user' else 'Agent'}: {line.text}"
