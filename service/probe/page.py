"""Renders the result of a probe into one HTML page without any outside resource. Reads the package's own templates and nothing else.

What attacks wrote is hostile by nature: it is escaped, cut and shown with its controls as marks (`service.probe.summary`).
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from service.report.page import content_policy, page_environment, template_source

NUM_LEVELS: Final = 10
MAX_FINDINGS: Final = 200
"""Rows of the table of what got through; `probe.json` has all."""


def render_probe(summary: Mapping[str, Any]) -> str:
    """Gives the page. The same summary gives the same page."""
    environment = page_environment("service.probe", "service.audit")
    style = "\n".join(template_source(environment, name) for name in ("style.css", "audit.css"))
    script = "\n".join(template_source(environment, name) for name in ("script.js", "audit.js"))
    by_gold = [finding for finding in summary["findings"] if finding["by_gold"] or finding["way"] == "unscored"]
    return environment.get_template(
        "probe.html.j2"
    ).render(
        summary=summary,
        policy=content_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        names=[scorer["name"] for scorer in summary["scorers"]],
        findings=by_gold[:MAX_FINDINGS],
        num_findings=len(by_gold),
        forms=Counter(finding["scorer"] for finding in summary["findings"] if finding not in by_gold),
        kinds=Counter(attack["kind"] for attack in summary["attacks"]),
        order=sorted(range(len(summary["attacks"])), key=lambda place: _order(summary, place)),
        level=level_of,
    )


def level_of(mean: float | None) -> int:
    """Gives how dark a score is drawn: by the square root, so that one percent is told from none."""
    return 0 if mean is None else min(NUM_LEVELS, math.ceil(NUM_LEVELS * math.sqrt(min(1.0, max(0.0, mean))) - 1e-9))


def _order(summary: Mapping[str, Any], place: int) -> tuple[float, int]:
    mean = summary["attacks"][place]["scores"]["reward"]["mean"]
    return (-(mean or 0.0), place)
