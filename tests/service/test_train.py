"""`tamis train`: a model and its card from labelled files, measured on documents that it did not see."""

import json
import os
import subprocess
import sys
from pathlib import Path

import fasttext
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--dim", "16", "--epoch", "10", "--lr", "0.5", "--buckets", "5000", "--min-count", "1")


def tamis(*arguments):
    command = [sys.executable, "-m", "service.cli", *map(str, arguments)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def piles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("piles")
    proof = "we prove by induction that the sum of the first {n} squares is a polynomial\nin {n} of degree three"
    sale = "buy {n} shoes today and win a holiday for {n} people by the sea __label__positive"
    with (folder / "good.jsonl").open("w") as handle:
        handle.writelines(json.dumps({"text": proof.format(n=n)}) + "\n" for n in range(200))
    pq.write_table(pa.table({"text": [sale.format(n=n) for n in range(150)]}), folder / "bad.parquet")
    return folder


@pytest.mark.parametrize("extra", [(), ("--quantize",)], ids=["plain", "quantised"])
def test_a_model_and_its_card(piles, tmp_path, extra):
    out = tmp_path / ("m.ftz" if extra else "m.bin")
    given = ("--positive", piles / "good.jsonl", "--negative", piles / "bad.parquet", "--out", out)
    result = tamis("train", *given, *SMALL, *extra, "--json")
    assert result.returncode == 0, result.stderr
    card = json.loads(result.stdout)
    assert card == json.loads((tmp_path / f"{out.name}.json").read_text())
    assert sum(card["trained_on"].values()) + sum(card["held_out"].values()) == 350
    assert card["f1"] > 0.95
    assert card["parameters"]["word_ngrams"] == 3
    assert card["score_quantiles"]["positive"]["0.5"] > 0.9 > card["score_quantiles"]["negative"]["0.5"]
    assert [row["recall"] for row in card["thresholds"]] == sorted(
        (r["recall"] for r in card["thresholds"]), reverse=True
    )
    assert fasttext.load_model(str(out)).predict("buy shoes today")[0] == ("__label__negative",)
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, f"{out.name}.json"]


def test_mistakes_are_one_line(piles, tmp_path):
    good, bad = piles / "good.jsonl", piles / "bad.parquet"
    for arguments, message in (
        (("--positive", good, "--negative", bad, "--out", tmp_path / "m.txt"), "ends in .bin"),
        (("--positive", good, "--negative", tmp_path / "no.jsonl", "--out", tmp_path / "m.bin"), "no.jsonl"),
        (("--positive", good, "--negative", bad, "--out", tmp_path / "m.bin", "--text-column", "body"), "body"),
        (("--positive", good, "--negative", bad, "--out", tmp_path / "m.bin", "--held-out", "1.5"), "--held-out"),
    ):
        result = tamis("train", *arguments)
        assert result.returncode == 2, result.stderr
        assert result.stderr.count("\n") == 1
        assert message in result.stderr
    assert not list(tmp_path.iterdir())
