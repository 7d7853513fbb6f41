"""Charts as inline SVG: bars, histograms, stacked shares, intervals. Pure functions from numbers to markup.

No style attribute stands in the markup (the page's policy forbids them): colours are classes of the page's style sheet, so
that they follow light and dark. Every chart is an image with a title, and every mark tells its number on hover.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from service.report.highlight import plain_marks

#: Panels are drawn at this width in CSS pixels and shown at about it, so that their text keeps its size.
PANEL_WIDTH = 360
PANEL_HEIGHT = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 10, 40
_MOST_X_LABELS = 6

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Series:
    """Counts by bin; `name` is also the CSS class (`s-<name>`), `label` is what people read."""

    name: str
    label: str
    counts: Sequence[int]


def element(tag: str, *children: Markup | str, **attributes: str | float | None) -> Markup:
    """Builds one element; text and attribute values are escaped, `class_` and the like lose their underscore, None leaves out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _number(value))
        for name, value in attributes.items()
        if value is not None
    )
    body = Markup("").join(child if isinstance(child, Markup) else escape(plain_marks(child)) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), written, body)  # noqa: S704 - tags are named in this module


def _number(value: str | float) -> str:
    return plain_marks(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def compact(number: float) -> str:
    """Gives a number for an axis: 950, 1.2k, 35k, 4M."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def nice_ticks(top: float, count: int = 4) -> list[float]:
    """Gives round numbers from 0 up to at least `top`, about `count` steps."""
    if top <= 0:
        return [0.0, 1.0]
    step = _nice_step(top / count)
    if top >= 1 and not step.is_integer():
        step = max(1.0, 2 * step)  # counts have no halves
    return [step * index for index in range(math.ceil(top / step - 1e-9) + 1)]


def _nice_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= least * 0.999)


def share_bar(parts: Sequence[tuple[str, str, float]], title: str) -> Markup:
    """Draws one horizontal bar of stacked parts that fills its cell.

    Args:
        parts: (CSS class, label, share of the whole bar from 0 to 1), left to right.
        title: what the bar says, for people who do not see it.
    """
    position = 0.0
    drawn: list[Markup] = []
    for name, label, share in parts:
        width = max(0.0, min(share, 1.0 - position)) * 1000
        if width > 0:
            # A part of one row in ten million is still to be seen: at least a hair's width.
            drawn.append(
                element(
                    "rect",
                    element("title", label),
                    class_=name,
                    x=position * 1000,
                    y=0,
                    width=max(width, 1.5),
                    height=10,
                )
            )
        position += max(0.0, share)
    return element(
        "svg",
        element("title", title),
        *drawn,
        class_="bar",
        viewBox="0 0 1000 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=title,
    )


def interval_bar(rate: float, low: float, high: float, title: str, width: int = 200) -> Markup:
    """Draws a rate from 0 to 1 as a dot with its interval as a line, over a track with quarter marks."""
    inner = width - 12

    def x(value: float) -> float:
        return 6 + value * inner

    quarters = [element("line", class_="grid", x1=x(q), x2=x(q), y1=2, y2=16) for q in (0, 0.25, 0.5, 0.75, 1)]
    return element(
        "svg",
        element("title", title),
        *quarters,
        element("line", class_="interval", x1=x(low), x2=x(high), y1=9, y2=9),
        element("circle", class_="dot", cx=x(rate), cy=9, r=4),
        class_="interval-bar",
        viewBox=f"0 0 {width} 18",
        width=width,
        height=18,
        role="img",
        aria_label=title,
    )


def histogram(
    edges: Sequence[float],
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str = "",
    log: bool = False,
    threshold: float | None = None,
    stacked: bool = False,
) -> Markup:
    """Draws counts by bin as one panel: the first series as an area behind, the others in front of it.

    Args:
        edges: bin edges, one more than counts; rising, above 0 when `log`.
        series: one or two series over the same bins.
        title: what the panel shows.
        x_label: name and unit of the x axis.
        y_label: what is counted.
        log: whether the x axis is logarithmic.
        threshold: a value that is marked by a line.
        stacked: whether a series stands on the one before it.
    """
    totals = [sum(counts) if stacked else max(counts) for counts in zip(*(item.counts for item in series), strict=True)]
    ticks = nice_ticks(max(totals, default=0))
    floor = PANEL_HEIGHT - _BOTTOM
    low, high = _scaled(edges[0], log), _scaled(edges[-1], log)

    def x(value: float) -> float:
        return _LEFT + (_scaled(value, log) - low) / ((high - low) or 1) * (PANEL_WIDTH - _LEFT - _RIGHT)

    def y(count: float) -> float:
        return floor - count / ticks[-1] * (floor - _TOP)

    bars: list[Markup] = []
    below = [0] * (len(edges) - 1)
    for item in series:
        for index, count in enumerate(item.counts):
            if not count:
                continue
            left, right = x(edges[index]), x(edges[index + 1])
            told = f"{item.label}: {count:,} at {compact(edges[index])} to {compact(edges[index + 1])}"
            # A bin with something in it is never invisible.
            bottom = y(below[index]) if stacked else floor
            top = min(y(count + (below[index] if stacked else 0)), bottom - 1)
            below[index] += count
            bars.append(
                element(
                    "rect",
                    element("title", told),
                    class_=f"s-{item.name}",
                    x=left + 0.5,
                    y=top,
                    width=max(right - left - 1, 0.5),
                    height=bottom - top,
                )
            )
    axes = _y_axis(ticks, y, y_label), _x_axis(_x_ticks(edges, log), x, floor, x_label)
    return panel(title, [*axes[0], *bars, *_threshold_line(threshold, x, floor), *axes[1]])


def panel(title: str, drawn: Iterable[Markup]) -> Markup:
    """Frames what is drawn in `PANEL_WIDTH` by `PANEL_HEIGHT` as one chart with a title, which screen readers say."""
    return element(
        "svg",
        element("title", title),
        *drawn,
        class_="panel",
        viewBox=f"0 0 {PANEL_WIDTH} {PANEL_HEIGHT}",
        role="img",
        aria_label=title,
    )


def _threshold_line(threshold: float | None, x: Scale, floor: float) -> list[Markup]:
    if threshold is None or not _LEFT <= x(threshold) <= PANEL_WIDTH - _RIGHT:
        return []
    told = element("title", f"threshold {threshold:g}")
    return [element("line", told, class_="threshold", x1=x(threshold), x2=x(threshold), y1=_TOP - 4, y2=floor)]


def _scaled(value: float, log: bool) -> float:
    return math.log10(max(value, 1e-9)) if log else value


def _x_ticks(edges: Sequence[float], log: bool) -> list[float]:
    if not log:
        step = _nice_step((edges[-1] - edges[0]) / 5)
        first, last = math.ceil(edges[0] / step - 1e-9), math.floor(edges[-1] / step + 1e-9)
        return [number * step for number in range(first, last + 1)]
    first, last = math.ceil(math.log10(edges[0]) - 1e-9), math.floor(math.log10(edges[-1]) + 1e-9)
    powers = [10.0**power for power in range(first, last + 1)]
    if sum(edges[0] <= power <= edges[-1] for power in powers) < 3:
        for digits in ((1, 2, 5), (1, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
            between = [digit * power for power in powers for digit in digits]
            between = [value for value in between if edges[0] <= value <= edges[-1]]
            if len(between) >= 3:
                return between[:: math.ceil(len(between) / _MOST_X_LABELS)]
        return [edges[0], edges[-1]]
    return powers[:: math.ceil(len(powers) / _MOST_X_LABELS)]


def _y_axis(ticks: Sequence[float], y: Scale, label: str) -> list[Markup]:
    drawn = []
    for tick in ticks:
        drawn.append(element("line", class_="grid", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=y(tick), y2=y(tick)))
        drawn.append(element("text", compact(tick), x=_LEFT - 6, y=y(tick) + 4, text_anchor="end"))
    if label:
        middle = (PANEL_HEIGHT - _BOTTOM + _TOP) / 2
        turn = f"rotate(-90 11 {middle:g})"
        drawn.append(element("text", label, class_="axis", x=11, y=middle, text_anchor="middle", transform=turn))
    return drawn


def _x_axis(ticks: Sequence[float], x: Scale, floor: float, label: str) -> list[Markup]:
    drawn = [element("line", class_="base", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=floor, y2=floor)]
    for tick in ticks:
        anchor = "end" if x(tick) > PANEL_WIDTH - _RIGHT - 10 else "middle"
        drawn.append(element("line", class_="base", x1=x(tick), x2=x(tick), y1=floor, y2=floor + 4))
        drawn.append(element("text", compact(tick), x=x(tick), y=floor + 16, text_anchor=anchor))
    middle = (_LEFT + PANEL_WIDTH - _RIGHT) / 2
    drawn.append(element("text", label, class_="axis", x=middle, y=floor + 34, text_anchor="middle"))
    return drawn
