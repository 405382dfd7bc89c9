"""What a verification says to a person: one line for a session, and its first difference in full."""

import json
from collections.abc import Iterator, Sequence
from textwrap import shorten, wrap
from typing import Any

from contracts.events import Event
from infra.log.event_log import Fact
from infra.log.taped_log import APPENDED, GIVEN_UP, READ, STALE, UNREAD, UNSTORED
from infra.process.build import build
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import ReplayDifference
from infra.replay.verify import Verification
from infra.tape.deliveries import ANSWER, ASKED, END, FAILED, FOLLOWED, HANDLED, LIVE, PART, Delivery
from infra.tape.recorded import RequestDifference

WIDTH = 100
HAD = 8
"""How many of the last deliveries before a decision are shown."""


def summary(done: Verification) -> str:
    """Return what came of a session in one line."""
    speed = f", {done.took_s:.1f} s ({done.call_s / done.took_s:.0f} x real time)" if done.took_s and done.same else ""
    counts = f"{_count(done.same, 'fact')}, {_count(done.turns, 'turn')}{speed}"
    if done.status == "identical":
        return f"identical: {counts}"
    if done.status == "different":
        first, *further = done.differences
        follow = f"; {_follow(len(further))}" if further else ""
        first_fact = first_fact_after(done.differences)
        so = f", and so {headline(first_fact)}" if first_fact is not None else ""
        return f"different: {headline(first)}{so}{follow}; {done.same} facts came out as they were"
    if done.status == "open":
        return (
            f"still open: {_count(done.same, 'fact')} came out as they were so far, {_count(done.turns, 'turn')}{speed}"
        )
    so_far = f"; the rest is identical: {counts}" if done.same else ""
    return f"not verified: {'; '.join(_reasons(done)) or 'no fact of it is decided by an actor of a replay'}{so_far}"


def details(done: Verification, facts: Sequence[Fact]) -> Iterator[str]:
    """Yield the lines below the summary: the first difference, what cannot be verified, what was left out."""
    if done.differences:
        yield from difference_lines(done.differences[0], done, facts)
        if (first_fact := first_fact_after(done.differences)) is not None:
            yield ""
            yield f"the first fact that differs after it: {headline(first_fact)}"
            yield from _differing_sides(first_fact)
        for error in done.errors[:3]:
            yield from _wrapped(f"a handler raised {error}")
        if done.recorded_by != build():
            recorded = done.recorded_by or "an older version, which did not say which"
            yield from _wrapped(f"recorded by {recorded}; run again by {build()}")
    if done.status == "different":
        for reason in _reasons(done):
            yield from _wrapped(f"not verified: {reason}")
    if done.status == "open":
        yield from _wrapped(done.without_end or "it has only just ended")
        if done.unwritten:
            yield from _wrapped(f"what led to the last {_count(done.unwritten, 'fact')} is still being written")
    if done.left_out:
        by_actor = ", ".join(f"{actor} {count}" for actor, count in sorted(done.left_out.items()))
        yield from _wrapped(f"given, not verified: {by_actor} (facts that a replay takes as they are)")


def first_fact_after(differences: Sequence[ReplayDifference]) -> ReplayDifference | None:
    """Return the first fact that differs if what differs first is a request; None if it is a fact, or none does."""
    if not differences or isinstance(differences[0].what, FactDifference):
        return None
    return next((each for each in differences if isinstance(each.what, FactDifference)), None)


def difference_lines(difference: ReplayDifference, done: Verification, facts: Sequence[Fact]) -> Iterator[str]:
    """Yield a difference: both sides, what the decision had, the code that decided."""
    what = difference.what
    at_ns = difference.inputs[-1].at_ns if difference.inputs else done.first_ns
    yield ""
    yield f"{difference.stretch.instance} at {_seconds(at_ns, done)}: {headline(difference)}"
    if isinstance(what, FactDifference):
        yield from _sides(what)
    else:
        yield from _request(what)
    yield "what it had taken in just before:"
    by_sequence = {fact.sequence: fact.event for fact in facts}
    for delivery in difference.inputs[-HAD:]:
        yield f"  {_seconds(delivery.at_ns, done):>9}  {_delivery(delivery, by_sequence)}"[:WIDTH]
    if difference.places:
        decided, *callers = difference.places
        yield f"decided in {decided}"
        for place in callers:
            yield f"  called by {place}"


def as_fields(done: Verification) -> dict[str, Any]:
    """Return the session's verification for a program."""
    return {
        "session_id": done.session_id,
        "status": done.status,
        "summary": summary(done),
        "facts": done.facts,
        "same": done.same,
        "turns": done.turns,
        "call_s": round(done.call_s, 3),
        "took_s": round(done.took_s, 3),
        "differences": [_difference_fields(each) for each in done.differences],
        "lost": [
            {
                "actor": each.actor,
                "instance": each.instance,
                "from_ms": round((each.from_ns - done.first_ns) / 1e6, 3),
                "to_ms": round((each.to_ns - done.first_ns) / 1e6, 3),
                "facts": each.facts,
                "reason": each.reason,
            }
            for each in done.lost
        ],
        "given": done.left_out,
        "recorded_by": done.recorded_by or None,
        "run_by": build(),
        "remarks": [*done.remarks, *([done.without_end] if done.without_end else [])],
    }


def _difference_fields(difference: ReplayDifference) -> dict[str, Any]:
    what = difference.what
    found: dict[str, Any] = {
        "instance": difference.stretch.instance,
        "change": what.change,
        "sequence": difference.sequence or None,
        "delivery": difference.at,
        "decided_in": [str(place) for place in difference.places],
    }
    if isinstance(what, RequestDifference):
        return found | {"request": {"kind": what.kind, "key": what.key, "parts": list(what.parts)}}
    then = what.then.event if what.then is not None else None
    return found | {
        "then": _plain(then),
        "now": _plain(what.now),
        "fields": [{"path": each.path, "then": each.then, "now": each.now} for each in what.fields],
        "waiting": [type(event).__name__ for event in what.waiting],
    }


def _plain(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {"name": type(event).__name__, "data": event.model_dump(mode="json", exclude_none=True)}


def headline(difference: ReplayDifference) -> str:
    """Return what a difference is, in a few words."""
    what = difference.what
    if isinstance(what, RequestDifference):
        of_parts = f" ({', '.join(what.parts)})" if what.parts else ""
        return f"{what.kind} of {what.key} is {what.change}{of_parts}"
    if what.then is not None:
        name = type(what.then.event).__name__
        paths = f" in {', '.join(each.path for each in what.fields[:3])}" if what.fields else ""
        return f"fact {what.then.sequence}, {name}, {what.change}{paths}"
    return f"{type(what.now).__name__} is {what.change}" if what.now is not None else what.change


def _differing_sides(difference: ReplayDifference) -> Iterator[str]:
    if isinstance(difference.what, FactDifference):
        yield from _sides(difference.what)


def _sides(what: FactDifference) -> Iterator[str]:
    """Yield the two facts side by side: what differs first, marked, then what they have in common."""
    then, now = (what.then.event if what.then is not None else None), what.now
    rows = [(f"* {each.path}", _value(each.then), _value(each.now)) for each in what.fields]
    differing = {each.path.partition(".")[0] for each in what.fields}
    for name in ("turn_id", "reply_id", "index", "text", "reason", "draft", "heard_text", "cause_id"):
        left, right = (_value(getattr(event, name, None)) if event is not None else "" for event in (then, now))
        if name not in differing and not {left, right} <= {"", "-"}:
            rows.append((f"  {name}", left, right))
    heads = [type(event).__name__ if event is not None else "(nothing)" for event in (then, now)]
    yield from _columns(("", f"then: {heads[0]}", f"now: {heads[1]}"))
    for row in rows:
        yield from _columns(row)
    if what.waiting:
        yield f"  it wants to append {', '.join(type(event).__name__ for event in what.waiting)} instead"


def _columns(row: tuple[str, str, str]) -> Iterator[str]:
    name_width = 22
    width = (WIDTH - name_width - 4) // 2
    name, *cells = row
    left, right = (wrap(cell, width) or [""] for cell in cells)
    for line in range(min(6, max(len(left), len(right)))):
        first = name[:name_width] if line == 0 else ""
        left_cell, right_cell = (side[line] if line < len(side) else "" for side in (left, right))
        yield f"{first:<{name_width}}  {left_cell:<{width}}  {right_cell}".rstrip()


def _request(what: RequestDifference) -> Iterator[str]:
    if what.request is None:
        return
    parts = {part: what.request.get(part) for part in what.parts} if isinstance(what.request, dict) else what.request
    yield f"  now: {shorten(json.dumps(parts, ensure_ascii=False, default=str), WIDTH - 7, placeholder=' …')}"
    if what.change == "asked otherwise":
        yield "  then: the tape has only its digest"


def _delivery(delivery: Delivery, events: dict[int, Event]) -> str:
    payload = delivery.payload
    if delivery.kind in (READ, UNREAD) and isinstance(payload, list):
        payload = payload[0]  # the rest is which read it was
    if delivery.kind in (HANDLED, LIVE, FOLLOWED, APPENDED, READ) and isinstance(payload, int):
        event = events.get(payload)
        words = {APPENDED: "stored", READ: "read up to"}.get(delivery.kind, "took in")
        said = getattr(event, "text", "") or getattr(event, "reason", "") or ""
        return (
            f"{words} fact {payload} {type(event).__name__ if event is not None else ''} {_value(said) if said else ''}"
        )
    if delivery.kind == ASKED:
        return f"asked {payload[1]} of {payload[2]}"
    if delivery.kind in (ANSWER, PART, END, FAILED):
        words = {ANSWER: "answer to", PART: "piece of", END: "end of", FAILED: "failure of"}[delivery.kind]
        return f"{words} request {payload[0]} {_value(payload[1:]) if payload[1:] else ''}"
    if delivery.kind == GIVEN_UP:
        return "a read of the log was given up"
    if delivery.kind in (STALE, UNSTORED, UNREAD):
        return f"{delivery.kind}: {payload}"
    return f"{delivery.kind} {_value(payload) if payload is not None else ''}"


def _reasons(done: Verification) -> list[str]:
    return [
        *done.remarks,
        *([done.without_end] if done.without_end else []),
        *(
            f"from {_seconds(each.from_ns, done)} to {_seconds(each.to_ns, done)} {each.instance}: {each.reason} "
            f"({_count(each.facts, 'fact')})"
            for each in done.lost
        ),
    ]


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ")


def _seconds(at_ns: int, done: Verification) -> str:
    return f"{(at_ns - done.first_ns) / 1e9:.3f} s"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f'"{text}"' if isinstance(value, str) else text


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _follow(number: int) -> str:
    return f"{_count(number, 'further difference')} {'follows' if number == 1 else 'follow'} from it"
