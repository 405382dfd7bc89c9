"""*Voice agent*: what callers wait for and suffer, and where the time of an answer goes."""

from grafana_foundation_sdk.builders import dashboard

from infra.deploy.dashboards.panels import HALF, board, count, distribution, graph, number, quantile, rate, stacked

GAP = "daredevil_turn_gap_seconds"


def voice_agent() -> dashboard.Dashboard:
    """Return the dashboard."""
    whole = board(
        "daredevil-voice-agent",
        "Voice agent",
        "What callers wait for and suffer, and where the time of an answer goes. Counted from the facts of the log.",
    )
    for part in (_suffered, _latency, _turns, _engines):
        part(whole)
    return whole


def _suffered(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("What callers suffered, in this time"))
    for panel in (
        number("Turns", "Turns of which it is known what came of them.", "short", count("daredevil_turns_total")),
        number(
            "Failed turns",
            "No engine could answer, or nobody did.",
            "short",
            count("daredevil_turns_total", '{outcome=~"failed|unanswered"}'),
            limit=1,
        ),
        number(
            "Interruptions",
            "The caller spoke over the agent, and it fell silent.",
            "short",
            count("daredevil_interruptions_total", '{outcome="confirmed"}'),
        ),
        number(
            "Cut off",
            "The agent took a turn for over, and the caller went on speaking.",
            "short",
            count("daredevil_turns_cut_off_total"),
        ),
        number(
            "False starts",
            "Openers that were taken back, as the caller went on.",
            "short",
            count("daredevil_openers_total", '{outcome="retracted"}'),
        ),
        number(
            "Late sound",
            "Breaks in what callers heard.",
            "short",
            count("daredevil_playback_stalls_total", '{cause=~"late-sound|door"}'),
        ),
        number(
            "Speech lost",
            "Seconds of speech whose words are lost, and of sound that never arrived.",
            "s",
            "(sum(increase(daredevil_speech_lost_seconds_total[$__range])) or vector(0))"
            " + (sum(increase(daredevil_sound_lost_seconds_total[$__range])) or vector(0))",
        ),
    ):
        whole.with_panel(panel)


def _latency(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Response gap: from the end of speech to the first sound heard"))
    for panel in (
        stacked(
            "Waterfall",
            "What the mean gap is made of, along what was waited for; the parts sum to it.",
            "s",
            (
                "sum by (part) (rate(daredevil_turn_part_seconds_sum[$__rate_interval]))"
                f" / on () group_left () sum(rate({GAP}_count[$__rate_interval]))",
                "{{part}}",
            ),
            span=HALF,
        ),
        graph(
            "Percentiles",
            "HighLatency warns when P95 is above half a second for five minutes.",
            "s",
            (quantile(0.5, GAP), "P50"),
            (quantile(0.95, GAP), "P95"),
            (quantile(0.99, GAP), "P99"),
            span=HALF,
            limit=0.5,
        ),
        distribution("Distribution", "Turns by their gap.", "s", rate(f"{GAP}_bucket", "le")),
        graph("P95 by door", "Pages, rooms.", "s", (quantile(0.95, GAP, "door"), "{{door}}"), span=HALF, limit=0.5),
    ):
        whole.with_panel(panel)


def _turns(whole: dashboard.Dashboard) -> None:
    whole.with_row(dashboard.Row("Conversations"))
    for panel in (
        graph("Open sessions", "Now.", "short", ("sum by (door) (daredevil_sessions_open)", "{{door}}")),
        stacked(
            "Turns a minute",
            "By outcome.",
            "short",
            (f"60 * {rate('daredevil_turns_total', 'outcome')}", "{{outcome}}"),
        ),
        stacked(
            "Speech over the agent, a minute",
            "`confirmed` stopped it; the others proved to be no turn.",
            "short",
            (f"60 * {rate('daredevil_interruptions_total', 'outcome')}", "{{outcome}}"),
        ),
        stacked(
            "Answers a minute, by what was there last",
            "`turn`: the answer was ready before the turn had ended; `sound`: the caller waited for it.",
            "short",
            (f"60 * {rate('daredevil_turns_waited_for_total', 'last')}", "{{last}}"),
        ),
        graph(
            "Drafts a minute",
            "Replies begun on a guess, before the turn had ended, and those that were in vain.",
            "short",
            (f"60 * {rate('daredevil_drafts_started_total')}", "started"),
            (f"60 * ({rate('daredevil_drafts_wasted_total')} or vector(0))", "wasted"),
        ),
        stacked(
            "Breaks in playback, a minute",
            "`late-sound`, `door`: ours; `client`: the listener's device or network; `silent`: it had nothing to play.",
            "short",
            (f"60 * {rate('daredevil_playback_stalls_total', 'cause')}", "{{cause}}"),
        ),
        stacked(
            "Sessions ended, a minute",
            "By reason.",
            "short",
            (f"60 * {rate('daredevil_sessions_closed_total', 'reason')}", "{{reason}}"),
        ),
    ):
        whole.with_panel(panel)


def _engines(whole: dashboard.Dashboard) -> None:
    first, tokens = "gen_ai_client_operation_time_to_first_chunk_seconds", "gen_ai_client_token_usage"
    engine, tool = "daredevil_engine_duration_seconds", "gen_ai_execute_tool_duration_seconds"
    whole.with_row(dashboard.Row("Engines and tools"))
    for panel in (
        graph(
            "Engine time, P95", "By stage.", "s", (quantile(0.95, engine, "stage", "engine"), "{{stage}} {{engine}}")
        ),
        graph(
            "Engine failures a minute",
            "EngineFailing warns of three within five minutes.",
            "short",
            (f"60 * {rate('daredevil_engine_errors_total', 'stage', 'engine')}", "{{stage}} {{engine}}"),
        ),
        graph(
            "Speech waits for recognition",
            "RecognitionBehind warns above 1.5 s.",
            "s",
            ("max by (instance) (daredevil_recognition_waited_seconds)", "{{instance}}"),
            limit=1.5,
        ),
        graph(
            "First token",
            "From asking the model to its first token.",
            "s",
            (quantile(0.5, first, "gen_ai_request_model"), "P50 {{gen_ai_request_model}}"),
            (quantile(0.95, first, "gen_ai_request_model"), "P95 {{gen_ai_request_model}}"),
        ),
        graph(
            "Tokens a second",
            "What the models read and wrote.",
            "short",
            (
                rate(f"{tokens}_sum", "gen_ai_request_model", "gen_ai_token_type"),
                "{{gen_ai_request_model}} {{gen_ai_token_type}}",
            ),
        ),
        graph(
            "Tools",
            "Calls a minute by outcome, and how long they take.",
            "short",
            (
                f"60 * {rate('daredevil_tool_calls_total', 'gen_ai_tool_name', 'outcome')}",
                "{{gen_ai_tool_name}} {{outcome}}",
            ),
            (quantile(0.95, tool, "gen_ai_tool_name"), "P95 s {{gen_ai_tool_name}}"),
        ),
    ):
        whole.with_panel(panel)
