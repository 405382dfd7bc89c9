"""Shares of sessions: `80%:deepgram.STT,local,20%:local` gives each session one of several chains of engines. Pure.

Which one follows from the session's id alone: two doors that open it choose the same, and another run of the same
settings does so, too. The shares of speech to text, model and voice are drawn apart, so their combinations occur.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

FORM = "write for example `80%:local,20%:openai.TTS`"
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%\s*:(.*)", re.DOTALL)
_WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Share:
    """A chain of engines, best first, and the percentage of sessions that it gets."""

    percent: Decimal
    engines: tuple[str, ...]

    @property
    def chain(self) -> str:
        """The chain as it stands in a profile."""
        return ",".join(self.engines)


def shares_of(setting: str) -> tuple[Share, ...]:
    """Return the shares of a setting: one of 100 % if it names none. Raises ValueError, which says what is wrong.

    An item without a percentage is the fallback of the share before it.
    """
    items = [item.strip() for item in setting.split(",") if item.strip()]
    if not any("%" in item for item in items):
        return (Share(_WHOLE, tuple(items)),)
    shares: list[Share] = []
    for item in items:
        found = _SHARE.fullmatch(item)
        if found is not None:
            shares.append(Share(Decimal(found[1]), (found[2].strip(),)))
        elif "%" in item:
            raise ValueError(f"{item!r} is no share of sessions: {FORM}")
        elif not shares:
            raise ValueError(f"{item!r} has no share of sessions, others have: {FORM}")
        else:
            shares[-1] = Share(shares[-1].percent, (*shares[-1].engines, item))
    _check(shares)
    return tuple(shares)


def _check(shares: list[Share]) -> None:
    for number, share in enumerate(shares):
        if not share.engines[0]:
            raise ValueError(f"the share of {share.percent:f}% names no engine: {FORM}")
        if share.percent <= 0:
            raise ValueError(f"{share.chain!r} has {share.percent:f}% of the sessions: leave it out, or give it some")
        if any(share.engines == other.engines for other in shares[:number]):
            raise ValueError(f"{share.chain!r} has two shares: give it one")
    if (total := sum(share.percent for share in shares)) != _WHOLE:
        raise ValueError(f"the shares add up to {total:f}%, not to 100%")


def engine_names(setting: str) -> list[str]:
    """Return the engines that a setting names, best first and each once; those of all shares. Raises ValueError."""
    return list(dict.fromkeys(name for share in shares_of(setting) for name in share.engines))


def chain_of(setting: str, kind: str, session_id: str) -> str:
    """Return the chain of one session; `kind` is the setting, `stt`, `llm` or `tts`. Raises ValueError."""
    shares = shares_of(setting)
    if len(shares) == 1:
        return shares[0].chain
    drawn = int.from_bytes(sha256(f"{kind} {session_id}".encode()).digest()[:8]) * _WHOLE / 2**64
    reached = Decimal(0)
    for share in shares:
        reached += share.percent
        if drawn < reached:
            return share.chain
    return shares[-1].chain
