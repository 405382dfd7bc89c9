"""The texts of a conversation: JSON, Markdown, plain text, SubRip captions. Pure; whatever was said stays text."""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from contracts.events import LatencyParts
from infra.export.captions import Caption
from infra.export.conversation import Conversation, Exchange, ExportedReply
from infra.export.lines import lines_of, one_line
from infra.export.markdown import as_said, as_written, in_markdown, is_quoted, quoted
from infra.session.people import listed, name_of, several

INDENT = "    "
NOT_HEARD = "not heard:"
AGENT = "Agent"
_TAG = re.compile(r"([<{])")
_WORD_JOINER = "\u2060"


def in_srt(text: str) -> str:
    """Return the text so that a player shows it literally: no line ends the caption, nothing is a tag."""
    return _TAG.sub(rf"\1{_WORD_JOINER}", one_line(text).replace("-->", "->"))


# -- times


def clock(ms: float | None, mark: str = ".") -> str:
    """Return `hh:mm:ss.mmm`."""
    total = max(0, round(ms or 0))
    seconds, millis = divmod(total, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{millis:03d}"


def _utc(time_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns / 1e9))


def utc_date(time_ns: int) -> str:
    """Return a moment as a person reads it, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ns / 1e9))


# -- formats


def to_json(told: Conversation) -> str:
    """Return all of it as one JSON object. Times are ms since the session began, as in the recording."""
    opened, closed = told.opened, told.closed
    document: dict[str, Any] = {
        "session": {
            "session_id": opened.session_id,
            "user_id": opened.user_id,
            "door": opened.door,
            "opened_ns": opened.time_ns,
            "opened_at": _utc(opened.time_ns),
            "closed_ns": closed.time_ns if closed else None,
            "closed_at": _utc(closed.time_ns) if closed else None,
            "close_reason": closed.reason if closed else None,
            "duration_ms": told.end_ms,
            "profile": opened.profile.model_dump(exclude_none=True),
        },
        "people": [
            {"participant_id": each.participant_id, "name": each.name, "identity": each.identity}
            for each in told.people.values()
        ],
        "turns": [_turn_fields(exchange) for exchange in told.exchanges],
        "captions": [
            {
                "speaker": each.speaker,
                "name": each.name or None,
                "text": each.text,
                "start_ms": each.start_ms,
                "end_ms": each.end_ms,
            }
            for each in told.captions
        ],
        "latency": _latency(told),
        "recording": told.recording.model_dump(include=_RECORDING_FIELDS) if told.recording else None,
        "summary": _summary(told),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_RECORDING_FIELDS = {"recording_id", "codec", "sample_rate_hz", "channels", "duration_ms", "size_bytes", "start_ns"}


def _turn_fields(exchange: Exchange) -> dict[str, Any]:
    return {
        "turn_id": exchange.turn_id,
        "user": {
            "participant_id": exchange.participant_id or None,
            "name": exchange.name or None,
            "text": exchange.text,
            "source": exchange.source or None,
            "start_ms": exchange.start_ms,
            "end_ms": exchange.end_ms,
        },
        "passed": exchange.passed or None,
        "openers": [
            {
                "text": each.text,
                "retracted": each.retracted,
                "start_ms": each.start_ms,
                "end_ms": each.end_ms,
                "gap_ms": each.gap_ms,
            }
            for each in exchange.openers
        ],
        "replies": [
            {
                "reply_id": reply.reply_id,
                "written": reply.written,
                "heard": reply.heard,
                "unheard": reply.unheard or None,
                "interrupted": reply.interrupted,
                "start_ms": reply.start_ms,
                "end_ms": reply.end_ms,
                "gap_ms": reply.gap_ms,
                "parts": reply.parts.model_dump() if reply.parts else None,
                "waited_for": reply.waited_for,
                "beside": reply.beside.model_dump() if reply.beside else None,
            }
            for reply in exchange.replies
        ],
    }


def _summary(told: Conversation) -> dict[str, Any] | None:
    if told.summary is None:
        return None
    wanted = {"summary", "topics", "sentiment", "action_items", "turns", "model"}
    return told.summary.model_dump(include=wanted)


def _latency(told: Conversation) -> dict[str, Any] | None:
    gaps = sorted(reply.gap_ms for each in told.exchanges for reply in each.replies if reply.gap_ms is not None)
    if not gaps:
        return None
    return {"turns": len(gaps), "median_ms": statistics.median(gaps), "worst_ms": gaps[-1]}


def to_text(told: Conversation) -> str:
    """Return who said what and when, one line each; further lines of a text are indented below it."""
    began = utc_date(told.opened.time_ns)
    lines = [f"{one_line(told.opened.session_id)} · {began} · times are since then, hh:mm:ss.mmm"]
    for line in _lines(told):
        said, rest = lines_of(line.text), lines_of(line.unheard)
        head = f"[{clock(line.ms)}] {one_line(line.who)}:"
        if len(said) < 2 and len(rest) < 2:
            lines.append(" ".join(filter(None, [head, *said, line.note(one_line(line.unheard))])))
            continue
        # Indented, so that no line of a text looks like a line of this file.
        lines.append(" ".join(filter(None, [head, line.note("")])))
        lines += _set_in(said)
        lines += [f"{INDENT}({NOT_HEARD})", *_set_in(rest)] if rest else []
    return "\n".join(lines) + "\n"


def _set_in(lines: Sequence[str]) -> list[str]:
    return [f"{INDENT}{line}" if line else "" for line in lines]


def to_markdown(told: Conversation) -> str:
    """Return a page: what conversation it was, its summary, who said what and when."""
    opened, closed = told.opened, told.closed
    state = f"ended after {clock(told.end_ms)} ({in_markdown(closed.reason)})" if closed else "still open"
    lines = [
        f"# Conversation {in_markdown(opened.session_id)}",
        "",
        f"- **with** {in_markdown(_company(told)) or 'nobody known'}, at the door {in_markdown(opened.door)}",
        f"- **began** {utc_date(opened.time_ns)}, {state}; times are since then, hh:mm:ss.mmm",
    ]
    latency = _latency(told)
    if latency:
        lines.append(f"- **response gap** median {latency['median_ms']:.0f} ms, worst {latency['worst_ms']:.0f} ms")
    if told.summary is not None and told.summary.summary.strip():
        lines += ["", "## Summary", "", in_markdown(told.summary.summary)]
        items = getattr(told.summary, "action_items", ())
        lines += ["", *(f"- {in_markdown(item)}" for item in items)] if items else []
    lines += ["", "## Transcript", ""]
    for line in _lines(told):
        lines += [*_in_page(line), ""]
    return "\n".join(lines).rstrip() + "\n"


def _in_page(line: "_Line") -> list[str]:
    said = as_written(line.text) if line.is_agent else as_said(line.text)
    rest = as_written(line.unheard)
    head = f"`{clock(line.ms)}` **{in_markdown(line.who)}:**"
    if not is_quoted(said) and not is_quoted(rest):
        note = in_markdown(line.note(one_line(line.unheard)))
        return [" ".join(filter(None, [head, *said, f"*{note}*" if note else ""]))]
    note = in_markdown(line.note(""))
    shown = [" ".join(filter(None, [head, f"*{note}*" if note else ""]))]
    shown += ["", *(said if is_quoted(said) else quoted(said))] if said else []
    shown += ["", f"*({NOT_HEARD})*", "", *(rest if is_quoted(rest) else quoted(rest))] if rest else []
    return shown


def _company(told: Conversation) -> str:
    if not several(told.people):
        return told.opened.user_id
    return listed(name_of(told.people, participant_id) for participant_id in told.people)


@dataclass(frozen=True, slots=True)
class _Line:
    """What somebody said, its `unheard` part, and remarks on that and others."""

    who: str
    text: str
    ms: float | None
    is_agent: bool = False
    state: str = ""
    unheard: str = ""
    remark: str = ""

    def note(self, unheard: str) -> str:
        """Return the remarks in one line, with the unheard part if wanted."""
        about = self.state
        if unheard and self.text:
            about = f"{about}; {NOT_HEARD} {unheard}" if about else f"{NOT_HEARD} {unheard}"
        elif unheard:
            about = f"{about}: {unheard}"
        return " ".join(filter(None, [f"({about})" if about else "", self.remark]))


def _lines(told: Conversation) -> Iterator[_Line]:
    """Yield what was said in the order of the conversation."""
    for exchange in told.exchanges:
        if exchange.text.strip():
            notes = ("(typed)" if exchange.source == "text" else "", "(not to the agent)" if exchange.passed else "")
            who = capital(told.who(exchange.participant_id))
            yield _Line(who, exchange.text, exchange.start_ms, remark=" ".join(filter(None, notes)))
        for opener in exchange.openers:
            state = "opener, taken back" if opener.retracted else "opener"
            yield _Line(AGENT, opener.text, opener.start_ms, True, state, remark=gap_note(opener.gap_ms, None))
        for reply in exchange.replies:
            ms = reply.start_ms if reply.start_ms is not None else reply.end_ms
            yield _of_agent(reply, ms if ms is not None else exchange.end_ms)


def _of_agent(reply: ExportedReply, ms: float | None) -> _Line:
    if not reply.heard.strip() and not reply.interrupted:  # an answer as text, or one that has not been heard yet
        return _Line(
            AGENT,
            reply.written,
            ms,
            True,
            "" if reply.written.strip() else "no words",
            "",
            gap_note(reply.gap_ms, reply.parts),
        )
    state = "" if not reply.interrupted else "cut off" if reply.heard.strip() else "never heard"
    return _Line(
        AGENT,
        reply.shown if reply.heard.strip() else "",
        ms,
        True,
        state,
        reply.unheard,
        gap_note(reply.gap_ms, reply.parts),
    )


def gap_note(gap_ms: float | None, parts: LatencyParts | None) -> str:
    """Return the response gap and its parts as a note, empty without a gap; parts that took no time are left out."""
    if gap_ms is None:
        return ""
    named = parts.model_dump() if parts is not None else {}
    shown = [f"{name.removesuffix('_ms').replace('_', ' ')} {ms:.0f}" for name, ms in named.items() if round(ms)]
    return f"(gap {gap_ms:.0f} ms{': ' if shown else ''}{', '.join(shown)})"


def to_srt(told: Conversation) -> str:
    """Return captions for the recording. Captions of one speaker never overlap; those of two may."""
    blocks = []
    for number, caption in enumerate(apart(told.captions), 1):
        times = f"{clock(caption.start_ms, ',')} --> {clock(caption.end_ms, ',')}"
        name = AGENT if caption.speaker == "agent" else in_srt(capital(told.who(caption.participant_id)))
        blocks.append(f"{number}\n{times}\n{name}: {in_srt(caption.text)}\n")
    return "\n".join(blocks)


def capital(who: str) -> str:
    """Return a speaker's name as a line begins with it."""
    return "User" if who == "user" else who


def apart(captions: list[Caption]) -> list[Caption]:
    """Return the captions so that those of one speaker do not overlap, without empty ones."""
    last_ms = {index: caption.end_ms for index, caption in enumerate(captions)}
    for who in {(caption.speaker, caption.name) for caption in captions}:
        own = [index for index, caption in enumerate(captions) if (caption.speaker, caption.name) == who]
        for this, following in pairwise(own):
            last_ms[this] = max(captions[this].start_ms, min(last_ms[this], captions[following].start_ms))
    return [replace(each, end_ms=last_ms[index]) for index, each in enumerate(captions) if one_line(each.text)]


FORMATS: Mapping[str, Callable[[Conversation], str]] = {
    "json": to_json,
    "md": to_markdown,
    "txt": to_text,
    "srt": to_srt,
}
"""The formats that are text."""
