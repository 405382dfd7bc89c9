"""`daredevil turns`: a session with one line per turn, to find out why an answer was slow."""

import json
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, err, fail, out, run_async

if TYPE_CHECKING:
    from contracts.events import LatencyParts
    from infra.export.conversation import Exchange, ExportedReply

PARTS = (
    ("endpointing", "end"),
    ("vad", "vad"),
    ("stt", "stt"),
    ("first_token", "llm"),
    ("clause", "cls"),
    ("first_audio", "tts"),
    ("bus", "bus"),
)
LEGEND = (
    "gap = end (endpointing) + vad + stt + llm (first token) + cls (first clause)",
    "    + tts (first audio) + bus + play, ms, as far as each was waited for;",
    "    for: what was there last, the turn's end or the sound; ✂ interrupted;",
    "    → what was heard of the answer",
)


def turns(
    session: Annotated[str, typer.Argument(help="A session id, as `daredevil sessions` lists them.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per turn (see `daredevil schema turns`).")
    ] = False,
) -> None:
    """Print a session with one line per turn: when, the response gap with its parts, interruptions, the words.

    For example:

      daredevil turns 20261122-183015-9f2c1ab4

      daredevil turns SESSION --json | jq 'select(.gap_ms > 1000) | .trace_id'
    """
    from infra.cli.export import CannotExport, conversation_in_log

    try:
        told = run_async(conversation_in_log(session))
    except (ValueError, LookupError, CannotExport) as error:
        fail(str(error), BAD_INPUT)
    rows = [_fields(session, number, exchange) for number, exchange in enumerate(told.exchanges, 1)]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    if not rows:
        err().print("nothing was said in it")
        return
    _print(rows)


def _fields(session: str, number: int, exchange: "Exchange") -> dict[str, Any]:
    from infra.telemetry.turns import trace_id_of

    reply = _answer(exchange)
    return {
        "turn": number,
        "turn_id": exchange.turn_id,
        "trace_id": f"{trace_id_of(session, exchange.turn_id):032x}",
        "start_ms": exchange.start_ms if exchange.start_ms is not None else reply.start_ms if reply else None,
        "source": exchange.source,
        "speaker": exchange.name,
        "text": exchange.text,
        "passed": exchange.passed,
        "opener_ms": next((each.gap_ms for each in exchange.openers if not each.retracted), None),
        "false_starts": sum(each.retracted for each in exchange.openers),
        "answer": _heard(reply) if reply else "",
        "written": reply.written if reply else "",
        "interrupted": reply.interrupted if reply else False,
        "gap_ms": reply.gap_ms if reply else None,
        "parts": _parts(reply.parts) if reply and reply.parts else {},
        "waited_for": (reply.waited_for or "") if reply else "",
        "beside": _parts(reply.beside) if reply and reply.beside else {},
    }


def _heard(reply: "ExportedReply") -> str:
    """Return what was heard; for an answer that is not played, or not heard yet, what was written."""
    return reply.heard if reply.heard.strip() or reply.interrupted else reply.written


def _answer(exchange: "Exchange") -> "ExportedReply | None":
    """Return the reply that was heard, or the last one that was written."""
    counted = [reply for reply in exchange.replies if reply.counts]
    heard = [reply for reply in counted if reply.heard]
    known = heard or counted
    return known[-1] if known else None


def _parts(parts: "LatencyParts") -> dict[str, float]:
    return {name: float(ms) for name, ms in parts.model_dump().items()}


INDENT = "      "

HEAD = ("  #", "   at", "  gap", *(f"{short:>4}" for _, short in PARTS), "play", "for  ", " ", "words")


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape

    # For programs one line per turn; on a terminal, what does not fit stands below the figures.
    width = out().width if out().is_terminal else None
    err().print("[dim]" + "\n".join(LEGEND) + "[/]")
    out().print(f"[bold]{' '.join(HEAD)}[/]")
    for row in rows:
        for line in _lines(row, width):
            out().print(escape(line))


def _lines(row: dict[str, Any], width: int | None) -> list[str]:
    """Return a turn as one line, or as several of at most `width`."""
    figures, words = " ".join(_figures(row)), _words(row)
    one = f"{figures} {' → '.join(words)}"
    if width is None or len(one) <= width:
        return [one]
    lines = [figures.rstrip()]
    for number, text in enumerate(words):
        first = INDENT + ("→ " if number else "")
        lines += wrap(text, max(20, width - 1), initial_indent=first, subsequent_indent=INDENT + "  ")
    return lines


def _figures(row: dict[str, Any]) -> list[str]:
    parts = [row["parts"].get(f"{name}_ms") for name, _ in PARTS] + [row["parts"].get("playback_ms")]
    return [
        f"{row['turn']:3d}",
        _clock(row["start_ms"]),
        f"{row['gap_ms']:5.0f}" if row["gap_ms"] is not None else "    —",
        *(f"{ms:4.0f}" if ms is not None else "   —" for ms in parts),
        f"{row['waited_for']:5}",
        "✂" if row["interrupted"] else " ",
    ]


def _words(row: dict[str, Any]) -> list[str]:
    """Return what was said and what was heard of the answer, each without line breaks."""
    answer = row["answer"]
    if row["interrupted"] and not answer.strip():
        answer = f"(never heard: {row['written']})"
    if row["passed"]:
        answer = f"(not answered: {row['passed']})"
    return [" ".join(text.split()) for text in (row["text"] + _openers(row), answer) if text.strip()]


def _openers(row: dict[str, Any]) -> str:
    """Return what is to be said of openers before the answer."""
    found = [f"opener after {row['opener_ms']:.0f} ms"] if row["opener_ms"] is not None else []
    found += [f"openers taken back: {row['false_starts']}"] if row["false_starts"] else []
    return f" ({', '.join(found)})" if found else ""


def _clock(ms: float | None) -> str:
    if ms is None:
        return "    —"
    minutes, seconds = divmod(int(max(ms, 0) // 1000), 60)
    return f"{minutes:2d}:{seconds:02d}"
