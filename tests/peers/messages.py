"""What the benchmark and a peer's program say to each other: JSON lines on its standard input and output. Pure.

Peers have environments of their own, so this and `caller_side` import the standard library and numpy alone.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Setup:
    """How to work, the first line. `messages` are the prompt and the examples before the caller's words."""

    llm_url: str
    messages: list[dict[str, str]]
    options: dict[str, Any]
    """Of the language model, as `infra.engines.llm.options_of` has them."""
    tuned: bool
    """Settings for a short gap in place of the framework's own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call to place: 16 kHz mono samples (int16) in a file. Speech ends `end_s` after the first of them."""

    pcm: str
    end_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call. `onsets_s`: when each reply's first audible sample was heard, from the WAV's first on."""

    onsets_s: list[float] = field(default_factory=list)
    heard: str = ""
    problem: str = ""


def line_of(message: Setup | Asked | Answered) -> str:
    """Return a message as one line."""
    return json.dumps(asdict(message)) + "\n"


def setup_in(line: str) -> Setup:
    """Return the setup in a line."""
    return Setup(**json.loads(line))


def asked_in(line: str) -> Asked:
    """Return the call in a line."""
    return Asked(**json.loads(line))


def answered_in(line: str) -> Answered:
    """Return the result in a line."""
    return Answered(**json.loads(line))
