"""Charts of the audit that the report has none of: shares by tenth of the text, and lines over steps. Pure: numbers to markup.

As in `service.report.charts`, colours are classes (`m0` to `m7`, one a model) and every mark tells its number on hover.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from service.report.charts import PANEL_HEIGHT, PANEL_WIDTH, compact, element, nice_ticks
from service.report.formats import format_percent

NUM_COLOURS: Final = 8
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 10, 40
_FLOOR: Final = PANEL_HEIGHT - _BOTTOM
_MOST_TICKS: Final = 6

Estimate = Mapping[str, Any]


def deciles(estimates: Sequence[Estimate], title: str) -> Markup:
    """Draws a share for each tenth of a text as a bar with its interval."""
    top = _top(estimates)
    width = (PANEL_WIDTH - _LEFT - _RIGHT) / len(estimates)
    drawn = []
    for place, found in enumerate(estimates):
        left, words = _LEFT + place * width, f"tenth {place + 1}: {told(found)}"
        y = _y(found["value"] or 0.0, top)
        drawn.append(
            element(
                "rect",
                element("title", words),
                class_="m0",
                x=left + 2,
                y=min(y, _FLOOR - 1),
                width=width - 4,
                height=max(1.0, _FLOOR - y),
            )
        )
        drawn += _whisker(found, left + width / 2, top)
        drawn.append(element("text", str(place + 1), x=left + width / 2, y=_FLOOR + 16, text_anchor="middle"))
    return _panel(title, "tenth of the text", top, drawn)


def trend(
    steps: Sequence[str], numbers: Sequence[float], lines: Mapping[str, Sequence[Estimate | None]], title: str
) -> Markup:
    """Draws a share over steps, a line a model.

    Args:
        steps: their names, in order.
        numbers: where each stands on the x axis.
        lines: model -> its share at each step, None where it has none.
        title: what is shown.
    """
    top = _top([found for line in lines.values() for found in line if found])
    low, high = numbers[0], numbers[-1]

    def x(number: float) -> float:
        return _LEFT + 8 + (number - low) / ((high - low) or 1) * (PANEL_WIDTH - _LEFT - _RIGHT - 16)

    drawn: list[Markup] = []
    for place, (model, line) in enumerate(lines.items()):
        there = [(x(number), step, found) for number, step, found in zip(numbers, steps, line, strict=True) if found]
        colour = f"m{place % NUM_COLOURS}"
        points = " ".join(f"{at:.1f},{_y(found['value'] or 0.0, top):.1f}" for at, _, found in there)
        drawn.append(element("polyline", class_=f"line {colour}", points=points))
        for at, step, found in there:
            drawn += _whisker(found, at, top, f" {colour}")
            words = element("title", f"{model}, {step}: {told(found)}")
            drawn.append(element("circle", words, class_=colour, cx=at, cy=_y(found["value"] or 0.0, top), r=3.5))
    stride = -(-len(steps) // _MOST_TICKS)
    for number, step in list(zip(numbers, steps, strict=True))[::stride]:
        drawn.append(element("text", step[:12], x=x(number), y=_FLOOR + 16, text_anchor="middle"))
    return _panel(title, "step", top, drawn)


def _top(estimates: Sequence[Estimate]) -> float:
    """Gives the axis's end: round, in percent, and above every interval."""
    highest = max(
        (found["high"] if found["high"] is not None else found["value"] or 0.0 for found in estimates), default=0.0
    )
    return nice_ticks(max(highest * 100, 0.1))[-1] / 100


def _y(share: float, top: float) -> float:
    return _FLOOR - min(share / top, 1.0) * (_FLOOR - _TOP)


def told(found: Estimate | None) -> str:
    """Says a share with its interval, for a hover."""
    if found is None or found["value"] is None:
        return "nothing to measure"
    value = format_percent(found["value"])
    if found["low"] is not None:
        value += f", 95 % interval {format_percent(found['low'])} to {format_percent(found['high'])}"
    return f"{value}, of {found['of']:,}"


def _whisker(found: Estimate, x: float, top: float, colour: str = "") -> list[Markup]:
    if found["low"] is None:
        return []
    return [element("line", class_=f"whisker{colour}", x1=x, x2=x, y1=_y(found["low"], top), y2=_y(found["high"], top))]


def _panel(title: str, x_label: str, top: float, drawn: Sequence[Markup]) -> Markup:
    axis = []
    for tick in nice_ticks(top * 100):
        y = _y(tick / 100, top)
        axis.append(element("line", class_="grid", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=y, y2=y))
        axis.append(element("text", f"{compact(tick)} %", x=_LEFT - 6, y=y + 4, text_anchor="end"))
    return element(
        "svg",
        element("title", title),
        *axis,
        *drawn,
        element("line", class_="base", x1=_LEFT, x2=PANEL_WIDTH - _RIGHT, y1=_FLOOR, y2=_FLOOR),
        element(
            "text", x_label, class_="axis", x=(_LEFT + PANEL_WIDTH - _RIGHT) / 2, y=_FLOOR + 34, text_anchor="middle"
        ),
        class_="panel",
        viewBox=f"0 0 {PANEL_WIDTH} {PANEL_HEIGHT}",
        role="img",
        aria_label=title,
    )
