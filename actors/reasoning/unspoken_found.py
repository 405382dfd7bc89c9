"""What may be found at a place in a model's text that must not be said."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Nothing(Enum):
    """What a place in a text may be besides a mark."""

    NO = "plain text"
    WAIT = "more has to come"


NO, WAIT = Nothing.NO, Nothing.WAIT


@dataclass(frozen=True, slots=True)
class Block:
    """What follows must not be said, up to its end.

    `kind` determines what ends it; `name` is the tag's. A block that `is_assumed` has no beginning in the text.
    `depth` counts thoughts within a thought. What `is_doubtful` is for the caller after all if it never ends: it
    follows the end of an inner thought, or a tag that may only have been mentioned.
    """

    kind: Literal["thought", "tag", "mark", "json", "tokens", "header", "channel", "role"]
    name: str = ""
    is_assumed: bool = False
    depth: int = 0
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Only the mark must not be said."""

    ends_thought: bool = False
    begins_line: bool = False


@dataclass(frozen=True, slots=True)
class MadeUpTurn:
    """From here on the model speaks for somebody else."""


Found = Block | Drop | MadeUpTurn


@dataclass(frozen=True, slots=True)
class Mark:
    """What is at a place: a mark, of so many characters, or nothing."""

    found: Found | Nothing
    consumed: int = 0


@dataclass(frozen=True, slots=True)
class BlockEnd:
    """How many characters of a block can be dropped, and its end, if it has come."""

    consumed: int
    found: Found | None = None
