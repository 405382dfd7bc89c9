"""A brake against loops: for a microphone that keeps repeating the agent, playback no longer pauses. Pure."""

from actors.transcript.barge_in import Reason

MOST_REPETITIONS = 2
"""After this many interruptions in a row that only repeat the agent's words, playback no longer pauses for the next."""


class Brake:
    """Counts how often in a row speech over the agent proved to be its own words.

    While `is_on`, speech over a reply is judged by its words, once it is over or takes the floor; until then no
    event is appended about it, and the reply goes on.
    """

    def __init__(self) -> None:
        self._repetitions = 0

    @property
    def is_on(self) -> bool:
        """Whether playback should go on for now, whatever is heard over it."""
        return self._repetitions >= MOST_REPETITIONS

    def dismissed(self, reason: Reason | None) -> None:
        """Note that speech over a reply was no interruption. A noise without words does not count."""
        if reason == "echo":
            self._repetitions += 1
        elif reason != "no-words":
            self._repetitions = 0

    def interrupted(self, repeats: bool) -> None:
        """Note that speech interrupted a reply, and whether its words, now that all are known, were the reply's."""
        self._repetitions = self._repetitions + 1 if repeats else 0
