"""Renders installed modules as the HTML pages that pydoc makes of them, with formulas as Sphinx and MathJax write them.

Run as `python -m service.demo.pages` in a process of its own: it imports every module that it renders. Reads module names from
stdin, one a line; writes one JSON object a line to stdout: ``{"module", "html", "formulas"}`` or ``{"module", "error"}``.
"""

import contextlib
import html
import importlib
import io
import json
import pydoc
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

# A character of the private use area stands for a formula while pydoc marks up the text around it.
_PLACEHOLDER = "\ue000{}\ue001"
_PLACEHOLDER_PATTERN = re.compile("\ue000(\\d+)\ue001")
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,16}")  # the only part of a page that another process would print otherwise
_FORMULA = re.compile(
    r"^(?P<indent>[ \t]*)\.\. math ?::[ \t]*(?P<inline>[^\n]*)\n(?P<block>(?:[ \t]*\n|(?P=indent)[ \t]+[^\n]*\n)*)"
    r"|:math:`(?P<role>[^`]+)`"
    r"|(?<![\w$\\`])\$(?P<dollar>[^$\n]{1,300}?)\$(?![\w$])",
    re.MULTILINE,
)


class FormulaDoc(pydoc.HTMLDoc):
    r"""pydoc's HTML with the formulas of docstrings as `\(...\)` and `\[...\]`, which MathJax shows."""

    def __init__(self) -> None:
        super().__init__()
        self.formulas = 0

    def markup(
        self,
        text: str,
        escape: Callable[[str], str] | None = None,
        funcs: Mapping[str, str] = {},
        classes: Mapping[str, str] = {},
        methods: Mapping[str, str] = {},
    ) -> str:
        """Marks up a docstring as pydoc does, formulas apart."""
        found: list[str] = []

        def keep(match: re.Match[str]) -> str:
            display = match["role"] is None and match["dollar"] is None
            source = (match["inline"] + "\n" + match["block"]) if display else (match["role"] or match["dollar"])
            source = " ".join(source.split())
            if not source:
                return match.group(0)
            opening, closing = (r"\[", r"\]") if display else (r"\(", r"\)")
            found.append(f'<span class="math notranslate nohighlight">{opening}{html.escape(source)}{closing}</span>')
            return _PLACEHOLDER.format(len(found) - 1) + ("\n" if display else "")

        marked = super().markup(_FORMULA.sub(keep, text), escape, funcs, classes, methods)
        self.formulas += len(found)
        return _PLACEHOLDER_PATTERN.sub(lambda match: found[int(match[1])], marked)


def render(module: str) -> dict[str, Any]:
    """Renders one module; whatever its import or pydoc does wrong becomes an `error`, never the end of the run."""
    document = FormulaDoc()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            page = document.page(module, document.document(importlib.import_module(module), module))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing any module may raise anything
        return {"module": module, "error": f"{type(error).__name__}: {error}"}
    return {"module": module, "html": _ADDRESS.sub("", page), "formulas": document.formulas}


def main() -> None:
    """Answers every module name on stdin with one line on stdout."""
    warnings.simplefilter("ignore")
    answers = sys.stdout
    for line in sys.stdin:
        print(json.dumps(render(line.strip()), ensure_ascii=True), file=answers, flush=True)


if __name__ == "__main__":
    main()
