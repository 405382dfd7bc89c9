"""A client's reports of the sound that it plays, during playback and when it returns."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.text_input import CleanText

DEFAULT_RATE_HZ = 24_000
"""Assumed as the rate of a reply's sound before any has arrived."""


ClockMs = Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]
"""ms on a monotonic clock of the client."""


class ClientReport(BaseModel):
    """A message of a client; fields that this version does not know are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class HeldReply(ClientReport):
    """What a returning client has of a reply, in samples from the reply's start."""

    reply_id: CleanText = Field(max_length=128)
    received: int = Field(0, ge=0, le=2**53)
    samples: int = Field(0, ge=0, le=2**53)
    """Played."""
    started_ago_ms: float | None = Field(None, ge=0, le=86_400_000)
    """How long ago its first sound was heard."""
    ended: bool = False

    def started_at(self, now_ns: int, rate_hz: int, earliest_ns: int) -> int | None:
        """Return when it was first heard, None if it was not; computed from its count if the client reports none."""
        if self.started_ago_ms is None and self.samples == 0:
            return None
        ago_ms = self.started_ago_ms
        if ago_ms is None:
            ago_ms = self.samples * 1000 / (rate_hz or DEFAULT_RATE_HZ)
        return max(earliest_ns, now_ns - int(ago_ms * 1e6))


class Played(ClientReport):
    """How many samples of a reply have been played so far, at the rate that `reply` named.

    `at_ms` is when that was and `clock_ms` when the message is sent, both on any monotonic clock of the client;
    without them the time of arrival counts. `stalled`: the sound ran out there; `resumed`: it flows again.
    """

    type: Literal["played"]
    reply_id: CleanText = Field(max_length=128)
    samples: int = Field(ge=0, le=2**53)
    started: bool = False
    ended: bool = False
    stalled: bool = False
    resumed: bool = False
    at_ms: ClockMs | None = None
    clock_ms: ClockMs | None = None
