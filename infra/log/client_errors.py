"""What the NATS client reports: dropped messages are counted and logged as a warning now and then."""

import logging
import time
from collections import Counter
from collections.abc import Callable

from nats.errors import SlowConsumerError

log = logging.getLogger(__name__)

LOG_EVERY_S = 10.0
"""A slow consumer drops thousands of messages a second: one line per this time gives their number."""

FORBIDDEN = "permissions violation"
"""How the server's answer begins to a process that publishes or subscribes what its user must not."""

SUBJECTS_TOLD = 5
"""A line names the subjects that lost most; a wildcard subscription may lose messages of any number of subjects."""

SUBJECTS_COUNTED = 1000
"""Beyond this many different subjects between two lines, messages are counted, but their subjects are not."""


class ClientErrors:
    """The `error_cb` of a NATS connection.

    The connection's other callbacks log when it is lost and when it is back; its attempts in between only matter for
    debugging. A dropped message is lost, and every other error is unexpected.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._dropped: Counter[str] = Counter()
        self._logged_at: float | None = None
        self._told: dict[str, float] = {}
        """When each other error was last logged: a refused connection is tried again four times a second."""

    async def __call__(self, error: Exception) -> None:
        """Count or log an error of the client."""
        if isinstance(error, SlowConsumerError):
            self._drop(error.subject)
        elif isinstance(error, OSError):  # a lost or refused connection, or a timeout
            log.debug("NATS: %r", error)
        else:
            self._tell(str(error).removeprefix("nats: ") or repr(error))

    def _tell(self, problem: str) -> None:
        now = self._clock()
        if now - self._told.get(problem, float("-inf")) < LOG_EVERY_S:
            return
        if len(self._told) >= SUBJECTS_COUNTED:
            self._told.clear()
        self._told[problem] = now
        # What is not allowed is never done later: a fact is missing, or somebody is where they should not be.
        level = logging.ERROR if FORBIDDEN in problem else logging.WARNING
        log.log(level, "NATS: %s", problem)

    def _drop(self, subject: str) -> None:
        known = subject in self._dropped or len(self._dropped) < SUBJECTS_COUNTED
        self._dropped[subject if known else "other subjects"] += 1
        now = self._clock()
        if self._logged_at is None or now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            log.warning("%s", dropped_line(self._dropped))
            self._dropped.clear()


def dropped_line(dropped: Counter[str]) -> str:
    """Return the log line with the number of dropped messages by subject."""
    named = ", ".join(f"{count} of {subject}" for subject, count in dropped.most_common(SUBJECTS_TOLD))
    others = len(dropped) - SUBJECTS_TOLD
    rest = f" and {others} other subjects" if others > 0 else ""
    return f"messages dropped, because they arrive faster than this process handles them: {named}{rest}"
