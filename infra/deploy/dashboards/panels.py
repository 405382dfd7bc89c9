"""What the panels of all dashboards have in common: where they read, how they look, how wide they are."""

from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""The data source of `grafana/provisioning/datasources`."""

GRAPH, THIRD, HALF = 8, 8, 12
"""Height of a graph, and widths, in Grafana's units: a dashboard is 24 wide."""

NUMBER = 4

Query = tuple[str, str]
"""A PromQL expression, and what its series are called in the legend; `{{label}}` stands for a label's value."""


def board(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """Return a dashboard without panels, of the last hour."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["daredevil"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )


def graph(
    title: str, description: str, unit: str, *queries: Query, span: int = THIRD, limit: float | None = None
) -> timeseries.Panel:
    """Return curves over time. `limit` is where an alert warns, a dashed line."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(GRAPH)
        .line_width(1)
        .fill_opacity(8)
        .show_points(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if limit is not None:
        panel.thresholds(_above(limit))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    for name, (expression, legend) in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(prometheus.Dataquery().ref_id(name).expr(expression).legend_format(legend).range())
    return panel


def stacked(title: str, description: str, unit: str, *queries: Query, span: int = THIRD) -> timeseries.Panel:
    """Return parts of a whole over time, one upon the other."""
    panel = graph(title, description, unit, *queries, span=span).fill_opacity(40)
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))


def number(title: str, description: str, unit: str, expression: str, limit: float | None = None) -> stat.Panel:
    """Return one figure of now, or of the dashboard's time (`$__range`); red from `limit` on."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(NUMBER)
        .height(NUMBER)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(prometheus.Dataquery().ref_id("A").expr(expression).instant())
    )
    return panel.thresholds(_above(limit)) if limit is not None else panel


def distribution(title: str, description: str, unit: str, expression: str, span: int = HALF) -> heatmap.Panel:
    """Return how values spread over time; `expression` has a series for each bucket (`le`)."""
    target = prometheus.Dataquery().ref_id("A").expr(expression).legend_format("{{le}}").range()
    target.format(PromQueryFormat.HEATMAP)
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(span)
        .height(GRAPH)
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(32))
        .with_target(target)
    )


def _above(limit: float) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green"), Threshold(value=limit, color="red")]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def quantile(share: float, metric: str, *labels: str, only: str = "") -> str:
    """Return the expression of a quantile of a histogram over the panel's interval, by labels."""
    by = ", ".join((*labels, "le"))
    return f"histogram_quantile({share:g}, sum by ({by}) (rate({metric}_bucket{only}[$__rate_interval])))"


def rate(metric: str, *labels: str, only: str = "") -> str:
    """Return the expression of a counter's growth per second, by labels."""
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({metric}{only}[$__rate_interval]))"


def count(metric: str, only: str = "") -> str:
    """Return the expression of how much a counter grew within the dashboard's time; 0 if there was nothing to count."""
    return f"sum(increase({metric}{only}[$__range])) or vector(0)"
