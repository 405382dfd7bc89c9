"""*LiveKit*: rooms, who is in them, and what the network does to their sound."""

from grafana_foundation_sdk.builders import dashboard

from infra.deploy.dashboards.panels import board, graph, number, quantile, rate

ROOMS = '{service_name="daredevil-livekit-room"}'
CALLS = '{door="livekit"}'


def livekit() -> dashboard.Dashboard:
    """Return the dashboard."""
    whole = board("daredevil-livekit", "LiveKit", "Rooms, who is in them, and what the network does to their sound.")
    for part in (_now, _sound, _jobs):
        part(whole)
    return whole


def _now(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Rooms"))
    for panel in (
        number("Rooms", "With the agent in them, now.", "short", "sum(daredevil_rooms)"),
        number("Participants", "In these rooms, without the agent.", "short", "sum(daredevil_room_participants)"),
        number(
            "Sessions opened",
            "In this time: rooms in which somebody met the agent.",
            "short",
            f"sum(increase(daredevil_sessions_opened_total{CALLS}[$__range])) or vector(0)",
        ),
        number(
            "Lost packets",
            "Of the last two minutes, to or from the agent. PacketLoss warns above 1 %.",
            "percentunit",
            "max(direction:room_packets:lost_ratio_2m)",
            limit=0.01,
        ),
        number(
            "Response gap, P95",
            "In rooms, of this time.",
            "s",
            "histogram_quantile(0.95, sum by (le) (rate(daredevil_turn_gap_seconds_bucket" + CALLS + "[$__range])))",
            limit=0.5,
        ),
        number("Doors", "Workers that take rooms.", "short", 'service:up:sum{service_name="daredevil-bridge-livekit"}'),
    ):
        whole.with_panel(panel)
    for curve in (
        graph("Rooms", "With the agent in them.", "short", ("sum(daredevil_rooms)", "rooms")),
        graph("Participants", "Without the agent.", "short", ("sum(daredevil_room_participants)", "participants")),
        graph(
            "Response gap in rooms",
            "From the end of speech to the first sound that left the agent.",
            "s",
            (quantile(0.5, "daredevil_turn_gap_seconds", only=CALLS), "P50"),
            (quantile(0.95, "daredevil_turn_gap_seconds", only=CALLS), "P95"),
            limit=0.5,
        ),
    ):
        whole.with_panel(curve)


def _sound(whole: dashboard.Dashboard) -> None:
    received, lost = "daredevil_room_packets_received_total", "daredevil_room_packets_lost_total"
    whole.with_row(dashboard.Row("The network"))
    for panel in (
        graph(
            "Lost packets",
            "`inbound`: from callers to the agent; `outbound`: from the agent to the LiveKit server.",
            "percentunit",
            ("direction:room_packets:lost_ratio_2m", "{{direction}}"),
            limit=0.01,
        ),
        graph(
            "Packets a second",
            "Received, and lost.",
            "pps",
            (rate(received, "direction"), "received {{direction}}"),
            (rate(lost, "direction"), "lost {{direction}}"),
        ),
        graph(
            "Jitter, P95",
            "How unevenly packets arrive.",
            "s",
            (quantile(0.95, "daredevil_room_jitter_seconds", "direction"), "{{direction}}"),
        ),
    ):
        whole.with_panel(panel)


def _jobs(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Jobs: a process for each room"))
    for panel in (
        graph("CPU of all rooms", "Cores.", "short", (rate("process_cpu_time_seconds_total", only=ROOMS), "cores")),
        graph("Memory of all rooms", "Resident.", "bytes", (f"sum(process_memory_usage_bytes{ROOMS})", "memory")),
        graph(
            "Event loop lag, P99",
            "How late a room's process is at what it wants to do: a busy machine is heard as stutter.",
            "s",
            (quantile(0.99, "daredevil_event_loop_lag_seconds", only=ROOMS), "P99"),
        ),
    ):
        whole.with_panel(panel)
