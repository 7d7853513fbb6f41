"""Renders the facts into one HTML page without any outside resource, and writes it.

Reads the store and the run's files through the gathering modules, and the package's own templates; writes only the page.
"""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import sqlalchemy as sa
from markupsafe import Markup

from schemas.files import write_bytes_durably
from service.report import charts, curves
from service.report.facts import CurationFact, ReportFacts
from service.report.formats import format_bytes, format_number, format_percent, format_time, short_name
from service.report.gather import gather
from service.report.highlight import plain_marks

#: The page is an answer, not an archive: whatever the run's size it stays below this. Texts and counts are bounded to hold it.
MAX_PAGE_BYTES = 5 << 20


def write_report(engine: sa.Engine, out: Path, target: Path) -> Path:
    """Writes the report over every run under `out` that the store knows.

    Args:
        engine: the store.
        out: the folder that the commands were given as `--out`.
        target: the HTML file to write; replaced in one step.

    Returns:
        `target`.

    Raises:
        UserError: if the store knows no run under `out`.
    """
    page = render_within(gather(engine, out), MAX_PAGE_BYTES)
    write_bytes_durably(target, page.encode("utf-8"))
    return target


def render_within(facts: ReportFacts, max_bytes: int) -> str:
    """Gives the page with as many samples and pairs as fit into `max_bytes` of UTF-8; the numbers always stay."""
    page = render(facts)
    while len(page.encode("utf-8")) > max_bytes and (facts.samples or _has_texts(facts.curation)):
        curation = facts.curation
        if curation is not None:
            curation = replace(
                curation,
                twins=curation.twins[: len(curation.twins) // 2],
                browsed=curation.browsed[: len(curation.browsed) // 2],
                benchmarks=[replace(item, examples=item.examples[:1]) for item in curation.benchmarks],
            )
        facts = replace(facts, samples=facts.samples[: len(facts.samples) // 2], curation=curation)
        page = render(facts)
    return page


def _has_texts(curation: CurationFact | None) -> bool:
    return curation is not None and bool(curation.twins or curation.browsed)


def render(facts: ReportFacts) -> str:
    """Gives the page. The same facts give the same page."""
    environment = page_environment()
    style = template_source(environment, "style.css")
    script = template_source(environment, "script.js")
    return environment.get_template("report.html.j2").render(
        facts=facts,
        policy=content_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        numbers=script_json(facts.numbers),
    )


def content_policy(style: str, script: str) -> str:
    """Gives the content security policy of a page that has this style and script inline and loads nothing."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{content_hash(style)}'",
            f"script-src '{content_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def content_hash(content: str) -> str:
    """Gives the source expression by which a content security policy allows exactly this inline content."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode()


def script_json(value: Any) -> Markup:
    """Gives JSON that may stand inside a script element: no character of it can end the element or a line of script."""
    written = json.dumps(value, ensure_ascii=True, sort_keys=True)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    # ASCII only: U+2028, U+2029 and lone surrogates are escapes by now.
    return Markup(written)  # noqa: S704 - nothing in it can end the element


def template_source(environment: jinja2.Environment, name: str) -> str:
    """Gives a template file as it stands, for content whose hash the policy names."""
    loader = environment.loader
    if loader is None:
        raise TypeError("the environment has no loader")
    return loader.get_source(environment, name)[0].strip()


def page_environment(*packages: str) -> jinja2.Environment:
    """Gives the environment of a page: templates of these packages first, then the report's. Whatever is printed is made safe."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package, "templates") for package in (*packages, "service.report")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever a template prints goes through here, so no text can reach the page with an invisible control in it.
        finalize=_printed,
    )
    environment.filters.update(
        number=format_number, size=format_bytes, percent=format_percent, when=format_time, short=short_name
    )
    environment.globals.update(charts=charts, curves=curves, Series=charts.Series, max=max, share=_share)
    return environment


def _printed(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return plain_marks(value) if isinstance(value, str) else value


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
