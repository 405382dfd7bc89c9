"""The cases of tests/data/heard_words.json: what Python and the page must agree on."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.session.heard_words import SaidClause

_FILE = Path(__file__).parent / "data" / "heard_words.json"


@dataclass(frozen=True)
class Case:
    name: str
    raw_clauses: list[dict[str, Any]]
    """As the page takes them."""
    words: list[list[tuple[str, float, float]]]
    """By clause: each word with its first and its end sample."""
    heard: dict[int, str]
    """Played samples to the heard text."""

    @property
    def clauses(self) -> list[SaidClause]:
        return clauses_of(self.raw_clauses)


def clauses_of(raw: list[dict[str, Any]]) -> list[SaidClause]:
    return [
        SaidClause(index, each["text"], each["sent"], each["total"], tuple(each["wordEnds"]))
        for index, each in enumerate(raw)
    ]


def placed_words(raw: list[list[list[Any]]]) -> list[list[tuple[str, float, float]]]:
    """Return words as JSON has them, where `null` stands for infinity."""
    return [
        [(text, *(math.inf if edge is None else float(edge) for edge in edges)) for text, *edges in words]
        for words in raw
    ]


CASES = [
    Case(
        each["name"],
        each["clauses"],
        placed_words(each["words"]),
        {int(played): text for played, text in each["heard"].items()},
    )
    for each in json.loads(_FILE.read_text(encoding="utf-8"))
]
