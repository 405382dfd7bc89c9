"""What a call does while the log is away: keep the sound, notify the line, and afterwards append what was lost."""

import math
import time
from collections.abc import Callable

from bridge.call.microphones import Microphones
from bridge.call.playback_driver import PlaybackDriver
from contracts import events as e

REPAIRS_WAIT_S = 3
"""After an outage of the log, sound that is missing may still be on its way."""


class LogOutage:
    """One call's outages of the log: `bridge.call.log_watch` reports when they begin and end, `note` appends events."""

    def __init__(self, microphones: Microphones, driver: PlaybackDriver, note: Callable[[e.Event], None]) -> None:
        self._microphones = microphones
        self._driver = driver
        self._note = note
        self.back_s = -math.inf
        """When the log was last back, on the monotonic clock."""
        self.is_told = False
        """Whether the watch over the log has found it away."""

    @property
    def is_on(self) -> bool:
        """Whether the log is away, according to the watch or because the microphones could not publish."""
        return self.is_told or self._microphones.are_keeping

    @property
    def may_repair(self) -> bool:
        """Whether lost sound of the agent may be requested again."""
        return not self.is_told and time.monotonic() > self.back_s + REPAIRS_WAIT_S

    def begin(self) -> None:
        """Keep incoming sound, and notify the line once: the log is away."""
        self._microphones.hold()
        if not self.is_told:
            self.is_told = True
            self.tell_line()

    def tell_line(self) -> None:
        """Notify a line that was attached since."""
        self._driver.notice("log-away")

    def log_answered(self) -> None:
        """Note that the log answers: it has the sound that was published some time ago."""
        self._microphones.arrived()

    async def end(self) -> None:
        """Publish the kept sound and notify the line of what is lost: the log is back. It may be called again."""
        lost = await self._microphones.release()
        was_told, self.is_told = self.is_told, False
        self.back_s = time.monotonic()
        if was_told:
            self._driver.notice("log-back")
        self._say_lost(lost)

    def left_out(self, track_id: str, lost_ms: float) -> None:
        """Append that sound of a track was refused, because it arrived much faster than real time."""
        self._say_lost(self._microphones.leave_out(track_id, lost_ms))

    def _say_lost(self, lost: list[e.SoundLost]) -> None:
        for event in lost:
            self._note(event)
        if lost:
            self._driver.notice("sound-lost", ms=round(sum(event.lost_ms for event in lost)))
