"""Runs in dolma's environment: the attributes that its tagger `gopher_v1` gives each document, and how long it takes.

python run_dolma.py DOCUMENTS.jsonl OUT.json
"""

import json
import sys
import time
from pathlib import Path

from dolma.taggers.gopher import get_attributes


def main(source: str, target: str) -> None:
    texts = [json.loads(line)["text"] for line in Path(source).read_text(encoding="utf-8").split("\n")[:-1]]
    start = time.process_time()
    rows = [{span.type: span.score for span in get_attributes(text).as_spans()} for text in texts]
    seconds = time.process_time() - start
    Path(target).write_text(json.dumps({"attributes": rows, "seconds": seconds}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
