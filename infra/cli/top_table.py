"""The figures of a system as tables for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from infra.metrics.figures import Distribution, Figures

PARTS = (
    ("endpointing", "end"),
    ("stt", "stt"),
    ("first_token", "llm"),
    ("first_audio", "tts"),
    ("bus", "bus"),
    ("playback", "play"),
)
"""In the words of `daredevil turns`."""

LATE_MS, BEHIND_S, FULL = 500, 5.0, 0.1
"""From here on a figure is red: as the alerts HighLatency, ConsumerStalled and DiskFilling."""


SIDE_BY_SIDE = 100
"""Columns of a terminal in which processes and consumers are beside each other."""


def table_of(figures: Figures, width: int) -> RenderableType:
    """Return the figures for a terminal of so many columns."""
    processes, consumers = _processes(figures), _consumers(figures)
    if width < SIDE_BY_SIDE:
        return Group(_summary(figures), processes, consumers, _engines(figures))
    beside = Table.grid(padding=(0, 3))
    beside.add_row(processes, consumers)
    return Group(_summary(figures), beside, _engines(figures))


def _summary(figures: Figures) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column()
    window = f"last {figures.window_s:.0f} s" if figures.window_s else "since the processes began"
    grid.add_row("daredevil", f"{datetime.fromtimestamp(figures.time_s, UTC):%H:%M:%S} UTC, {window}")
    grid.add_row("sessions", f"{figures.open_sessions} open{_listed(figures.sessions)}")
    grid.add_row("gap", _gap(figures.gap))
    grid.add_row("parts", _parts(figures.parts))
    grid.add_row("turns", _turns(figures))
    grid.add_row("suffered", _suffered(figures))
    if figures.tool_calls:
        grid.add_row("tools", ", ".join(f"{count} {outcome}" for outcome, count in figures.tool_calls.items()))
    grid.add_row("log", _log(figures))
    grid.add_row("disk", _disk(figures))
    return grid


def _gap(gap: Distribution) -> str:
    if not gap.count:
        return "nothing was answered by voice"
    p95 = _red(_ms(gap.p95_ms), (gap.p95_ms or 0) > LATE_MS)
    return f"p50 {_ms(gap.p50_ms)}, p95 {p95}, p99 {_ms(gap.p99_ms)} ms of {_counted(gap.count, 'answer')}"


def _parts(parts: Mapping[str, Distribution]) -> str:
    known = [(short, parts[part].p50_ms) for part, short in PARTS if part in parts and parts[part].count]
    return ", ".join(f"{short} {_ms(p50_ms)}" for short, p50_ms in known) + (" ms (p50)" if known else "—")


def _turns(figures: Figures) -> str:
    a_minute = f"{figures.turns_per_minute:.1f} a minute" if figures.turns_per_minute is not None else "0"
    if figures.turns_per_minute is None:
        a_minute = str(sum(figures.turns.values()))
    drafts = f"; {_counted(figures.drafts, 'draft')}, {figures.drafts_wasted} wasted" if figures.drafts else ""
    return f"{a_minute}{_listed(figures.turns)}{drafts}"


def _suffered(figures: Figures) -> str:
    said = [
        (figures.cut_off, f"{figures.cut_off} cut off"),
        (figures.interruptions, _counted(figures.interruptions, "interruption")),
        (figures.stalls, f"{_counted(figures.stalls, 'break')} in the sound"),
        (figures.speech_lost_s, f"{figures.speech_lost_s:.1f} s of speech lost"),
        (figures.sound_lost_s, f"{figures.sound_lost_s:.1f} s of sound lost"),
        (figures.recognition_waited_s > 1, f"[red]speech waits {figures.recognition_waited_s:.1f} s[/]"),
    ]
    return ", ".join(text for amount, text in said if amount) or "nothing"


def _log(figures: Figures) -> str:
    state = {True: "stores facts", False: "[red]stores no facts[/]", None: "unknown"}[figures.log_ready]
    took = f", in {_ms(figures.append.p50_ms)} ms (p99 {_ms(figures.append.p99_ms)})" if figures.append.count else ""
    dead = "dead letters unknown"
    if figures.dead_letters is not None:
        dead = _red(_counted(figures.dead_letters, "dead letter"), figures.dead_letters > 0)
    return f"{state}{took}, {dead}"


def _disk(figures: Figures) -> str:
    free, size = figures.disk_free_bytes, figures.disk_size_bytes
    if free is None or not size:
        return "unknown"
    return _red(f"{free / 1e9:.1f} of {size / 1e9:.1f} GB free", free / size < FULL)


def _consumers(figures: Figures) -> Table:
    rows = [
        (each.durable, str(each.pending), str(each.unacknowledged), _red(f"{each.lag_s:.1f}", each.lag_s > BEHIND_S))
        for each in figures.consumers
    ]
    return _of_rows(("consumer", "waiting", "in work", "lag s"), rows)


def _engines(figures: Figures) -> Table:
    rows = [
        (
            each.stage,
            escape(each.engine),
            str(each.time.count),
            _ms(each.time.p50_ms),
            _ms(each.time.p95_ms),
            _red(str(each.errors), each.errors > 0),
        )
        for each in figures.engines
    ]
    return _of_rows(("stage", "engine", "answers", "p50 ms", "p95 ms", "errors"), rows, words=2)


def _processes(figures: Figures) -> Table:
    states = {True: "ready", False: "[red]not ready[/]", None: "—"}
    rows = [
        (
            escape(each.name),
            states[each.ready],
            f"{100 * each.cpu_cores:.1f}" if each.cpu_cores is not None else "—",
            f"{each.memory_bytes / 1e6:.0f}" if each.memory_bytes is not None else "—",
            _ms(each.loop_lag_p99_ms),
        )
        for each in figures.processes
    ]
    return _of_rows(("process", "state", "CPU %", "MB", "loop lag ms"), rows, words=2)


def _of_rows(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> Table:
    """Return a table whose first `words` columns are words, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number < words else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if counts else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _ms(ms: float | None) -> str:
    return "—" if ms is None else f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}"


def _red(text: str, is_red: bool) -> str:
    return f"[red]{text}[/]" if is_red else text
