"""How many near-duplicates the job finds, by their true similarity, beside what theory says: the S-curve of two presets.

    python benchmarks/bench_recall.py [--pairs 20000] [--check]

Pairs with a true Jaccard similarity spread evenly over 0.5..1 (see `planted_pairs`) go through the real job, once with the published 14
bands of 8 rows and once with 18 bands of 6. A pair is found if one of the two was removed and its `kept_id` is the other. The truth, and
the similarity of every removed row to its `kept_id`, are computed here from plain Python sets of word 5-grams. Writes the table and the
picture of docs/neardup_quality.md too. `--check` exits with 1 if a target is missed or a removed row has no verified edge.
"""

import argparse
import re
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine_text import write_result  # noqa: E402
from benchmarks.planted_pairs import NGRAM, Corpus, read_truth, write_corpus  # noqa: E402
from columnar.minhash import HIGH_RECALL, MinHashPreset  # noqa: E402
from curation.job.driver import run_job  # noqa: E402
from schemas.recipe import CurateRecipe  # noqa: E402

THRESHOLD = 0.4  # below every planted pair: what is missed was no candidate
PRESETS = {"published": MinHashPreset(), "high recall": HIGH_RECALL}
MIN_RECALL = {"published": ("0.8..1.0", 0.97), "high recall": ("at 0.8", 0.99)}
RANGES = {"0.8..1.0": (0.8, 1.0), "at 0.8": (0.79, 0.81)}
EDGES = np.round(np.arange(0.5, 1.0001, 0.05), 2)
PAGE = ROOT / "docs" / "neardup_quality.md"
PICTURE = ROOT / "docs" / "neardup_recall.svg"
_NOT_A_WORD = re.compile(r"[^a-z]+")


def similarity(left: str, right: str) -> float:
    """The Jaccard similarity of two planted texts, whose words are ASCII letters, by plain sets."""
    words = [_NOT_A_WORD.sub(" ", text.lower()).split() for text in (left, right)]
    first, second = ({tuple(some[at : at + NGRAM]) for at in range(len(some) - NGRAM + 1)} for some in words)
    return len(first & second) / len(first | second)


def read_texts(folder: Path) -> dict[str, str]:
    """URL -> text of the whole corpus."""
    found: dict[str, str] = {}
    for path in sorted((folder / "in").iterdir()):
        table = pq.read_table(path)
        found.update(zip(table["url"].to_pylist(), table["text"].to_pylist(), strict=True))
    return found


def removed_pairs(folder: Path, preset: MinHashPreset, workers: int) -> list[tuple[str, str, float]]:
    """Runs the job; gives (URL of a removed document, URL of the one kept in its place, similarity as written)."""
    recipe = {
        "name": "recall",
        "inputs": [{"source": "planted", "path": str(folder / "in")}],
        "steps": [{"near_dedup": {"bands": preset.bands, "rows": preset.rows, "threshold": THRESHOLD}}],
    }
    out = folder / f"out-{preset.bands}"
    manifest = run_job(CurateRecipe.model_validate(recipe), folder, out, num_workers=workers)
    urls: dict[str, str] = {}
    kept: set[str] = set()
    for kind in ("kept", "rejects"):
        for path in manifest.paths(out / "curate", kind):
            table = pq.read_table(path, columns=["id", "url"])
            urls.update(zip(table["id"].to_pylist(), table["url"].to_pylist(), strict=True))
            kept |= set(table["id"].to_pylist()) if kind == "kept" else set()
    rows = [row for path in manifest.paths(out / "curate", "duplicates") for row in pq.read_table(path).to_pylist()]
    strays = [row["id"] for row in rows if row["kept_id"] not in kept]
    if strays:
        raise SystemExit(f"{len(strays)} removed rows name a kept_id that was not kept: {strays[0]}")
    return [(urls[row["id"]], urls[row["kept_id"]], row["similarity"]) for row in rows]


def expected(preset: MinHashPreset, truth: Any) -> float:
    """The mean of 1 - (1 - s^r)^b over pairs."""
    return float(np.mean(1 - (1 - truth**preset.rows) ** preset.bands))


def recall(preset: MinHashPreset, truth: Any, found: Any, low: float, high: float) -> dict[str, Any]:
    """Measured and expected recall of the pairs with a true similarity in `low..high`."""
    here = (truth >= low) & (truth <= high)
    return {
        "low": float(low),
        "high": float(high),
        "pairs": int(here.sum()),
        "measured": round(float(found[here].mean()), 4),
        "expected": round(expected(preset, truth[here]), 4),
    }


def measure(folder: Path, pairs: int, workers: int) -> dict[str, Any]:
    """Writes the corpus, runs each preset, and gives its recalls and how its edges were verified."""
    corpus = Corpus(folder, pairs * 2, pairs, words=200)
    write_corpus(corpus)
    texts = read_texts(folder)
    planted = [(row["first"], row["second"]) for row in read_truth(corpus).to_pylist()]
    truth = np.array([similarity(texts[first], texts[second]) for first, second in planted])
    result: dict[str, Any] = {}
    for name, preset in PRESETS.items():
        removed = removed_pairs(folder, preset, workers)
        edges = {frozenset(edge[:2]) for edge in removed}
        wrong = sum(
            abs(similarity(texts[gone], texts[kept]) - told) > 1e-9 or told < THRESHOLD for gone, kept, told in removed
        )
        found = np.array([frozenset(pair) in edges for pair in planted])
        result[name] = {
            "bands": preset.bands,
            "rows": preset.rows,
            "removed": len(removed),
            "edges_not_verified": wrong,
            "curve": [recall(preset, truth, found, low, high) for low, high in pairwise(EDGES)],
            **{about: recall(preset, truth, found, *bounds) for about, bounds in RANGES.items()},
        }
    return result


def table(result: dict[str, Any]) -> list[str]:
    """The measured S-curves beside theory, as Markdown."""
    lines = ["| true similarity | pairs |", "| --- | ---: |"]
    for preset in result.values():
        lines[0] += f" {preset['bands']} x {preset['rows']} found | theory |"
        lines[1] += " ---: | ---: |"
    sections = [preset["curve"] + [preset[name] for name in RANGES] for preset in result.values()]
    for rows in zip(*sections, strict=True):
        line = f"| {rows[0]['low']:.2f}..{rows[0]['high']:.2f} | {rows[0]['pairs']:,} |"
        lines.append(line + "".join(f" {row['measured']:.4f} | {row['expected']:.4f} |" for row in rows))
    return lines


def picture(result: dict[str, Any]) -> str:
    """The S-curves as SVG: lines are theory, dots are measured."""
    colours = dict(zip(PRESETS, ("#2563eb", "#d97706"), strict=True))

    def place(s: float, share: float) -> str:
        return f"{60 + (s - 0.5) * 1000:.1f},{280 - share * 250:.1f}"

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 320" font-family="sans-serif" font-size="12">']
    parts.append('<rect width="600" height="320" fill="white"/>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = 280 - share * 250
        parts.append(
            f'<path d="M60 {y}H560" stroke="#e5e7eb"/><text x="52" y="{y + 4}" text-anchor="end">{share}</text>'
        )
    parts += [f'<text x="{60 + (s - 0.5) * 1000:.0f}" y="298" text-anchor="middle">{s}</text>' for s in EDGES[::2]]
    parts.append('<text x="310" y="315" text-anchor="middle">true Jaccard similarity</text>')
    for at, (name, preset) in enumerate(PRESETS.items()):
        colour = colours[name]
        line = " ".join(place(s, preset.candidate_probability(s)) for s in np.linspace(0.5, 1, 101))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for row in result[name]["curve"]:
            x, y = place((row["low"] + row["high"]) / 2, row["measured"]).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        label = f"{preset.bands} bands of {preset.rows} rows: line theory, dots found"
        parts.append(f'<text x="300" y="{220 + 20 * at}" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])


def write_page(result: dict[str, Any]) -> None:
    """Puts the table into the page between its markers, and the picture beside it."""
    start, end = "<!-- recall: written by benchmarks/bench_recall.py -->", "<!-- end of recall -->"
    before, rest = PAGE.read_text(encoding="utf-8").split(start)
    PAGE.write_text("\n".join([before + start, *table(result), end + rest.split(end)[1]]), encoding="utf-8")
    PICTURE.write_text(picture(result), encoding="utf-8")


def main() -> int:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = measure(Path(name), arguments.pairs, arguments.workers)
    print("\n".join(table(result)))
    missed = []
    for name, (where, least) in MIN_RECALL.items():
        if result[name][where]["measured"] < least:
            missed.append(f"{name}: recall {result[name][where]['measured']} {where}, wanted {least}")
        if result[name]["edges_not_verified"]:
            missed.append(f"{name}: {result[name]['edges_not_verified']} removed rows without a verified edge")
        print(f"{name}: {result[name]['removed']:,} removed, {result[name]['edges_not_verified']} edges not verified")
    print(write_result("recall", {"pairs": arguments.pairs, "presets": result, "missed": missed}))
    write_page(result)
    for line in missed:
        print(f"below target: {line}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
