"""*System*: actors, the log on NATS, Postgres, Pulsar."""

from grafana_foundation_sdk.builders import dashboard

from infra.deploy.dashboards.panels import board, graph, number, quantile, rate, stacked


def system() -> dashboard.Dashboard:
    """Return the dashboard."""
    whole = board("daredevil-system", "System", "Whether every part works: actors, the log, and its copies.")
    for part in (_now, _actors, _log, _copies):
        part(whole)
    return whole


def _now(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Now"))
    for panel in (
        number("Alerts", "That fire.", "short", 'count(ALERTS{alertstate="firing"}) or vector(0)', limit=1),
        number("Services down", "No copy answers.", "short", "count(service:up:sum == 0) or vector(0)", limit=1),
        number("Log", "1: it stores what it is given.", "short", "min(daredevil_log_ready)"),
        number(
            "Dead letters",
            "That wait for somebody.",
            "short",
            "sum(max by (durable) (daredevil_dead_letters)) or vector(0)",
            limit=1,
        ),
        number(
            "Disk free",
            "Where the log is.",
            "percentunit",
            "min(daredevil_disk_free_bytes / daredevil_disk_size_bytes)",
        ),
        number(
            "Facts a second",
            "Stored in the last minutes.",
            "short",
            "sum(rate(daredevil_facts_total[5m])) or vector(0)",
        ),
    ):
        whole.with_panel(panel)


def _actors(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Actors and doors"))
    for panel in (
        graph("Copies that answer", "ServiceDown warns at 0.", "short", ("service:up:sum", "{{service_name}}")),
        graph(
            "Ready",
            "1: it can do its work.",
            "short",
            ("min by (service_name) (daredevil_process_ready)", "{{service_name}}"),
        ),
        graph(
            "Handling an event, P95",
            "By consumer; jobs of transcript and recorder last as long as a call.",
            "s",
            (
                quantile(0.95, "messaging_process_duration_seconds", "messaging_consumer_group_name"),
                "{{messaging_consumer_group_name}}",
            ),
        ),
        stacked("CPU", "Cores.", "short", (rate("process_cpu_time_seconds_total", "service_name"), "{{service_name}}")),
        stacked(
            "Memory", "Resident.", "bytes", ("sum by (service_name) (process_memory_usage_bytes)", "{{service_name}}")
        ),
        graph(
            "Event loop lag, P99",
            "How late a process is at what it wants to do.",
            "s",
            (quantile(0.99, "daredevil_event_loop_lag_seconds", "service_name"), "{{service_name}}"),
        ),
    ):
        whole.with_panel(panel)


def _log(whole: dashboard.Dashboard) -> None:
    publish, only = "messaging_client_operation_duration_seconds", '{messaging_operation_name="publish"}'
    whole.with_row(dashboard.Row("The log on NATS"))
    for panel in (
        graph(
            "Storing a fact",
            "Until NATS has it on disk.",
            "s",
            (quantile(0.5, publish, only=only), "P50"),
            (quantile(0.99, publish, only=only), "P99"),
        ),
        graph(
            "Consumer lag",
            "Age of the oldest event that a consumer has not been given. ConsumerStalled warns above 30 s.",
            "s",
            ("durable:consumer_lag_seconds:max", "{{durable}}"),
            limit=30,
        ),
        graph(
            "Events in work",
            "Given to a consumer, and not done yet; jobs of transcript and recorder last as long as a call.",
            "short",
            ("max by (durable) (daredevil_consumer_unacknowledged)", "{{durable}}"),
        ),
        graph(
            "Events waiting",
            "Not given to a consumer yet.",
            "short",
            ("durable:consumer_pending:max", "{{durable}}"),
        ),
        graph(
            "Refusals a minute",
            "Facts that the log did not take at the first attempt.",
            "short",
            (f"60 * ({rate('daredevil_log_refusals_total')} or vector(0))", "refusals"),
        ),
        stacked("Streams", "Size of each.", "bytes", ("max by (stream) (daredevil_stream_size_bytes)", "{{stream}}")),
        graph(
            "Disk",
            "DiskFilling warns when less than a tenth is free, or will be within four hours.",
            "bytes",
            ("min(daredevil_disk_free_bytes)", "free"),
            ("max(daredevil_jetstream_storage_used_bytes)", "used by NATS"),
        ),
    ):
        whole.with_panel(panel)


def _copies(whole: dashboard.Dashboard) -> None:
    only = '{service_name=~"daredevil-projection-.+"}'
    whole.with_row(dashboard.Row("Copies of the log: Postgres, Pulsar"))
    for panel in (
        graph(
            "Following",
            "1: it takes what the log has; 0: it waits for its server, or has stopped.",
            "short",
            ("min by (projection) (daredevil_projection_ready)", "{{projection}}"),
        ),
        graph(
            "Facts behind the log",
            "Not in the tables or topics yet.",
            "short",
            (
                "clamp_min(max(daredevil_log_sequence)"
                " - on () group_right () max by (projection) (daredevil_projection_position), 0)",
                "{{projection}}",
            ),
        ),
        graph(
            "CPU",
            "Of the processes that fill them.",
            "short",
            (rate("process_cpu_time_seconds_total", "service_name", only=only), "{{service_name}}"),
        ),
    ):
        whole.with_panel(panel)
