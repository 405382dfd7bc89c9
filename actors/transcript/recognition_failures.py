"""What recognition of one track could not do: failures of engines, and speech whose words are lost."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from actors.transcript.taped_sound import TapedSound
from actors.transcript.turn import Utterance
from infra.engines.chain import PASSED_OVER, EngineFailure


@dataclass(frozen=True, slots=True)
class Loss:
    """Speech `[start, end)` of an utterance whose words are lost."""

    utterance: Utterance
    start: int
    end: int
    reason: Literal["engine", "overload"]


@dataclass(frozen=True, slots=True)
class RecognitionFailure:
    """An engine failed at the speech `[start, end)`; `n` counts its failures there, a second attempt included."""

    failure: EngineFailure
    start: int
    end: int
    n: int


class RecognitionFailures:
    """Notes what went wrong at one track until somebody takes it."""

    def __init__(self, taped: TapedSound) -> None:
        self._taped = taped
        self._failures: list[RecognitionFailure] = []
        self._failed_at: Counter[tuple[str, int, int]] = Counter()
        self._known_to_fail: set[str] = set()
        """Engines that have failed at this track, or were passed over, and have recognised nothing since."""
        self._losses: list[Loss] = []

    def failed(self, failure: EngineFailure, start: int, end: int) -> None:
        """Note that an engine failed at the speech `[start, end)`."""
        self._taped.took("engine-failed", [start, end, failure.engine, failure.error, failure.action])
        self._known_to_fail.add(failure.engine)
        place = (failure.engine, start, end)
        self._failures.append(RecognitionFailure(failure, start, end, self._failed_at[place]))
        self._failed_at[place] += 1

    def recognised(self, engine: str, first: str, start: int, end: int) -> None:
        """Note which engine recognised the speech `[start, end)`; `first` is the preferred one.

        If that was not asked because it rests, it failed in another session: a failure in this one, too.
        """
        self._known_to_fail.discard(engine)
        if engine != first and first not in self._known_to_fail:
            self.failed(EngineFailure(first, PASSED_OVER, f"{engine} was asked", engine), start, end)

    def lost(self, loss: Loss) -> None:
        """Note that words are lost."""
        self._losses.append(loss)

    def take_losses(self) -> list[Loss]:
        """Return the speech that was lost since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def take_failures(self) -> list[RecognitionFailure]:
        """Return failures since the last call."""
        failures, self._failures = self._failures, []
        return failures
