"""How right and how fast the detector of language mixing is, beside lingua's spans, on texts of which every word's language is known.

    python benchmarks/bench_language.py [--only NAME ...] [--part test|tune] [--check]

Needs the reference data (`TAMIS_REFERENCE_DATA`), and lid.176.ftz for the line pass rate. Texts are those of
`benchmarks.mixed_texts`, the part that no threshold was set on. Times are processor time of one thread, on texts not seen before: the
first half warms up, the second is timed. `--only` prints and writes nothing; `--check` exits with 1 below a target.
"""

import argparse
import csv
import gzip
import io
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_language_id import documents, language_model
from benchmarks.hostile_texts import HOSTILE
from benchmarks.language_targets import PUBLISHED_LINE_PASS, TARGETS, table
from benchmarks.machine_text import cpu_seconds, write_result
from benchmarks.mixed_clauses import DATA, Part
from benchmarks.mixed_texts import (
    NEAR,
    PAIRS,
    MixedText,
    Score,
    accuracy,
    clean_texts,
    flagged_share,
    is_found,
    planted_clauses,
    planted_words,
    score,
    share_error,
    splices,
    token_labels,
)
from benchmarks.rivals import rival_python
from columnar.confusion import line_pass
from columnar.fasttext_classifier import load_classifier
from columnar.mixing import LANGUAGES, Span, consistency, consistency_batch, label_tokens, off_script, spans

Result = dict[str, Any]
SPLICES, PLANTED_WORDS, PLANTED_CLAUSES = 400, 2000, 1000
HOSTILE_TIMEOUT = 300


def accuracy_and_shares(part: Part) -> Result:
    """Splices of each pair: both languages given and unknown, beside lingua on the same texts."""
    texts = {pair: splices(pair, SPLICES, part) for pair in PAIRS}
    runs = [
        {"texts": [mixed.text for mixed in texts[pair]], "languages": languages}
        for pair in PAIRS
        for languages in (pair, LANGUAGES)
    ]
    lingua = iter(_lingua(runs))
    result: Result = {}
    for pair in PAIRS:
        for known, candidates in (("given", pair), ("unknown", None)):
            ours = [score(mixed, token_labels(label_tokens(mixed.text, candidates))) for mixed in texts[pair]]
            rival = next(lingua)
            seconds = _seconds([mixed.text for mixed in texts[pair]], pair[0], candidates)
            theirs = [score(mixed, found) for mixed, found in zip(texts[pair], rival["spans"], strict=True)]
            result[f"{'+'.join(pair)} {known}"] = {
                **_scores(ours),
                "ratio_error": _ratio_error(texts[pair], candidates),
                "lingua": _scores(theirs),
                "megabytes_a_second": _half_megabytes([m.text for m in texts[pair]]) / seconds,
                "times_lingua": rival["seconds"] / seconds,
            }
    return result


def _scores(scores: Sequence[Score]) -> Result:
    chars = sum(s.zxx_chars for s in scores)
    return {
        "words": sum(s.words for s in scores),
        "accuracy": accuracy(scores),
        "share_error": share_error(scores),
        "formulas_and_code_as_zxx": sum(s.zxx_right for s in scores) / max(1, chars),
    }


def _ratio_error(texts: Sequence[MixedText], candidates: tuple[str, str] | None) -> float:
    """How far R1's ratio, as `consistency` gives it, is from the true share of the target."""
    true = [score(mixed, ()).true_share for mixed in texts]
    found = [consistency(mixed.text, mixed.target, candidates).strict.ratio for mixed in texts]
    return float(np.mean(np.abs(np.subtract(true, found))))


def _lingua(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    script = Path(__file__).parent / "rivals" / "lingua_spans.py"
    answer = subprocess.run(
        [rival_python("lingua"), script], input=json.dumps(runs), capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def clean(part: Part) -> Result:
    """Texts of one language in which something is reported; `minor` spans, names say, are no report of mixing."""
    result: Result = {}
    for name, texts in clean_texts(part).items():
        by_language: dict[str, list[MixedText]] = defaultdict(list)
        for mixed in texts:
            by_language[mixed.target].append(mixed)
        result[name] = {
            "texts": len(texts),
            "flagged": flagged_share(texts, _reported),
            "flagged_target_unknown": flagged_share(texts, lambda mixed: _serious(spans(mixed.text))),
            "by_language": {language: flagged_share(few, _reported) for language, few in sorted(by_language.items())},
        }
    return result


def _reported(mixed: MixedText) -> list[tuple[int, int, str]]:
    return _serious(spans(mixed.text, target=mixed.target))


def _serious(found: list[Span]) -> list[tuple[int, int, str]]:
    return [span[:3] for span in found if span.severity != "minor"]


def planted(part: Part) -> Result:
    """Texts of 500 words with one foreign word or clause."""
    words, clauses = planted_words(PLANTED_WORDS, part), planted_clauses(PLANTED_CLAUSES, part)
    near = [mixed for mixed in clauses if _pair(mixed) in NEAR]
    far = [mixed for mixed in clauses if _pair(mixed) not in NEAR]
    missed = [mixed for mixed in words if not is_found(mixed, [s[:3] for s in spans(mixed.text, target=mixed.target)])]
    return {
        "word": {
            "texts": len(words),
            "found": 1 - len(missed) / len(words),
            "missed": [_planted(m) for m in missed[:20]],
        },
        "clause": {"texts": len(clauses), **_found(clauses)},
        "clause, near languages": {"texts": len(near), **_found(near)},
        "clause, other languages": {"texts": len(far), **_found(far)},
    }


def _found(texts: list[MixedText]) -> Result:
    reported = [_reported(mixed) for mixed in texts]
    found = [is_found(mixed, of_text) for mixed, of_text in zip(texts, reported, strict=True)]
    named = [
        is_found(mixed, [span for span in of_text if span[2] == mixed.foreign()[0].language])
        for mixed, of_text in zip(texts, reported, strict=True)
    ]
    return {"found": float(np.mean(found)), "and_named_rightly": float(np.mean(named))}


def _pair(mixed: MixedText) -> frozenset[str]:
    return frozenset({mixed.target, mixed.foreign()[0].language})


def _planted(mixed: MixedText) -> str:
    piece = mixed.foreign()[0]
    return f"{piece.language} in {mixed.target}: {mixed.text[piece.start : piece.end]}"


def line_pass_rates(_: Part) -> Result:
    """The benchmark's own responses; a figure is the mean over languages of the mean over sources."""
    classifier = load_classifier(language_model())
    result: Result = {}
    for model in PUBLISHED_LINE_PASS:
        rows = responses(model)
        passed = line_pass(
            [row["completion"] for row in rows], [row["language"] for row in rows], classifier
        ).to_pylist()
        for task in ("monolingual", "crosslingual"):
            cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
            for row, verdict in zip(rows, passed, strict=True):
                if row["task"] == task and verdict is not None:
                    cells[row["language"]][row["source"]].append(verdict)
            means = [np.mean([np.mean(few) for few in sources.values()]) for sources in cells.values()]
            result[f"{model} {task}"] = 100 * float(np.mean(means))
    return result


def responses(model: str) -> list[dict[str, str]]:
    text = gzip.decompress((DATA / "lcb_outputs" / f"{model}.csv.gz").read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def throughput(_: Part) -> Result:
    """Answers of models in English, Chinese and French: the check by script, all that `consistency` counts, labels alone."""
    result: Result = {}
    for language, texts in {"en": documents(), **_responses_in("zh", "fr")}.items():
        half = len(texts) // 2
        runs: dict[str, Callable[[list[str]], object]] = {
            "labelling": lambda few, t=language: consistency_batch(few, [t] * len(few)),
            "tokens": lambda few, t=language: [label_tokens(text, target=t) for text in few],
        }
        megabytes = _half_megabytes(texts)
        result[language] = {"megabytes": megabytes, "check": _check_speed(texts, language)}
        for name, run in runs.items():
            run(texts[:half])
            start = time.process_time()
            run(texts[half:])
            result[language][name] = megabytes / (time.process_time() - start)
    return result


def _check_speed(texts: list[str], language: str) -> float:
    """Times the check over many times the texts: it remembers nothing, and is too quick for one pass over so few."""
    many = pa.array(texts * 20, pa.large_string())
    return many.nbytes / 1e6 / cpu_seconds(lambda: off_script(many, language))


def _responses_in(*languages: str) -> dict[str, list[str]]:
    """Gives responses of the Language Confusion Benchmark that are in their language, each once."""
    classifier = load_classifier(language_model())
    rows = [row for model in PUBLISHED_LINE_PASS for row in responses(model) if row["language"] in languages]
    passed = line_pass([row["completion"] for row in rows], [row["language"] for row in rows], classifier).to_pylist()
    found: dict[str, list[str]] = {language: [] for language in languages}
    for row, verdict in zip(rows, passed, strict=True):
        if verdict:
            found[row["language"]].append(row["completion"])
    return {language: list(dict.fromkeys(texts)) for language, texts in found.items()}


def hostile(_: Part) -> Result:
    """Each hostile text in a process of its own: seconds and peak memory of `consistency`, or why there are none."""
    result: Result = {}
    for name in HOSTILE:
        command = [sys.executable, __file__, "--hostile", name]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HOSTILE_TIMEOUT)
            result[name] = json.loads(answer.stdout)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as failure:
            result[name] = {"failed": str(failure)}
        print(f"{name:44}{_hostile_line(result[name])}", flush=True)
    return result


def _hostile_line(row: Result) -> str:
    return (
        row.get("failed")
        or f"{row['megabytes']:>8.1f} MB{row['seconds']:>8.2f} s{row['peak_bytes'] / 1e6:>8,.0f} MB peak"
    )


def _one_hostile(name: str) -> Result:
    consistency("the weather is nice, 天气很好, and la maison est verte et grande", "en")
    text = HOSTILE[name]()
    start = time.process_time()
    consistency(text, "en")
    seconds, peak = time.process_time() - start, _peak_bytes()
    return {"megabytes": len(text.encode("utf-8", "surrogatepass")) / 1e6, "seconds": seconds, "peak_bytes": peak}


def _peak_bytes() -> int:
    """Gives the most memory that this process held; on Linux `getrusage` would tell its parent's, if that held more."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(texts: list[str], target: str, candidates: tuple[str, str] | None) -> float:
    """Gives the processor time of `consistency_batch` over the second half of the texts, as lingua's is taken, once the first was read."""
    half = len(texts) // 2
    consistency_batch(texts[:half], [target] * half, candidates)
    start = time.process_time()
    consistency_batch(texts[half:], [target] * (len(texts) - half), candidates)
    return time.process_time() - start


def _half_megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts[len(texts) // 2 :]) / 1e6


SECTIONS: dict[str, Callable[[Part], Result]] = {
    "splices": accuracy_and_shares,
    "clean": clean,
    "planted": planted,
    "line_pass": line_pass_rates,
    "throughput": throughput,
    "hostile": hostile,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), metavar="NAME", help=", ".join(SECTIONS)
    )
    parser.add_argument("--part", choices=("test", "tune"), default="test", help="tune: what thresholds may be set on")
    parser.add_argument("--check", action="store_true", help="exit with 1 below a target")
    parser.add_argument("--hostile", choices=HOSTILE, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hostile:
        print(json.dumps(_one_hostile(arguments.hostile)))
        return 0
    result: Result = {}
    for name in arguments.only:
        print(f"== {name}", flush=True)
        result[name] = SECTIONS[name](arguments.part)
    if arguments.only == list(SECTIONS) and arguments.part == "test":
        print(f"written: {write_result('language', result).name}")
    else:
        print(
            json.dumps(
                {name: value for name, value in result.items() if name != "hostile"}, indent=1, ensure_ascii=False
            )
        )
    print("\n".join(table(result)))
    values = [(target, target.read(result)) for target in TARGETS if target.section in result]
    return int(arguments.check and not all(target.met(value) for target, value in values))


if __name__ == "__main__":
    sys.exit(main())
