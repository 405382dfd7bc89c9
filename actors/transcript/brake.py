"""A brake against loops: for a microphone that keeps repeating the agent, playback no longer pauses. Pure."""

from actors.transcript.barge_in import Reason

MOST_REPETITIONS = 2
"""When so many interruptions in a row only repeat what is being said, playback no longer pauses for the next."""


class Brake:
    """Counts how often in a row speech over the agent proved to be its own words.

    While `is_on`, what is said over a reply is decided by its words, once it is over or takes the floor; until then
    nobody is told of it, and the reply goes on.
    """

    def __init__(self) -> None:
        self._repetitions = 0

    @property
    def is_on(self) -> bool:
        """Whether playback should go on for now, whatever is heard over it."""
        return self._repetitions >= MOST_REPETITIONS

    def dismissed(self, reason: Reason | None) -> None:
        """Take that speech over a reply was no interruption. A noise without words tells nothing."""
        if reason == "echo":
            self._repetitions += 1
        elif reason != "no-words":
            self._repetitions = 0

    def interrupted(self, repeats: bool) -> None:
        """Take that speech has interrupted a reply, and whether its words, now that all are known, were the reply's."""
        self._repetitions = self._repetitions + 1 if repeats else 0
