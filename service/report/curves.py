"""Charts of estimates as inline SVG: pass@k and cons@k over k, and prompts by pass rate. Pure, by the rules of `service.report.charts`."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from service.report.charts import PANEL_HEIGHT, PANEL_WIDTH, compact, element, nice_ticks, panel
from service.report.estimate_facts import KFact
from service.report.formats import format_percent

_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 10, 40
_FLOOR = PANEL_HEIGHT - _BOTTOM


def k_curves(series: Sequence[tuple[str, str, Sequence[KFact]]], title: str) -> Markup:
    """Draws shares over k, on a logarithmic axis, each with its interval.

    Args:
        series: (CSS class, label, points); points without a value are left out.
        title: what the panel shows.
    """
    points = [point for _, _, facts in series for point in facts if point.value is not None]
    ks = sorted({point.k for point in points})
    most = math.log2(max(ks, default=1)) or 1.0

    def x(k: int, place: int = 0) -> float:
        # The second series stands a little aside, so that its intervals do not hide the first one's.
        return _LEFT + 8 + math.log2(k) / most * (PANEL_WIDTH - _LEFT - _RIGHT - 22) + 6 * place

    def y(share: float) -> float:
        return _FLOOR - share * (_FLOOR - _TOP)

    drawn: list[Markup] = []
    for place, (name, label, facts) in enumerate(series):
        known = [fact for fact in facts if fact.value is not None]
        line = " ".join(f"{x(fact.k, place):.2f},{y(fact.value or 0.0):.2f}" for fact in known)
        drawn.append(element("polyline", class_=f"curve {name}", points=line))
        for fact in known:
            if fact.low is not None and fact.high is not None:
                drawn.append(
                    element(
                        "line",
                        class_=f"spread {name}",
                        x1=x(fact.k, place),
                        x2=x(fact.k, place),
                        y1=y(fact.low),
                        y2=y(fact.high),
                    )
                )
            drawn.append(
                element(
                    "circle",
                    element("title", _told(label, fact)),
                    class_=name,
                    cx=x(fact.k, place),
                    cy=y(fact.value or 0.0),
                    r=4,
                )
            )
    axis = [(y(share), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return _panel(title, axis, drawn, [(x(k), str(k)) for k in ks], "samples k (log)")


def _told(label: str, fact: KFact) -> str:
    value = format_percent(fact.value or 0.0)
    if fact.low is None or fact.high is None:
        return f"{label}@{fact.k}: {value}"
    return f"{label}@{fact.k}: {value}, interval {format_percent(fact.low)} to {format_percent(fact.high)}"


def band_bars(bars: Sequence[tuple[str, int, str]], title: str) -> Markup:
    """Draws prompts by pass rate: a bar each for none right, ten bands between, and all right.

    Args:
        bars: (label in percent, prompts, CSS class), from left to right.
        title: what the panel shows.
    """
    ticks = nice_ticks(max((count for _, count, _ in bars), default=0))
    width = (PANEL_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))

    def y(count: float) -> float:
        return _FLOOR - count / ticks[-1] * (_FLOOR - _TOP)

    drawn = []
    for place, (label, count, name) in enumerate(bars):
        if count:
            told = element("title", f"{count:,} prompts at {label} %")
            top = min(y(count), _FLOOR - 1)
            left = _LEFT + place * width + 1
            drawn.append(element("rect", told, class_=name, x=left, y=top, width=width - 2, height=_FLOOR - top))
    axis = [(y(tick), compact(tick)) for tick in ticks]
    labels = [
        (_LEFT + (place + 0.5) * width, label)
        for place, (label, _, _) in enumerate(bars)
        if "\u2013" not in label or place % 3 == 2
    ]
    return _panel(title, axis, drawn, labels, "right, in percent of a prompt's samples")


def _panel(
    title: str,
    y_labels: Sequence[tuple[float, str]],
    drawn: Sequence[Markup],
    x_labels: Sequence[tuple[float, str]],
    x_title: str,
) -> Markup:
    grid = [
        part
        for height, label in y_labels
        for part in (
            element("line", class_="grid", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=height, y2=height),
            element("text", label, x=_LEFT - 6, y=height + 4, text_anchor="end"),
        )
    ]
    below = [
        element("line", class_="base", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=_FLOOR, y2=_FLOOR),
        *(element("text", label, x=place, y=_FLOOR + 16, text_anchor="middle") for place, label in x_labels),
        element(
            "text", x_title, class_="axis", x=(_LEFT + PANEL_WIDTH - _RIGHT) / 2, y=_FLOOR + 34, text_anchor="middle"
        ),
    ]
    return panel(title, [*grid, *drawn, *below])
