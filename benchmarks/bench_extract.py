"""Quality and speed of HTML extraction: our engines beside trafilatura and resiliparse alone.

    python benchmarks/bench_extract.py [--check]

Needs the reference data (``TAMIS_REFERENCE_DATA``): the pages of the article extraction benchmark with their true bodies, and
Readability's test pages with what it takes for the article. Precision, recall and F1 are means over pages, over word 4-grams (the
article benchmark's measure) and over single words. `--check` exits with 1 where an engine of ours finds less than the library alone.
"""

import argparse
import gzip
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

import trafilatura  # noqa: E402
from machine_text import write_result  # noqa: E402
from resiliparse.extract.html2text import extract_plain_text  # noqa: E402
from resiliparse.parse.html import HTMLTree  # noqa: E402

from curation.readers.html import decode_page  # noqa: E402
from curation.steps.extract import extract_page  # noqa: E402

Page = tuple[str, str]  # the page, and its true text

ENGINES: dict[str, Callable[[str], str]] = {
    "tamis, resiliparse": lambda page: extract_page(page).text,
    "tamis, trafilatura": lambda page: extract_page(page, engine="trafilatura").text,
    "resiliparse alone": lambda page: extract_plain_text(HTMLTree.parse(page), main_content=True, alt_texts=False),
    "trafilatura alone": lambda page: trafilatura.extract(page, include_comments=False) or "",
}
#: Ours may stay behind the library by this much: the metadata and formulas are worth a rounding error.
_SLACK = 0.005


def article_pages(folder: Path) -> list[Page]:
    gold = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    pages = [(folder / f"{name}.html.gz", item["articleBody"]) for name, item in sorted(gold.items())]
    return [(_page(path), text) for path, text in pages if path.exists()]


def readability_pages(folder: Path) -> list[Page]:
    found = []
    for expected in sorted(folder.glob("*/expected.html.gz")):
        text = HTMLTree.parse(_page(expected)).body.text
        found.append((_page(expected.with_name("source.html.gz")), text))
    return found


def _page(path: Path) -> str:
    return decode_page(gzip.decompress(path.read_bytes()), None)


def _grams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def scores(found: list[str], wanted: list[str], n: int) -> dict[str, float]:
    precision, recall = [], []
    for ours, true in zip(found, wanted, strict=True):
        got, gold = _grams(ours, n), _grams(true, n)
        if not gold:
            continue
        common = (got & gold).total()
        precision.append(common / max(1, got.total()))
        recall.append(common / gold.total())
    p, r = sum(precision) / len(precision), sum(recall) / len(recall)
    return {"precision": p, "recall": r, "f1": 2 * p * r / (p + r)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ.get("TAMIS_REFERENCE_DATA") or _ROOT.parent / "shared" / "data")
    if not data.is_dir():
        print("no reference data: set TAMIS_REFERENCE_DATA")
        return 2
    corpora = {
        "articles": article_pages(data / "html_article_extraction"),
        "readability": readability_pages(data / "html_readability"),
    }
    rows = []
    print(
        f"{'pages':12} {'engine':20} {'4-grams P':>9} {'R':>6} {'F1':>6} {'words P':>8} {'R':>6} {'F1':>6} {'MB/s':>6}"
    )
    for corpus, pages in corpora.items():
        size = sum(len(page.encode("utf-8", "replace")) for page, _ in pages)
        for name, extract in ENGINES.items():
            extract(pages[0][0])
            start = time.process_time()
            found = [extract(page) for page, _ in pages]
            speed = size / (time.process_time() - start) / 1e6
            grams, words = (scores(found, [text for _, text in pages], n) for n in (4, 1))
            rows.append(
                {"pages": corpus, "count": len(pages), "engine": name, "grams": grams, "words": words, "mb_s": speed}
            )
            cells = [f"{value:6.3f}" for value in (*grams.values(), *words.values())]
            print(
                f"{corpus:12} {name:20} {cells[0]:>9} {' '.join(cells[1:3])} {cells[3]:>8} {' '.join(cells[4:])} {speed:6.1f}"
            )
    write_result("extract", {"rows": rows})
    found = {(row["pages"], row["engine"]): row["grams"]["f1"] for row in rows}
    behind = [
        f"{corpus}: tamis, {engine}"
        for corpus in corpora
        for engine in ("resiliparse", "trafilatura")
        if found[corpus, f"tamis, {engine}"] < found[corpus, f"{engine} alone"] - _SLACK
    ]
    for name in behind:
        print(f"behind the library alone: {name}")
    return 1 if arguments.check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
