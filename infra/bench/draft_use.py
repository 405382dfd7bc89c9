"""What came of the drafts of a call: how many were discarded, and what the language model wrote for them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DraftUse:
    """Drafts that were begun, and tokens that the model wrote, for replies that were kept and for discarded drafts."""

    started: int = 0
    discarded: int = 0
    tokens_kept: int = 0
    """Of replies that were not discarded, drafts or not; of one that was cut off, what had been written by then."""
    tokens_discarded: int = 0

    @property
    def waste(self) -> float | None:
        """All tokens that were written, as a multiple of those that were kept; None if none were."""
        if not self.tokens_kept:
            return None
        return (self.tokens_kept + self.tokens_discarded) / self.tokens_kept


def draft_use(facts: Sequence[Mapping[str, Any]]) -> DraftUse:
    """Return what came of a call's drafts, from its facts as a caller gets them: `name` and `data`."""
    discarded = {fact["data"]["reply_id"] for fact in facts if fact["name"] == "ReplyDiscarded"}
    completed = [fact["data"] for fact in facts if fact["name"] == "ReplyCompleted"]
    tokens: dict[str, int] = {each["reply_id"]: each.get("tokens") or 0 for each in completed}
    for fact in facts:
        if fact["name"] == "ReplyDiscarded":
            # One that was written to its end before it was discarded has its tokens in both facts.
            reply_id = fact["data"]["reply_id"]
            tokens[reply_id] = max(tokens.get(reply_id, 0), fact["data"].get("tokens") or 0)
    return DraftUse(
        started=sum(fact["name"] == "ReplyStarted" and bool(fact["data"].get("draft")) for fact in facts),
        discarded=len(discarded),
        tokens_kept=sum(count for reply_id, count in tokens.items() if reply_id not in discarded),
        tokens_discarded=sum(count for reply_id, count in tokens.items() if reply_id in discarded),
    )


def total(uses: Iterable[DraftUse]) -> DraftUse:
    """Return the sum over several calls."""
    found = list(uses)
    return DraftUse(
        sum(use.started for use in found),
        sum(use.discarded for use in found),
        sum(use.tokens_kept for use in found),
        sum(use.tokens_discarded for use in found),
    )
