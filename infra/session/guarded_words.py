"""What models may read of people's words, where a guard of the agent keeps some away."""

from collections.abc import Iterable

from contracts.events import TurnGuarded
from infra.session.same_words import normalised


def told(text: str, decided: Iterable[TurnGuarded]) -> str:
    """Return words of a turn as a model may read them: empty if the guard keeps them away.

    `decided` is what the guard has decided about words of that turn.
    """
    found = next((each for each in decided if normalised(each.text) == normalised(text)), None)
    if found is None or found.decision == "passed":
        return text
    return found.replacement if found.decision == "replaced" else ""
