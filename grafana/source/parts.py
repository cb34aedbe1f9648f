"""Panels of each kind, with what all panels of this dashboard have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from grafana.source import looks
from grafana.source.sdk import (
    Builder,
    PromQueryFormat,
    bargauge,
    build,
    common,
    enums,
    model,
    prometheus,
    stat,
    table,
    timeseries,
)

SOURCE = enums.DataSourceRef(type_val="prometheus", uid="${datasource}")
Panel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel | bargauge.Panel
P = TypeVar("P", stat.Panel, table.Panel, timeseries.Panel, bargauge.Panel)
Properties: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class About:
    """What a panel is called and says of itself.

    Attributes:
        runbooks: alerts whose pages tell what to do.
    """

    title: str
    meaning: str
    runbooks: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The text behind the panel's (i), with the pages' places in this repository."""
        pages = ", ".join(f"docs/runbooks/{name}.md" for name in self.runbooks)
        return f"{self.meaning}\n\nWhat to do: {pages}." if pages else self.meaning

    def links(self) -> list[Builder[model.DashboardLink]]:
        """Return links to the pages."""
        return [
            build.DashboardLink(f"What to do: {name}")
            .type(model.DashboardLinkType.LINK)
            .url(f"${{runbooks}}/{name}.md")
            .target_blank(target_blank=True)
            for name in self.runbooks
        ]


def instant(expression: str, legend: str = "", *, ref: str = "A") -> prometheus.Dataquery:
    """Return a query of the present."""
    query = prometheus.Dataquery().datasource(SOURCE).expr(expression).ref_id(ref).instant()
    return query.legend_format(legend) if legend else query


def rows(expression: str, *, ref: str = "A") -> prometheus.Dataquery:
    """Return a query of the present whose labels become columns."""
    return instant(expression, ref=ref).format(PromQueryFormat.TABLE)


def over_time(expression: str, legend: str, *, ref: str = "A") -> prometheus.Dataquery:
    """Return a query over the chosen time."""
    query = prometheus.Dataquery().datasource(SOURCE).expr(expression).ref_id(ref).range()
    return query.legend_format(legend)


def number(  # noqa: PLR0913  a panel has that many sides
    about: About,
    expression: str,
    thresholds: build.ThresholdsConfig,
    *,
    width: int = 4,
    unit: str = "short",
    legend: str = "",
    no_value: str = "not known",
    texts: Sequence[model.ValueMapping] = (),
) -> stat.Panel:
    """Return one number on its colour, four rows high.

    A ``legend`` says whose number it is, and is then shown too; ``texts`` are words for numbers.
    """
    named = enums.BigValueTextMode.VALUE_AND_NAME if legend else enums.BigValueTextMode.VALUE
    panel = (
        stat.Panel()
        .with_target(instant(expression, legend or about.title))
        .unit(unit)
        .decimals(0)
        .thresholds(thresholds)
        .mappings(list(texts))
        .no_value(no_value)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(enums.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(enums.BigValueGraphMode.NONE)
        .justify_mode(enums.BigValueJustifyMode.CENTER)
        .text_mode(named)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )
    return _common(panel, about, width, 4)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        label: of the series, or ``Value`` (with ``#A`` and so on where there are several queries).
        properties: of Grafana's field configuration.
    """

    label: str
    title: str
    width: int = 0
    properties: Properties = field(default_factory=dict)


def listing(  # noqa: PLR0913  a panel has that many sides
    about: About,
    queries: Sequence[str],
    columns: Sequence[Column],
    worst: tuple[str, bool],
    *,
    hidden: Sequence[str] = (),
    width: int = 24,
    height: int = 10,
) -> table.Panel:
    """Return a table.

    The first query tells the rows; the others add columns to rows of equal labels. ``worst`` is the
    title of the column to sort by, and whether downwards. What is ``hidden`` is asked for and not
    shown.
    """
    panel = (
        table.Panel()
        .sort_by([common.TableSortByFieldState().display_name(worst[0]).desc(worst[1])])
        .cell_height(enums.TableCellHeight.SM)
        .filterable(filterable=True)
    )
    for number_of, query in enumerate(queries):
        panel.with_target(rows(query, ref=chr(ord("A") + number_of)))
    if len(queries) > 1:
        panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(["Time", *hidden], True),
                "indexByName": {column.label: place for place, column in enumerate(columns)},
                "renameByName": {column.label: column.title for column in columns},
            },
        )
    )
    for column in columns:
        properties = dict(column.properties)
        if column.width:
            properties["custom.width"] = column.width
        if properties:
            panel.override_by_name(
                column.title,
                [model.DynamicConfigValue(id_val=k, value=v) for k, v in properties.items()],
            )
    return _common(panel, about, width, height)


def worded(
    mapping: model.ValueMapping | Sequence[model.ValueMapping], *, filled: bool
) -> Properties:
    """Return properties of a column whose values are replaced by words on a colour."""
    mappings = [mapping] if not isinstance(mapping, Sequence) else list(mapping)
    return {
        "mappings": mappings,
        "custom.align": "left",
        "custom.cellOptions": {"type": "color-background", "mode": "basic"}
        if filled
        else {"type": "color-text"},
    }


def in_days() -> Properties:
    """Return properties of a column that holds days until something ends."""
    return {
        "unit": looks.DAYS,
        "decimals": 0,
        "thresholds": looks.days_left().build(),
        "color": {"mode": "thresholds"},
        "custom.cellOptions": {"type": "color-text"},
        "custom.align": "right",
    }


def graph(  # noqa: PLR0913  a panel has that many sides
    about: About,
    queries: Sequence[tuple[str, str]],
    *,
    unit: str = "short",
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    width: int = 12,
    height: int = 8,
) -> timeseries.Panel:
    """Return lines, or areas that add up, over the chosen time.

    A query is an expression and its legend; ``colours`` are by name in the legend.
    """
    panel = (
        timeseries.Panel()
        .unit(unit)
        .min(0)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .line_width(2)
        .fill_opacity(60 if stacked else 8)
        .show_points(enums.VisibilityMode.NEVER)
        .line_interpolation(
            enums.LineInterpolation.STEP_AFTER if stacked else enums.LineInterpolation.LINEAR
        )
        .legend(
            common.VizLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(enums.LegendDisplayMode.LIST)
            .placement(enums.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull"])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(enums.TooltipDisplayMode.MULTI)
            .sort(enums.SortOrder.DESCENDING)
        )
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(enums.StackingMode.NORMAL).group("A"))
        panel.line_width(1).decimals(0)
    for place, (expression, legend) in enumerate(queries):
        panel.with_target(over_time(expression, legend, ref=chr(ord("A") + place)))
    for name, colour in (colours or {}).items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(name, [model.DynamicConfigValue(id_val="color", value=fixed)])
    return _common(panel, about, width, height)


def bars(  # noqa: PLR0913  a panel has that many sides
    about: About,
    expression: str,
    legend: str,
    thresholds: build.ThresholdsConfig,
    *,
    unit: str = "short",
    width: int = 8,
    height: int = 10,
) -> bargauge.Panel:
    """Return a bar for each series of the present."""
    panel = (
        bargauge.Panel()
        .with_target(instant(expression, legend))
        .unit(unit)
        .decimals(0)
        .min(0)
        .thresholds(thresholds)
        .no_value("none")
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .orientation(enums.VizOrientation.HORIZONTAL)
        .display_mode(enums.BarGaugeDisplayMode.BASIC)
        .value_mode(enums.BarGaugeValueMode.TEXT)
        .show_unfilled(show_unfilled=True)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    )
    return _common(panel, about, width, height)


def _common(panel: P, about: About, width: int, height: int) -> P:
    panel.title(about.title).description(about.description).links(about.links())
    panel.datasource(SOURCE).span(width).height(height)
    return panel
