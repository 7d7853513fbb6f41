"""Makes the demo's input from what is installed: pages as WARC files, and the places of the source trees.

Writes below one folder. What it makes depends on the installed versions alone, so a second call on the same machine gives the
same bytes.
"""

import gzip
import importlib.metadata
import importlib.util
import io
import json
import pkgutil
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastwarc.warc import WarcRecord, WarcRecordType

from schemas.errors import ResumableError
from schemas.files import read_json, write_bytes_durably, write_json_durably

#: Importing these opens a browser, prints a poem, needs a screen or is a test suite.
_SKIPPED = frozenset(
    {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "test", "lib2to3", "ensurepip", "pydoc_data"}
)
#: A fixed time, so that the same pages make the same bytes.
_PAGE_TIME = "2026-01-01T00:00:00Z"
_FORMULA_MARK = re.compile(r"\.\. math ?::|:math:`|(?<![\w$])\$[^$\n]{1,300}\$")
_MATH_PACKAGE = "sympy"
#: SymPy packages whose pages are web text where they hold no formula; the others inherit so much that a page is megabytes.
_PROSE_PACKAGES = ("sympy.utilities", "sympy.ntheory", "sympy.interactive", "sympy.parsing.latex", "sympy.strategies")

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoInputs:
    """What the demo reads: two WARC files of pages, and two source trees; `pages` counts them by file."""

    web: Path
    math: Path
    standard_library: Path
    packages: Path
    pages: dict[str, int]
    unrendered: dict[str, str]


def make_inputs(folder: Path, advance: Advance, processes: int = 2) -> DemoInputs:
    """Renders the pages unless `folder` has them for these very versions already.

    Args:
        folder: where the WARC files go.
        advance: told how many pages of how many are rendered.
        processes: pydoc processes at once.

    Raises:
        ResumableError: if a pydoc process dies.
    """
    versions = {"python": platform.python_version(), "sympy": importlib.metadata.version("sympy"), "layout": 1}
    note = folder / "pages.json"
    web, math = folder / "web.warc.gz", folder / "math.warc.gz"
    known = read_json(note) if note.exists() and web.exists() and math.exists() else {}
    if known.get("versions") != versions:
        modules = [*_standard_modules(), *_math_modules()]
        rendered = _render(modules, advance, processes)
        math_pages = [page for page in rendered if page.get("formulas") and page["module"].startswith(_MATH_PACKAGE)]
        chosen = {page["module"] for page in math_pages}
        web_pages = [page for page in rendered if "html" in page and page["module"] not in chosen]
        _write_warc(web, web_pages)
        _write_warc(math, math_pages)
        known = {
            "versions": versions,
            "pages": {"web": len(web_pages), "math": len(math_pages)},
            "unrendered": {page["module"]: page["error"] for page in rendered if "error" in page},
        }
        write_json_durably(note, known)
    paths = sysconfig.get_paths()
    return DemoInputs(web, math, Path(paths["stdlib"]), Path(paths["purelib"]), known["pages"], known["unrendered"])


def _standard_modules() -> list[str]:
    """Names the standard library's public modules, without importing the packages that have no business here."""
    names: list[str] = []
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_") or name in _SKIPPED:
            continue
        names.append(name)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            names += _submodules(name, spec.submodule_search_locations)
    return names


def _math_modules() -> list[str]:
    """Names SymPy's modules whose source holds formulas, and those of a few packages of prose."""
    spec = importlib.util.find_spec(_MATH_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ResumableError("the demo needs SymPy, which Tamis installs: reinstall it")
    root = Path(next(iter(spec.submodule_search_locations)))
    names: list[str] = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if {"tests", "benchmarks", "_antlr"} & set(parts) or parts[-1] in ("__main__", "conftest"):
            continue
        name = ".".join(parts).removesuffix(".__init__")
        # A package's own page repeats those of all its modules.
        if parts[-1] != "__init__" and (
            name.startswith(_PROSE_PACKAGES) or _FORMULA_MARK.search(path.read_text("utf-8"))
        ):
            names.append(name)
    return names


def _submodules(package: str, locations: Iterable[str]) -> list[str]:
    names: list[str] = []
    for found in sorted(pkgutil.iter_modules(locations), key=lambda item: item.name):
        if found.name in ("__main__", "test", "tests") or found.name.startswith("_"):
            continue
        name = f"{package}.{found.name}"
        names.append(name)
        if found.ispkg:
            names += _submodules(name, [str(Path(location) / found.name) for location in locations])
    return names


def _render(modules: list[str], advance: Advance, processes: int) -> list[dict[str, Any]]:
    """Renders modules in some pydoc processes; gives the pages in the order of `modules`."""
    done: list[dict[str, Any]] = []

    def run(names: list[str]) -> None:
        for page in _pages_of(names):
            done.append(page)
            advance(len(done), len(modules))

    with ThreadPoolExecutor(processes) as pool:
        for outcome in [pool.submit(run, modules[start::processes]) for start in range(processes)]:
            outcome.result()
    order = {name: position for position, name in enumerate(modules)}
    return sorted(done, key=lambda page: order[page["module"]])


def _pages_of(names: list[str]) -> Iterator[dict[str, Any]]:
    # A bare environment: pydoc prints the values of a module's data, `os.environ` among them.
    environment = {
        "PYTHONHASHSEED": "0",
        "PATH": "",
        "HOME": "",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "service.demo.pages"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        for name in names:
            process.stdin.write(name + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                raise ResumableError(f"the process that renders pages died at module {name}; run the demo again")
            yield json.loads(answer)
        process.stdin.close()


def _write_warc(path: Path, pages: list[dict[str, Any]]) -> None:
    """Writes pages as WARC response records, each a gzip member of its own, as crawls are stored."""
    sink = io.BytesIO()
    for page in pages:
        record = WarcRecord()
        record.init_headers(record_type=WarcRecordType.response)
        module = page["module"]
        record.headers["WARC-Target-URI"] = f"https://docs.invalid/{module}.html"
        record.headers["WARC-Date"] = _PAGE_TIME
        record.headers["WARC-Record-ID"] = f"<urn:tamis:demo:{module}>"
        record.headers["Content-Type"] = "application/http; msgtype=response"
        body = page["html"].encode("utf-8", "replace")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        record.set_bytes_content(head.encode() + body)
        plain = io.BytesIO()
        record.write(plain)
        sink.write(gzip.compress(plain.getvalue(), compresslevel=6, mtime=0))
    write_bytes_durably(path, sink.getvalue())
