"""What is learned about models while they answer: shared by the sessions of one copy, and noted on the tape of each.

A model that fails in one conversation is tried after the others in all of them, so that not every caller waits for
it. So what happens in one session changes the answers of another: each reply is given, when it begins, what is known
by then, through the tape of its session, and a fact tells which models are not asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.engines.chain import FallbackChain, Rests, TimedRests
from infra.tape.tape import Packing, Plain

REST_S = 15.0
"""How long a model that failed is tried only after the others."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What one copy of the actor has learned, by the names of models."""

    in_thought: set[str] = field(default_factory=set)
    """Models that begin their answers within a thought."""
    most_tokens: dict[str, int] = field(default_factory=dict)
    """Limits of models that refused a prompt as too long: half of it."""
    rests: Rests = field(default_factory=lambda: TimedRests(REST_S))

    def about(self, names: Sequence[str]) -> "Known":
        """Return what is known about these models now, which are given in order of preference."""
        limits = {name: self.most_tokens[name] for name in names if name in self.most_tokens}
        in_thought = tuple(name for name in names if name in self.in_thought)
        return Known(tuple(self.rests.in_order(names)), in_thought, limits)


@dataclass(frozen=True, slots=True)
class Known:
    """What was known about a session's models when a reply began: `order` is that in which they are tried."""

    order: tuple[str, ...]
    in_thought: tuple[str, ...] = ()
    most_tokens: dict[str, int] = field(default_factory=dict)

    def passed_over(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return those of `names`, which are in order of preference, that come before the one that is asked first."""
        first = self.order[0] if self.order else ""
        return tuple(names[: names.index(first)]) if first in names else ()


def _packed(known: Known) -> Plain:
    return [list(known.order), list(known.in_thought), known.most_tokens]


def _unpacked(packed: Plain) -> Known:
    order, in_thought, most_tokens = packed
    return Known(tuple(order), tuple(in_thought), most_tokens)


KNOWN: Packing[Known] = Packing(_packed, _unpacked)


class ReplyModels:
    """The models of one reply, and what is known about them: at first, and from its own requests.

    What it learns is told to `learned`, whose other changes it does not see: one that fails is tried last for the
    rest of the reply.
    """

    def __init__(self, known: Known, learned: Learned, preferred: Sequence[str] = ()) -> None:
        self.names = known.order
        self.passed_over = known.passed_over(preferred)
        """The models that would be asked first if they did not rest; `preferred` is the session's order."""
        self.chain = FallbackChain(self, "went on with {}", "")
        """The writer of the reply records what is done when all have failed."""
        self._in_thought = set(known.in_thought)
        self._most_tokens = dict(known.most_tokens)
        self._failed: set[str] = set()
        self._learned = learned

    @property
    def first(self) -> str:
        """The one that is asked first; empty if there is none."""
        return self.names[0] if self.names else ""

    def begins_in_thought(self, name: str) -> bool:
        """Return whether a model begins its answers within a thought."""
        return name in self._in_thought

    def most_tokens(self, name: str) -> int | None:
        """Return the limit of a model that refused a prompt as too long."""
        return self._most_tokens.get(name)

    def learn_thought(self, name: str) -> None:
        """Note that a model begins its answers within a thought."""
        self._in_thought.add(name)
        self._learned.in_thought.add(name)

    def learn_limit(self, name: str, most_tokens: int) -> None:
        """Note the limit of a model that refused a prompt as too long."""
        self._most_tokens[name] = self._learned.most_tokens[name] = most_tokens

    def in_order(self, names: Sequence[str]) -> list[str]:
        """See Rests."""
        return sorted(names, key=lambda name: name in self._failed)

    def rest(self, name: str) -> None:
        """See Rests."""
        self._failed.add(name)
        self._learned.rests.rest(name)

    def recover(self, name: str) -> None:
        """See Rests."""
        self._failed.discard(name)
        self._learned.rests.recover(name)
