"""How long a call waits for people to come back."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from infra.process.tasks import CancelledElsewhere, own_cancellation_only

STEP_S = 0.05


class Grace:
    """Calls `on_over` with the reason when nobody has returned in time.

    Time in which `is_log_away()` holds does not count: nobody can come back then.
    """

    def __init__(self, session_id: str, is_log_away: Callable[[], bool], on_over: Callable[[str], None]) -> None:
        self._session_id = session_id
        self._is_log_away = is_log_away
        self._on_over = on_over
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is waiting."""
        return self._waiting is not None

    def begin(self, reason: str, patience_s: float) -> None:
        """Wait for `patience_s`, unless it is waiting already."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._wait(reason, patience_s), name=f"grace of {self._session_id}")

    def stop(self) -> None:
        """Stop waiting: somebody is there, or the call is over."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def _wait(self, reason: str, patience_s: float) -> None:
        left_s, last_s = patience_s, time.monotonic()
        while left_s > 0:
            with contextlib.suppress(CancelledElsewhere), own_cancellation_only():
                await asyncio.sleep(min(left_s, STEP_S))
            passed_s, last_s = time.monotonic() - last_s, time.monotonic()
            if not self._is_log_away():
                left_s -= passed_s
        self._waiting = None
        self._on_over(reason)
