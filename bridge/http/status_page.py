"""The page of `/status`: plain HTML from figures, for whoever runs one machine. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from infra.metrics.figures import Distribution, Figures

NOTHING = "—"

PARTS = {
    "endpointing": "silence waited for",
    "stt": "speech to text",
    "first_token": "model's first token",
    "first_audio": "voice's first sound",
    "bus": "between processes",
    "playback": "at the listener",
}


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """What the page shows besides the figures."""

    problem: str
    """Why no conversation is possible; empty if one is."""
    full: str
    """Why no new session is taken; empty if one is."""
    calls_carried: float | None
    """How many calls this machine carries, None while that is unknown."""


def status_page(figures: Figures, status: MachineStatus) -> str:
    """Return the page."""
    body = [
        f'<p class="state {"bad" if status.problem else "good"}">{_state(status)}</p>',
        _facts(figures, status),
        _table("Response gap", "From the end of speech to the first sound of the answer.", _GAP, _gaps(figures)),
        _table(
            "Processes",
            "CPU of one core; how late 99 of 100 timers of the event loop are at most.",
            _PROCESSES,
            _processes(figures),
        ),
        _table("Engines", "", _ENGINES, _engines(figures)),
        _table("Consumers of the log", "", _CONSUMERS, _consumers(figures)),
    ]
    at = datetime.fromtimestamp(figures.time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{"Not ready" if status.problem else "Ready"} · Daredevil</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="status.css">
<script type="module" src="status.js"></script>
</head>
<body>
<main>
<h1>Daredevil</h1>
<p id="lost" class="state bad" role="alert" hidden>The server does not answer: what follows is what it said last.</p>
<div id="figures">
{"".join(body)}
<p class="soft at">As of {at}; counted over {_window(figures.window_s)}.</p>
</div>
<label class="soft" hidden><input type="checkbox" id="again" checked> Load again every 10 s</label>
</main>
</body>
</html>
"""


def _state(status: MachineStatus) -> str:
    if status.problem:
        return f"<strong>Not ready:</strong> {escape(status.problem)}"
    if status.full:
        return f"<strong>Ready, but full:</strong> no new sessions are taken, {escape(status.full)}"
    return "<strong>Ready</strong>"


def _dead_letters(count: int | None) -> str:
    if count is None:
        return NOTHING
    return f"{count} (see <code>daredevil dead</code>)" if count else "0"


def _facts(figures: Figures, status: MachineStatus) -> str:
    doors = ", ".join(f"{door} {count}" for door, count in figures.sessions.items())
    turns = ", ".join(f"{count} {outcome}" for outcome, count in figures.turns.items())
    free, size = figures.disk_free_bytes, figures.disk_size_bytes
    disk = NOTHING if free is None or not size else f"{_size(free)} free of {_size(size)} ({100 * free / size:.0f} %)"
    carried = "known once three calls are going on" if status.calls_carried is None else f"{status.calls_carried:.0f}"
    shown = {
        "Open sessions": f"{figures.open_sessions}{f' ({doors})' if doors else ''}",
        "Calls that this machine carries": carried,
        "Turns": turns or "none",
        "Dead letters": _dead_letters(figures.dead_letters),
        "Disk": disk,
        "A fact is stored in": _both(figures.append),
        "Speech waits for recognition": f"{figures.recognition_waited_s:.1f} s",
    }
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in shown.items())}</dl>"


_PROCESSES_ABOUT = "CPU of one core; how late 99 of 100 timers of the event loop are at most."
_GAP = ("", "answers", "half within", "95 of 100", "99 of 100")
_PROCESSES = ("process", "state", "loop late by", "CPU", "memory")
_ENGINES = ("engine", "for", "answers", "half within", "95 of 100", "failures")
_CONSUMERS = ("consumer", "waiting", "being handled", "oldest")


def _gaps(figures: Figures) -> Iterable[Sequence[str]]:
    yield "in all", *_row(figures.gap)
    for part, name in PARTS.items():
        if part in figures.parts:
            yield name, *_row(figures.parts[part])


def _row(found: Distribution) -> tuple[str, ...]:
    return str(found.count), _ms(found.p50_ms), _ms(found.p95_ms), _ms(found.p99_ms)


def _processes(figures: Figures) -> Iterable[Sequence[str]]:
    states = {True: "ready", False: "not ready", None: "does not say"}
    for each in figures.processes:
        is_gone = each.ready is False and each.memory_bytes is None
        state = "does not answer" if is_gone else states[each.ready]
        cpu = NOTHING if each.cpu_cores is None else f"{100 * each.cpu_cores:.1f} %"
        memory = NOTHING if each.memory_bytes is None else _size(each.memory_bytes)
        yield escape(each.name), state, _ms(each.loop_lag_p99_ms), cpu, memory


def _engines(figures: Figures) -> Iterable[Sequence[str]]:
    for each in figures.engines:
        count, half, most, _ = _row(each.time)
        yield escape(each.engine), escape(each.stage), count, half, most, str(each.errors)


def _consumers(figures: Figures) -> Iterable[Sequence[str]]:
    for each in figures.consumers:
        oldest = f"{each.lag_s:.1f} s" if each.lag_s else NOTHING
        yield escape(each.durable), str(each.pending), str(each.unacknowledged), oldest


def _table(title: str, about: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    shown = list(rows)
    name = title.lower().replace(" ", "-")
    if not shown:
        return (
            f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2><p class="soft">Nothing yet.</p></section>'
        )
    columns = "".join(f'<th scope="col">{column}</th>' if column else "<td></td>" for column in head)
    lines = (
        f'<tr><th scope="row">{first}</th>{"".join(f"<td{_mark(cell)}>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in shown
    )
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>'
        f"{f'<p class=soft>{about}</p>' if about else ''}"
        f'<div class="wide" role="region" aria-labelledby="{name}" tabindex="0">'
        f"<table><thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )


def _mark(cell: str) -> str:
    return ' class="bad"' if cell in ("not ready", "does not answer") else ""


def _both(found: Distribution) -> str:
    return f"{_ms(found.p50_ms)} (95 of 100: {_ms(found.p95_ms)})" if found.count else NOTHING


def _ms(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _window(window_s: float | None) -> str:
    return "the time since the processes began" if window_s is None else f"the last {max(1, round(window_s / 60))} min"
