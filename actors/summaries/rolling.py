"""When the rolling summary of a long conversation is renewed, and what it then stands for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.events import SummaryRevised, TurnRecorded

KEPT_WHOLE = 4
"""How many of the last turns a rolling summary leaves out: the model has them as they were said."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A summary that is due, of the `old` summary and the `new` turns; it stands for `turns` from the first on."""

    old: SummaryRevised | None
    new: tuple[TurnRecorded, ...]
    turns: int

    @property
    def through_turn_id(self) -> str:
        """The last turn it stands for."""
        return turn_id_of(self.new[-1])


def turn_id_of(turn: TurnRecorded) -> str:
    """Return the turn that a record belongs to."""
    return turn.turn_id or turn.reply_id


def talked(turns: Iterable[TurnRecorded]) -> list[TurnRecorded]:
    """Return the records in which a person said something: a greeting is not a turn."""
    return [turn for turn in turns if turn.user_text.strip()]


def due(turns: Sequence[TurnRecorded], last: SummaryRevised | None, every: int) -> Renewal | None:
    """Return the renewal that is due after these turns of a session, if any.

    Its end depends only on full rounds of `every` turns, so every copy of the actor finds the same one, whatever
    it has seen since.
    """
    covered = _covered(turns, last)
    end = len(turns) // every * every - min(KEPT_WHOLE, every // 2)
    return Renewal(last, tuple(turns[covered:end]), end) if end > covered else None


def _covered(turns: Sequence[TurnRecorded], last: SummaryRevised | None) -> int:
    if last is None:
        return 0
    ids = [turn_id_of(turn) for turn in turns]
    return ids.index(last.through_turn_id) + 1 if last.through_turn_id in ids else min(last.turns, len(turns))
