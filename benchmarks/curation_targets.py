"""What the curation engine is asked to do, and how its results are read: the rows of docs/performance.md."""

from typing import Any

from targets import Target


def _speed(result: dict[str, Any], what: str) -> float:
    """Gives the slowest of the kinds of text, MB/s."""
    return min(row["megabytes_a_second"] for row in result["rows"] if row["what"] == what)


def _times(result: dict[str, Any], rival: str) -> float:
    return min(
        row["ours_is_faster_by"] for row in result["rows"] if row["what"] == rival and "ours_is_faster_by" in row
    )


def _decisions(result: dict[str, Any], tool: str) -> float:
    """Gives the least share of decisions that agree, over the rule sets in a tool's reading; FineWeb's rules are in datatrove's."""
    whole = (row for row in result["rows"] if row["reason"] == "all decisions")
    return 100 * min(row["agreement"] for row in whole if row["rules"].endswith("_dolma") == (tool == "dolma"))


def _largest(result: dict[str, Any]) -> dict[str, Any]:
    last: dict[str, Any] = result["sizes"][-1]
    return last


def _growth(result: dict[str, Any]) -> float | None:
    if len(result["sizes"]) < 2:
        return None
    first, last = result["sizes"][0], result["sizes"][-1]
    return float(last["microseconds_a_document"] / first["microseconds_a_document"])


TARGETS = (
    Target(
        "fused measurement, all rule sets at once, one core, words met before",
        60,
        "MB/s",
        "agreement",
        lambda r: r["speed"]["ours_strings_met"],
    ),
    Target("the same at the first sight of 12 MB", 60, "MB/s", "agreement", lambda r: r["speed"]["ours"]),
    Target("the same over all source code of this machine", 60, "MB/s", "agreement", lambda r: r["speed"]["ours_corpus"]),
    Target(
        "at first sight, beside datatrove's four filters", 250, "x", "agreement", lambda r: r["speed"]["ours"] / r["speed"]["datatrove"]
    ),
    Target("decisions that agree with datatrove, least rule set", 98, "%", "agreement", lambda r: _decisions(r, "datatrove"), digits=2),
    Target("decisions that agree with dolma, least rule set", 99.5, "%", "agreement", lambda r: _decisions(r, "dolma"), digits=2),
    Target("FineWeb's chain as a Beam job, per core", 15, "MB/s", "chain", lambda r: r["mb_s_core"], digits=1),
    Target("the same beside datatrove's chain", 50, "x", "chain", lambda r: r["times"]),
    Target("signatures, kernel, one core, slowest text", 120, "MB/s", "minhash", lambda r: _speed(r, "tamis signatures")),
    Target("signatures beside datatrove", 80, "x", "minhash", lambda r: _times(r, "datatrove")),
    Target("signatures beside rensa with shingling", 6, "x", "minhash", lambda r: _times(r, "rensa"), digits=1),
    Target(
        "signatures in the Beam job (read, measure, write), per core", 50, "MB/s", "neardup",
        lambda r: _largest(r)["measure_megabytes_a_second_a_core"],
    ),
    Target("near-dedup of 1 M documents, 3 GB, 2 cores", 240, "s", "neardup", lambda r: _largest(r)["seconds"], most=True),
    Target("its memory, all processes", 4, "GB", "neardup", lambda r: _largest(r)["peak_bytes"] / 1e9, most=True, digits=2),
    Target("Beam's own share of its time", 20, "%", "neardup", lambda r: 100 * _largest(r)["beam_share"], most=True),
    Target("cost a document, 1 M beside 10,000 documents", 1.2, "x", "neardup", _growth, most=True, digits=2),
    Target("recall, Jaccard 0.8 to 1, 14 x 8", 0.97, "", "recall", lambda r: r["presets"]["published"]["0.8..1.0"]["measured"], digits=3),
    Target("recall at 0.8, our preset", 0.99, "", "recall", lambda r: r["presets"]["high recall"]["at 0.8"]["measured"], digits=3),
    Target(
        "decontamination, 3 KB document", 20, "us", "decontaminate",
        lambda r: max(row["microseconds_a_document"] for row in r["rows"]), most=True, digits=1,
    ),
    Target(
        "document language, the slower of lid.176 and py3langid, one core", 2000, "documents/s", "language_id",
        lambda r: min(row["documents_a_second"] for row in r["speed"] if row["what"] in ("tamis fasttext", "tamis py3langid")),
    ),
    Target("`tamis explain` among 10 M documents, slowest", 1, "s", "explain", lambda r: r["worst_s"], most=True, digits=2),
)  # fmt: skip
