"""The kinds of numbers in events, each bounded by what every store of the log can hold.

MessagePack, Postgres (`bigint`, `int`, `double precision`), Java and C# keep signed integers of 64 or 32 bits; NaN and
infinity are not valid JSON. A number beyond is refused when it is written, not where it would first cause an error.
"""

from typing import Annotated

from pydantic import Field

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
MAX_MS = 1e12
"""About 31 years in ms: longer than any duration here, short enough to be added up without losing a microsecond."""

_INT32, _INT64, _DOUBLE = {"format": "int32"}, {"format": "int64"}, {"format": "double"}

Count = Annotated[int, Field(ge=0, le=INT64_MAX, json_schema_extra=_INT64)]
"""A number of samples, bytes or things, or an index from 0."""

TimeNs = Annotated[int, Field(ge=0, le=INT64_MAX, json_schema_extra=_INT64)]
"""Unix epoch nanoseconds (UTC), up to the year 2262; 0 means "unknown"."""

SmallCount = Annotated[int, Field(ge=0, le=INT32_MAX, json_schema_extra=_INT32)]
"""A count that stays small: a revision, a number of clauses or turns."""

Positive = Annotated[int, Field(gt=0, le=INT32_MAX, json_schema_extra=_INT32)]
"""A rate in Hz, a number of channels, a version: at least 1."""

Ms = Annotated[float, Field(ge=0, le=MAX_MS, allow_inf_nan=False, json_schema_extra=_DOUBLE)]
"""A duration in milliseconds."""

Seconds = Annotated[float, Field(ge=0, le=MAX_MS / 1000, allow_inf_nan=False, json_schema_extra=_DOUBLE)]
"""A time-out or an age, in seconds."""

SignedMs = Annotated[float, Field(ge=-MAX_MS, le=MAX_MS, allow_inf_nan=False, json_schema_extra=_DOUBLE)]
"""A duration that may be negative in old facts, written while a wall clock was set back."""

LogOdds = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False, json_schema_extra=_DOUBLE)]
"""Logarithm of the odds that something is so: 0 is as likely as not, 2 is seven times likelier."""

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, json_schema_extra=_DOUBLE)]
"""From 0 to 1."""
