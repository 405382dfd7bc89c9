"""Whether the agent may begin with an opener that it can take back, while a turn may be over: pure."""

from dataclasses import dataclass

from actors.transcript.patience import Required
from infra.session.addressing import words_of

AHEAD_MS = 250
"""With less silence still to be waited for than an opener sounds, it would only make the answer come later."""


@dataclass(frozen=True, slots=True)
class OpenerRule:
    """What the opener is, empty for none, and after which silence it may be said.

    It is said only where the score is between those that decide by themselves. Lower ones would give twice as many
    openers, and more than twice as many in pauses (docs/latency-measured.md).
    """

    text: str
    silence_ms: float

    def is_due(self, required: Required, silence_ms: float, drafted: str) -> bool:
        """Return whether it is to be said now; `drafted` is the beginning of the answer, as far as it is written."""
        if not self.text or required.reason != "between" or begins_with(drafted, self.text):
            return False
        return self.silence_ms <= silence_ms <= required.silence_ms - AHEAD_MS


def begins_with(drafted: str, opener: str) -> bool:
    """Return whether an answer begins with the opener's first word: "Well, well, that depends" is said by nobody."""
    first, of_opener = words_of(drafted)[:1], words_of(opener)[:1]
    return bool(of_opener) and first == of_opener
