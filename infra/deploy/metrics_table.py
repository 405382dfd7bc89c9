"""Writes the table of metrics in `docs/observability.md`: `make metrics-table`."""

from pathlib import Path

from infra.log.log_figures import OF_JETSTREAM
from infra.metrics import table as t
from infra.metrics.metric import AnyMetric, Attribute, Histogram
from infra.metrics.samples import name_of

PATH = Path(__file__).parents[2] / "docs" / "observability.md"
BEGIN, END = "<!-- metrics: `make metrics-table` writes this -->\n", "<!-- end of metrics -->\n"

RECORDED_BY: dict[str, tuple[AnyMetric, ...]] = {
    "Conversations: persistence counts the facts": (
        t.GAP,
        t.GAP_PART,
        t.WAITED_FOR,
        t.TURNS,
        t.CUT_OFF,
        t.OPENERS,
        t.OPENER_GAP,
        t.INTERRUPTIONS,
        t.DRAFTS,
        t.WASTED,
        t.OPENED,
        t.CLOSED,
        t.ENGINE_TIME,
        t.ENGINE_ERRORS,
        t.TOOL_CALLS,
        t.TOOL_TIME,
        t.SPEECH_LOST,
        t.SOUND_LOST,
        t.NOT_RECORDED,
        t.STALLS,
        t.FELL_BEHIND,
        t.FACTS,
    ),
    "Language models: reasoning": (t.MODEL_TIME, t.FIRST_TOKEN, t.TOKEN_USAGE),
    "The log: persistence asks JetStream every 5 s": (
        *OF_JETSTREAM,
        t.LOG_READY,
        t.DISK_FREE,
        t.DISK_SIZE,
    ),
    "Every process": (
        t.READY,
        t.CPU_TIME,
        t.MEMORY,
        t.THREADS,
        t.DESCRIPTORS,
        t.UPTIME,
        t.LOOP_LAG,
        t.APPEND_TIME,
        t.REFUSED,
        t.HANDLING_TIME,
        t.DEAD_LETTERS_WRITTEN,
        t.TAPE_DROPPED,
    ),
    "Doors": (t.OPEN, t.CAPACITY, t.FULL),
    "Transcript": (t.WAITED,),
    "Projections": (t.PROJECTION_POSITION, t.PROJECTION_READY),
    "Jobs of LiveKit rooms": (t.ROOMS, t.PARTICIPANTS, t.PACKETS, t.PACKETS_LOST, t.JITTER),
}
"""Which process records what."""

HEAD = "| in Prometheus | in OTLP | kind | labels | what it is |\n|---|---|---|---|---|\n"
MOST_SHOWN = 12


def table() -> str:
    """Return the tables, one for each that records metrics."""
    parts = [f"**{by}**\n\n{HEAD}{''.join(map(_row, metrics))}" for by, metrics in RECORDED_BY.items()]
    return "\n".join(parts)


def with_table(page: str) -> str:
    """Return the page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def _row(metric: AnyMetric) -> str:
    name = name_of(metric) + ("_bucket" if isinstance(metric, Histogram) else "")
    kind = "gauge" if metric.kind == "updowncounter" else metric.kind
    labels = "; ".join(map(_label, metric.attributes))
    return f"| `{name}` | `{metric.name}` | {kind} | {labels} | {metric.description} |\n"


def _plain(name: str) -> str:
    return name.replace(".", "_")


def _label(attribute: Attribute) -> str:
    shown = f"`{_plain(attribute.key)}`"
    if not attribute.values:
        return shown
    if len(attribute.values) > MOST_SHOWN:
        return f"{shown}: one of {len(attribute.values)}"
    return f"{shown}: {', '.join(attribute.values)}"


if __name__ == "__main__":
    PATH.write_text(with_table(PATH.read_text()))
