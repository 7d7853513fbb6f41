"""Runs in datatrove's environment: what its filters say of each document, and how long they take.

python run_datatrove.py DOCUMENTS.jsonl OUT.json
"""

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

FILTERS = {
    "gopher_repetition_datatrove": GopherRepetitionFilter(),
    "gopher_quality_datatrove": GopherQualityFilter(),
    "c4": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": FineWebQualityFilter(),
}


def main(source: str, target: str) -> None:
    texts = [json.loads(line)["text"] for line in Path(source).read_text(encoding="utf-8").split("\n")[:-1]]
    decisions: dict[str, list[str]] = {name: [] for name in FILTERS}
    for judge in FILTERS.values():
        judge.filter(Document(text="Two words. And some more of them.", id="warm"))
    start = time.process_time()
    for text in texts:
        for name, judge in FILTERS.items():
            # C4's filter edits the document: each gets its own, all share the cache of words.
            result = judge.filter(Document(text=text, id="x"))
            decisions[name].append("" if result is True else result[1] if isinstance(result, tuple) else "dropped")
    seconds = time.process_time() - start
    Path(target).write_text(json.dumps({"decisions": decisions, "seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
