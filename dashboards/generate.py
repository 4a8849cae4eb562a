"""From the table of panels to the files that Grafana reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
)

if TYPE_CHECKING:
    from dashboards.panels import Board, Panel

_SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="prometheus")
_WIDTH: Final = 24
_NUMBER: Final = (4, 4)
_COURSE: Final = (12, 8)


def generate(board: Board) -> str:
    """Return the text of a dashboard's file."""
    builder = (
        dashboard.Dashboard(board.title)
        .uid(f"slipway-{board.name}")
        .description(board.about)
        .tags(["slipway"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .readonly()
    )
    for panel in board.panels:
        builder = builder.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(builder.build()) + "\n"


def _panel(panel: Panel) -> Any:
    query = prometheus.Dataquery().expr(panel.query).legend_format(panel.legend).ref_id("A")
    width, height = _NUMBER if panel.number else _COURSE
    made: Any = stat.Panel() if panel.number else timeseries.Panel()
    made = made.title(panel.title).datasource(_SOURCE).unit(panel.unit).span(width).height(height).with_target(query)
    if panel.top is not None:
        made = made.max(panel.top)
    if panel.number:
        steps = [models.Threshold(value=None, color="green")]
        if panel.red_from is not None:
            steps.append(models.Threshold(value=panel.red_from, color="red"))
        return (
            made.thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
            .color_mode(BigValueColorMode.VALUE)
            .graph_mode(BigValueGraphMode.AREA)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return made.min(0).legend(legend.show_legend(show_legend=True))
